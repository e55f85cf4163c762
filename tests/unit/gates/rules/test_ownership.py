"""Ownership of objects: what may be written, what is refused, and the messages."""

from typing import Any

import pytest

from switchyard.gates.rules.ownership import (
    Conflict,
    Owner,
    conflict,
    refuse_takeover,
    takes_over,
    warn_other_deployer,
)
from switchyard.kube.mark_owner import restore_command
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.ownership_marks import IDENTITY, PROJECT, STACK, Mark, mark_of, marked

OURS, THEIRS = Mark("switchyard", "production"), Mark("switchyard", "staging")
ACCOUNT = ObjectName("", "ServiceAccount", "default", "payments")
SERVICE = ObjectName("", "Service", "default", "payments")
PATH = "switchyard:services.payments.adopt"


def live(mark: Mark | None, uid: str = "uid-1") -> dict[str, Any]:
    annotations = {"eks.amazonaws.com/role-arn": "arn:..."} | (mark.annotations if mark else {})
    return {"metadata": {"uid": uid, "annotations": annotations, "managedFields": [{"manager": "kubectl"}]}}


@pytest.mark.parametrize(
    ("existing", "owner", "known", "refused"),
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
def test_objects_of_another_stack_are_not_written(
    existing: dict[str, Any] | None, owner: Owner, known: str, *, refused: bool
) -> None:
    assert (conflict(ACCOUNT, existing, owner, known) is not None) is refused


def test_only_an_adopted_object_without_a_mark_is_taken_over() -> None:
    owner = Owner(OURS, adopted=frozenset({"ServiceAccount/payments"}))
    assert takes_over(ACCOUNT, live(None), owner)
    assert not takes_over(ACCOUNT, live(OURS), owner)
    assert not takes_over(ACCOUNT, live(None), owner, known_uid="uid-1")
    assert not takes_over(ACCOUNT, None, owner)
    assert not takes_over(SERVICE, live(None), owner)


def test_all_conflicts_of_a_service_are_one_message_with_a_command_for_each() -> None:
    conflicts = [Conflict(ACCOUNT, None, ", but by kubectl"), Conflict(SERVICE, None, ", and selects app=legacy")]
    text = str(refuse_takeover("payments", conflicts, PATH, listed=1))
    assert "ServiceAccount/payments in namespace default was not created by this stack, but by kubectl" in text
    assert f"pulumi config set --path '{PATH}[1]' ServiceAccount/payments" in text
    assert f"pulumi config set --path '{PATH}[2]' Service/payments" in text


def test_an_object_of_another_stack_is_named_with_that_stack_and_cannot_be_adopted() -> None:
    text = str(refuse_takeover("payments", [Conflict(SERVICE, THEIRS)], PATH, listed=0))
    assert "belongs to stack switchyard/staging" in text
    assert "pulumi config set switchyard:formerStack switchyard/staging" in text
    assert "adopt" not in text


def test_an_object_that_cannot_be_adopted_is_to_be_deleted() -> None:
    text = str(refuse_takeover("cluster", [Conflict(SERVICE, None)], "", listed=0))
    assert "pulumi config set" not in text
    assert "delete them, then run `pulumi up" in text


def test_without_conflicts_nothing_is_refused() -> None:
    assert refuse_takeover("payments", [], PATH, listed=0) is None


def test_a_marked_manifest_keeps_its_annotations() -> None:
    manifest = {"kind": "Service", "metadata": {"name": "it", "annotations": {"a": "b"}}, "spec": {}}
    stamped = marked(manifest, OURS)
    assert mark_of(stamped) == OURS
    assert stamped["metadata"]["annotations"]["a"] == "b"
    assert mark_of(manifest) is None
    assert IDENTITY not in stamped["metadata"]["annotations"]
    assert mark_of(marked(manifest, MINE)) == MINE


MINE, NAMESAKE = (Mark("switchyard", "production", identity) for identity in ("1a", "2b"))


@pytest.mark.parametrize(
    ("mark", "former", "refused"),
    [
        (NAMESAKE, None, True),
        (NAMESAKE, "switchyard/production", False),
        (NAMESAKE, "switchyard/production@2b", False),
        (NAMESAKE, "switchyard/production@3c", True),
        (OURS, None, True),
        (OURS, "switchyard/production", False),
        (OURS, "switchyard/production@3c", True),
    ],
)
def test_a_lost_state_is_taken_over_by_the_setting_former_stack(
    mark: Mark, former: str | None, *, refused: bool
) -> None:
    owner = Owner(MINE, former=None if former is None else Mark.parse(former))
    assert (conflict(ACCOUNT, live(mark), owner) is not None) is refused


@pytest.mark.parametrize(
    ("marks", "word"),
    [
        ([NAMESAKE], "switchyard/production@2b"),
        ([OURS], "switchyard/production"),
        ([NAMESAKE, Mark("switchyard", "production", "3c")], "switchyard/production"),
    ],
)
def test_a_stack_of_the_same_name_is_distinguished_from_a_lost_state(marks: list[Mark], word: str) -> None:
    conflicts = [conflict(ACCOUNT, live(mark), Owner(MINE)) for mark in marks]
    text = str(refuse_takeover("payments", [conflict_ for conflict_ in conflicts if conflict_], PATH, listed=0))
    assert "belongs to stack switchyard/production of another state" in text
    assert f"pulumi config set switchyard:formerStack {word} && pulumi up && pulumi config rm" in text
    assert "kubectl" not in text


def by(manager: str, mark: Mark, *keys: str) -> dict[str, Any]:
    """An object whose mark somebody has written, or some annotations of it, and this program the others."""
    written = keys or (PROJECT, STACK, IDENTITY)
    parts = {manager: written, "switchyard": [key for key in (PROJECT, STACK, IDENTITY) if key not in written]}
    fields = [
        {"manager": who, "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{key}": {} for key in those}}}}
        for who, those in parts.items()
        if those
    ]
    manifest = live(mark)
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": fields}}


