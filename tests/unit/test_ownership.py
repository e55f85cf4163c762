"""Whose objects are: what may be written, what is refused, and in which words."""

from typing import Any

import pytest

from gate.object_names import ObjectName
from gate.ownership import Conflict, Owner, conflict, refuse_takeover, takes_over
from render.marks import Mark, mark_of, marked

OURS, THEIRS = Mark("switchyard", "production"), Mark("switchyard", "staging")
ACCOUNT = ObjectName("", "ServiceAccount", "default", "payments")
SERVICE = ObjectName("", "Service", "default", "payments")
PATH = "switchyard:services.payments.adopt"


def live(mark: Mark | None, uid: str = "uid-1") -> dict[str, Any]:
    annotations = {"eks.amazonaws.com/role-arn": "arn:..."} | (mark.annotations if mark else {})
    return {"metadata": {"uid": uid, "annotations": annotations, "managedFields": [{"manager": "kubectl"}]}}


@pytest.mark.parametrize(
    ("found", "owner", "known", "refused"),
    [
        (None, Owner(OURS), "", False),
        (live(OURS), Owner(OURS), "", False),
        (live(OURS), Owner(OURS), "uid-0", False),
        (live(THEIRS), Owner(OURS), "", True),
        (live(THEIRS), Owner(OURS), "uid-1", True),
        (live(THEIRS), Owner(OURS, former=THEIRS), "", False),
        (live(Mark("other", "production")), Owner(OURS), "", True),
        (live(None), Owner(OURS), "", True),
        (live(None), Owner(OURS), "uid-1", False),
        (live(None), Owner(OURS), "uid-0", True),
        (live(None), Owner(OURS, adopted=frozenset({"ServiceAccount/payments"})), "", False),
        (live(None), Owner(OURS, adopted=frozenset({"Service/payments"})), "", True),
        (live(THEIRS), Owner(OURS, adopted=frozenset({"ServiceAccount/payments"})), "", True),
    ],
)
def test_what_may_be_written(found: dict[str, Any] | None, owner: Owner, known: str, *, refused: bool) -> None:
    assert (conflict(ACCOUNT, found, owner, known) is not None) is refused


def test_only_an_adopted_object_without_a_mark_is_taken_over() -> None:
    owner = Owner(OURS, adopted=frozenset({"ServiceAccount/payments"}))
    assert takes_over(ACCOUNT, live(None), owner)
    assert not takes_over(ACCOUNT, live(OURS), owner)
    assert not takes_over(ACCOUNT, live(None), owner, known_uid="uid-1")
    assert not takes_over(ACCOUNT, None, owner)
    assert not takes_over(SERVICE, live(None), owner)


def test_all_conflicts_of_a_service_are_one_message_with_a_command_for_each() -> None:
    found = [Conflict(ACCOUNT, None, ", but by kubectl"), Conflict(SERVICE, None, ", and selects app=legacy")]
    text = str(refuse_takeover("payments", found, PATH, listed=1))
    assert "ServiceAccount/payments in namespace default was not made by this stack, but by kubectl" in text
    assert f"pulumi config set --path '{PATH}[1]' ServiceAccount/payments" in text
    assert f"pulumi config set --path '{PATH}[2]' Service/payments" in text


def test_an_object_of_another_stack_is_named_with_that_stack_and_cannot_be_adopted() -> None:
    text = str(refuse_takeover("payments", [Conflict(SERVICE, THEIRS)], PATH, listed=0))
    assert "belongs to stack switchyard/staging" in text
    assert "pulumi config set switchyard:formerStack switchyard/staging" in text
    assert "adopt" not in text


def test_without_conflicts_nothing_is_refused() -> None:
    assert refuse_takeover("payments", [], PATH, listed=0) is None


def test_a_marked_manifest_keeps_its_annotations() -> None:
    manifest = {"kind": "Service", "metadata": {"name": "it", "annotations": {"a": "b"}}, "spec": {}}
    stamped = marked(manifest, OURS)
    assert mark_of(stamped) == OURS
    assert stamped["metadata"]["annotations"]["a"] == "b"
    assert mark_of(manifest) is None


@pytest.mark.parametrize("text", ["production", "/production", "switchyard/", "a/b/c", ""])
def test_a_former_stack_is_project_and_name(text: str) -> None:
    with pytest.raises(ValueError, match="project/stack"):
        Mark.parse(text)
