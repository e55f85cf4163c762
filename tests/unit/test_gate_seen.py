"""What the gates see of a cluster, and what they say of it without refusing."""

from typing import Any

import pytest

from gate.objects import PodsChange, current_pods, pod_state, pods_change
from gate.reports import about_readiness, seen, why_not_ready
from tests.unit.test_gate_decisions import BLUE, GREEN, TO_BLUE, TO_GREEN, service


def deployment(image: str, replicas: int = 3) -> dict[str, Any]:
    return {"spec": {"replicas": replicas, "template": template(image)}}


def template(image: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "backend", **labels}}, "spec": {"containers": [{"image": image}]}}


def test_what_an_apply_does_to_pods_is_read_from_the_deployment_before_and_after() -> None:
    assert not pods_change(deployment("v1"), deployment("v1")).takes_pods
    assert not pods_change(deployment("v1", 3), deployment("v1", 5)).takes_pods
    assert pods_change(deployment("v1", 3), deployment("v1", 2)) == PodsChange(template=False, before=3, after=2)
    assert pods_change(deployment("v1"), deployment("v2")).template


def test_the_pods_of_a_deployment_s_present_template_are_told_from_those_of_earlier_ones() -> None:
    def replica_set(image: str, hash_: str) -> dict[str, Any]:
        labels = {"pod-template-hash": hash_}
        return {"metadata": {"labels": labels}, "spec": {"template": template(image, **labels)}}

    def pod(name: str, **labels: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "labels": labels}}

    found = [pod("new", **{"pod-template-hash": "b"}), pod("old", **{"pod-template-hash": "a"}), pod("stray")]
    both = [replica_set("v1", "a"), replica_set("v2", "b")]
    assert current_pods(deployment("v2"), both, found) == {"new"}
    # The controller has not made anything of the template yet.
    assert current_pods(deployment("v3"), both, found) == frozenset()


@pytest.mark.parametrize(
    ("selected", "serving", "found"),
    [
        (TO_GREEN, "green", None),
        (TO_BLUE, "blue", "backend: blue serves on the cluster, though the stack has green"),
        (None, "nothing of this stack", "there is no Service backend on the cluster, though the stack has green"),
        ({"run": "x"}, "nothing of this stack", "Service backend on the cluster selects run=x, though the stack has"),
    ],
)
def test_what_serves_is_told_as_the_cluster_has_it(
    selected: dict[str, str] | None, serving: str, found: str | None
) -> None:
    result = seen("backend", service(), selected)
    assert result.serving == serving
    assert result.problem is None if found is None else found in str(result.problem)


@pytest.mark.parametrize(
    ("error", "readiness"),
    [
        (
            '3 errors occurred:\n\t* the Kubernetes API server reported that "default/backend-green" failed to fully '
            "initialize or become live: 'backend-green' timed out waiting to be Ready\n",
            True,
        ),
        (
            'the Kubernetes API server reported that "default/backend-green" failed to fully initialize or become '
            "live: Resource operation was cancelled for 'backend-green'",
            False,
        ),
        ("client rate limiter Wait returned an error: context canceled", False),
        ('admission webhook "policy.example.org" denied the request', False),
    ],
)
def test_unready_pods_are_made_out_as_the_cause_only_where_they_are(error: str, *, readiness: bool) -> None:
    assert about_readiness([error]) == readiness


def test_the_cause_of_unready_pods_is_counted_and_named() -> None:
    line = why_not_ready("backend", service(), GREEN, ["a", "b", "b"], BLUE)
    assert "pods of green: 2 b; 1 a. blue goes on serving." in line
    assert "there are none. serving: nothing." in why_not_ready("backend", service(), GREEN, [], None)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "ready"),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0}]},
            "ImagePullBackOff (0 restarts)",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled"}}, "restartCount": 2}]},
            "OOMKilled (2 restarts)",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no"}]},
            "Unschedulable: no",
        ),
        ({"phase": "Running"}, "running, but its readiness probe does not succeed"),
        ({"phase": "Pending"}, "Pending"),
        ({}, "Unknown"),
    ],
)
def test_a_pod_is_described_by_the_nearest_cause(status: dict[str, object], state: str) -> None:
    assert pod_state({"status": status}) == state
