"""What the deletion guard decides, for every object that the engine may want to delete."""

from typing import Any

import pytest

from switchyard.gates.rules.deletion import Action, Run, decide, refuse_production_destroy, refuse_serving
from switchyard.kube.object_names import ObjectName
from switchyard.kube.records import Record
from switchyard.manifests.ownership_marks import ADOPTED, Mark

OURS, THEIRS = Mark("switchyard", "production"), Mark("switchyard", "staging")
NAME = ObjectName("apps", "Deployment", "default", "backend-blue")
RECORD = Record(NAME, "apps/v1", "uid-1", "backend")


def live(uid: str = "uid-1", mark: Mark | None = OURS, *, adopted: bool = False) -> dict[str, Any]:
    annotations = dict(mark.annotations) if mark else {}
    if adopted:
        annotations[ADOPTED] = "true"
    return {"metadata": {"name": "backend-blue", "uid": uid, "annotations": annotations}}


def run(**changes: Any) -> Run:
    given: dict[str, Any] = {
        "mark": OURS,
        "former": None,
        "registered": False,
        "configured": True,
        "elsewhere": False,
        "removed": False,
        "destroying": False,
    }
    return Run(**{**given, **changes})


@pytest.mark.parametrize(
    ("live", "changes", "action"),
    [
        (None, {}, Action.FORGET),
        (None, {"destroying": True}, Action.FORGET),
        (live("uid-2"), {"destroying": True}, Action.FORGET),
        (live("uid-2"), {"removed": True}, Action.FORGET),
        (live(mark=THEIRS), {"destroying": True}, Action.FORGET),
        (live(mark=THEIRS), {"removed": True}, Action.FORGET),
        (live(mark=THEIRS), {"former": THEIRS}, Action.ASK),
        (live(mark=None), {}, Action.ASK),
        (live(), {"registered": True}, Action.FORGET),
        (live(), {"registered": True, "removed": True}, Action.FORGET),
        (live(), {"registered": True, "destroying": True}, Action.DELETE),
        (live(adopted=True), {"registered": True, "destroying": True}, Action.RELEASE),
        (live(adopted=True), {"removed": True}, Action.RELEASE),
        (live(), {"removed": True}, Action.DELETE),
        (live(), {"configured": False}, Action.ASK),
        (live(), {}, Action.ASK),
    ],
)
def test_deletion_of_an_object_depends_on_who_serves(
    live: dict[str, Any] | None, changes: dict[str, Any], action: Action
) -> None:
    assert decide(RECORD, live, run(**changes)).action is action


def test_an_object_without_uid_in_the_state_is_ours_only_by_its_mark() -> None:
    unknown = Record(NAME, "apps/v1", "", "backend")
    assert decide(unknown, live(mark=None), run(destroying=True)).action is Action.FORGET
    assert decide(unknown, live(), run(destroying=True)).action is Action.DELETE


@pytest.mark.parametrize("source", ["outputs", "inputs"])
def test_a_record_is_read_from_what_the_state_has(source: str) -> None:
    metadata = {"name": "backend-blue", "namespace": "default", "labels": {"app": "backend"}, "uid": "uid-1"}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    record = Record.of(**{"inputs": None, "outputs": None, source: manifest})
    assert record is not None
    assert (record.name, record.service) == (NAME, "backend")
    assert record.uid == ("uid-1" if source == "outputs" else "")


def test_a_resource_that_is_not_a_kubernetes_object_has_no_record() -> None:
    assert Record.of({"name": "backend"}, {"name": "backend"}) is None
    assert Record.of(None, None) is None


def test_the_same_object_in_another_version_of_its_api_is_the_same_object() -> None:
    old, new = (
        ObjectName.of({"apiVersion": f"policy/{version}", "kind": "PodDisruptionBudget", "metadata": {"name": "it"}})
        for version in ("v1beta1", "v1")
    )
    assert old == new


def test_the_refusal_of_a_vanished_service_has_the_command_that_removes_it() -> None:
    text = str(refuse_serving(RECORD, run(configured=False), "Service backend has 3 ready endpoints"))
    assert "service backend is no longer in the configuration of namespace default, and serves" in text
    assert "pulumi config set --path 'switchyard:services.backend.remove' true" in text
    assert "Rename a service" in text


def test_the_refusal_after_a_move_has_the_setting_for_the_old_namespace() -> None:
    text = str(refuse_serving(RECORD, run(configured=False, elsewhere=True), "Service backend has 3 ready endpoints"))
    assert "pulumi config set --path 'switchyard:services.backend.leaves' default" in text
    assert "remove" not in text


def test_the_refusal_of_a_serving_object_says_who_serves() -> None:
    text = str(refuse_serving(RECORD, run(), "3 of its pods are behind Service backend"))
    assert text.startswith(
        "backend: deleting Deployment/backend-blue in namespace default is refused (SY-D001): it serves users"
    )


def test_a_destroy_of_production_names_every_service_and_its_command() -> None:
    text = str(refuse_production_destroy({"api": "Service api has 3 ready endpoints", "web": "not known"}))
    for name in ("api", "web"):
        assert f"pulumi config set --path 'switchyard:services.{name}.remove' true" in text
    assert "Nothing was deleted" in text
