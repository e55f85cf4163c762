"""Why a track has too few pods, from the objects on the cluster."""

from typing import Any

from switchyard.config.models.service import Track
from switchyard.kube.objects import Pod
from switchyard.kube.shortage import PodsReport, report, running

GREEN, ROLLOUT = Track.GREEN, Track.ROLLOUT
QUOTA = 'pods "backend-green-1-" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3'


def owner(image: str = "org/backend:v2", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "proxy", "image": "proxy:v1"}, {"name": "app", "image": image}]}}
    return {"spec": {"replicas": replicas, "template": template, **spec}}


def replica_set(message: str, replicas: int = 3) -> dict[str, Any]:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return {"spec": {"replicas": replicas}, "status": {"conditions": [condition]}}


def pod(name: str, image: str = "org/backend:v2", *, ready: bool = True) -> Pod:
    return Pod(name, ready, "ready" if ready else "ImagePullBackOff (0 restarts)", image)


def test_pods_refused_by_a_quota_are_reported_with_its_message() -> None:
    shortage = report(GREEN, 3, owner(), [replica_set(QUOTA), replica_set("of an old one", 0)], [], ())
    assert str(shortage) == (
        f"pods of green: 0 of 3 ready of v2: there are none of it; the API server refuses to create more: {QUOTA}"
    )


def test_ready_pods_of_another_version_are_no_ready_pods() -> None:
    pods = [pod("old", "org/backend:v1"), pod("new", ready=False), pod("good")]
    shortage = report(GREEN, 3, owner(), [], pods, {"new", "good"})
    assert (shortage.ready, shortage.states) == (1, ("ImagePullBackOff (0 restarts)",))
    assert str(shortage) == (
        "pods of green: 1 of 3 ready of v2: 1 ImagePullBackOff (0 restarts); 1 of another template (v1), 1 ready"
    )


def test_a_track_that_has_all_its_pods_has_nothing_to_explain() -> None:
    assert str(report(GREEN, 1, owner(replicas=1), [], [pod("a")], {"a"})) == "pods of green: 1 of 1 ready of v2"


def test_what_the_owner_itself_says_is_reported() -> None:
    assert report(GREEN, 3, None, [], [], ()).causes == ("there is no Deployment on the cluster",)
    assert report(ROLLOUT, 3, None, [], [], ()).causes == ("there is no Rollout on the cluster",)
    assert report(GREEN, 3, owner(replicas=1), [], [], ()).causes == ("its Deployment on the cluster asks for 1",)
    paused = report(GREEN, 3, owner(paused=True), [], [], ())
    assert paused.causes == ("its Deployment is paused, so that a new version is not rolled out",)
    condition = {"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError", "message": "denied by x"}
    denied = report(GREEN, 3, owner() | {"status": {"conditions": [condition]}}, [], [], ())
    assert denied.causes == ("its Deployment: denied by x",)
    invalid = {"type": "InvalidSpec", "status": "True", "message": "service is not there"}
    assert report(ROLLOUT, 3, owner() | {"status": {"conditions": [invalid]}}, [], [], ()).causes == (
        "its Rollout: service is not there",
    )


def test_pods_are_counted_by_what_they_run() -> None:
    (first, second) = running([pod("a"), pod("b", ready=False), pod("c", "org/backend:v1")])
    assert (first.reference, first.pods, first.ready) == ("org/backend:v2", 2, 1)
    assert (second.reference, second.pods, second.ready) == ("org/backend:v1", 1, 1)


def test_a_report_without_an_owner_says_that_there_are_none() -> None:
    assert str(PodsReport(GREEN, 3)) == "pods of green: 0 of 3 ready: there are none"