RESTORE = (
    "kubectl -n default annotate serviceaccount payments switchyard/project=switchyard switchyard/stack=production "
    "switchyard/stack-identity=1a --overwrite"
)


@pytest.mark.parametrize(
    "mark",
    [THEIRS, NAMESAKE, Mark("", ""), Mark("switchyard", "other", "1a")],
    ids=["stack", "identity", "none", "name"],
)
@pytest.mark.parametrize("manager", ["kubectl-annotate", "switchyard"])
def test_a_mark_changed_by_hand_is_restored_by_a_command(mark: Mark, manager: str) -> None:
    conflict_ = conflict(ACCOUNT, by(manager, mark), Owner(MINE), known_uid="uid-1")
    assert conflict_ is not None
    text = str(refuse_takeover("payments", [conflict_], PATH, listed=0))
    assert RESTORE in text
    # What only this program writes may be another stack's word; whatever else wrote it cannot have been that.
    assert ("its mark was set by kubectl-annotate" in text) is (manager == "kubectl-annotate")
    assert ("formerStack" not in text) is (manager == "kubectl-annotate")
    assert ("another name" not in text) is (manager == "kubectl-annotate")


def test_one_annotation_changed_by_hand_is_enough_to_know_it() -> None:
    conflict_ = conflict(ACCOUNT, by("kubectl-annotate", Mark("switchyard", "x", "1a"), STACK), Owner(MINE), "uid-1")
    assert conflict_ is not None
    assert conflict_.by_hand
    other = conflict(ACCOUNT, by("kubectl-annotate", Mark("switchyard", "x", "2b"), PROJECT), Owner(MINE), "uid-1")
    assert other is not None
    assert not other.by_hand


def test_an_object_that_the_state_does_not_have_is_not_marked_by_a_command() -> None:
    conflict_ = conflict(ACCOUNT, by("kubectl-annotate", THEIRS), Owner(MINE), known_uid="uid-0")
    assert conflict_ is not None
    assert "kubectl -n" not in str(refuse_takeover("payments", [conflict_], PATH, listed=0))


def test_the_command_for_a_custom_resource_names_its_group() -> None:
    rollout = ObjectName("argoproj.io", "Rollout", "shop", "payments")
    assert restore_command(rollout, MINE).startswith("kubectl -n shop annotate rollout.argoproj.io payments ")
    namespace = ObjectName("", "Namespace", "", "argo")
    assert restore_command(namespace, OURS).endswith(
        "switchyard/stack=production switchyard/stack-identity- --overwrite"
    )


@pytest.mark.parametrize("text", ["production", "/production", "switchyard/", "a/b/c", ""])
def test_a_former_stack_is_project_and_name(text: str) -> None:
    with pytest.raises(ValueError, match="project/stack"):
        Mark.parse(text)


@pytest.mark.parametrize(
    ("metadata", "deployer"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "Helm release shop"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "web:/Service:a/b"}}, "Argo CD application web"),
        ({"labels": {"argocd.argoproj.io/instance": "web"}}, "Argo CD application web"),
        ({"ownerReferences": [{"kind": "App", "name": "shop", "controller": True}]}, "App shop"),
    ],
)
def test_an_object_that_another_tool_has_too_is_adopted_with_a_warning(metadata: dict[str, Any], deployer: str) -> None:
    adopted = {"metadata": live(None)["metadata"] | metadata}
    text = warn_other_deployer("payments", ACCOUNT, adopted)
    assert (
        f"ServiceAccount/payments in namespace default is adopted, and it also belongs to {deployer} (SY-O013)"
        in str(text)
    )
    assert warn_other_deployer("payments", ACCOUNT, live(None)) is None
