"""The reports and warnings of the gates on a cluster."""

from typing import Any

import pytest

from switchyard.gates.rules.reports import about_readiness, serving_report, why_not_ready
from switchyard.kube.objects import PodsChange, current_pods, pods_change
from switchyard.kube.pod_states import pod_state
from switchyard.kube.shortage import PodsReport
from tests.unit.gates.rules.test_release import BLUE, GREEN, TO_BLUE, TO_GREEN, service


def deployment(image: str, replicas: int = 3) -> dict[str, Any]:
    return {"spec": {"replicas": replicas, "template": template(image)}}


def template(image: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "backend", **labels}}, "spec": {"containers": [{"image": image}]}}


def test_what_an_apply_does_to_pods_is_read_from_the_deployment_before_and_after() -> None:
    assert not pods_change(deployment("v1"), deployment("v1")).takes_pods
    assert not pods_change(deployment("v1", 3), deployment("v1", 5)).takes_pods
    assert pods_change(deployment("v1", 3), deployment("v1", 2)) == PodsChange(template=False, before=3, after=2)
    assert pods_change(deployment("v1"), deployment("v2")).template
    assert pods_change(deployment("v1"), deployment("v2")).fields == ("containers changed",)


@pytest.mark.parametrize("annotation", ["switchyard/renewed-at", "kubectl.kubernetes.io/restartedAt"])
def test_pods_of_a_deployment_s_present_template_are_distinguished_from_earlier_ones(annotation: str) -> None:
    def replica_set(image: str, hash_: str) -> dict[str, Any]:
        labels = {"pod-template-hash": hash_}
        return {"metadata": {"labels": labels}, "spec": {"template": template(image, **labels)}}

    def pod(name: str, **labels: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "labels": labels}}

    pods = [pod("new", **{"pod-template-hash": "b"}), pod("old", **{"pod-template-hash": "a"}), pod("stray")]
    both = [replica_set("v1", "a"), replica_set("v2", "b")]
    assert current_pods(deployment("v2"), both, pods) == {"new"}
    # The controller has not made anything of the template yet.
    assert current_pods(deployment("v3"), both, pods) == frozenset()
    # Pods that are renewed are of the same version, so that a rollback to them need not wait.
    renewed = replica_set("v2", "c")
    renewed["spec"]["template"]["metadata"]["annotations"] = {annotation: "now"}
    pods.append(pod("renewed", **{"pod-template-hash": "c"}))
    assert current_pods(deployment("v2"), [*both, renewed], pods) == {"new", "renewed"}
    of_renewed = deployment("v2")
    of_renewed["spec"]["template"] = renewed["spec"]["template"]
    assert current_pods(of_renewed, [*both, renewed], pods) == {"new", "renewed"}
    renewed["spec"]["template"]["metadata"]["annotations"] = {"switchyard/content-hash": "other"}
    assert current_pods(deployment("v2"), [*both, renewed], pods) == {"new"}


@pytest.mark.parametrize(
    ("selected", "serving", "expected"),
    [
        (TO_GREEN, "green", None),
        (TO_BLUE, "blue", "backend: blue serves on the cluster, though the stack has green"),
        (None, "nothing of this stack", "there is no Service backend on the cluster, though the stack has green"),
        ({"run": "x"}, "nothing of this stack", "Service backend on the cluster selects run=x, though the stack has"),
    ],
)
def test_what_serves_is_reported_as_the_cluster_has_it(
    selected: dict[str, str] | None, serving: str, expected: str | None
) -> None:
    result = serving_report("backend", service(), selected)
    assert result.serving == serving
    assert result.problem is None if expected is None else expected in str(result.problem)


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
def test_unready_pods_are_named_as_the_cause_only_when_they_are(error: str, *, readiness: bool) -> None:
    assert about_readiness([error]) == readiness


def test_the_cause_of_unready_pods_is_counted_and_named() -> None:
    short = PodsReport(GREEN, 3, "v2", ready=1, states=("b", "a", "b"))
    line = why_not_ready("backend", service(), short, BLUE)
    seen = "backend: pods of green: 1 of 3 ready of v2: 2 b; 1 a (SY-S013). "
    assert line.startswith(f"{seen}blue continues to serve. See: kubectl")
    nothing = why_not_ready("backend", service(), PodsReport(GREEN, 3), None)
    assert "pods of green: 0 of 3 ready: there are none (SY-S013). serving: nothing." in nothing


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
        (
            {
                "containerStatuses": [
                    {
                        "name": "app",
                        "image": "org/backend:v2",
                        "state": {"waiting": {"reason": "ErrImagePull", "message": 'failed to pull "x":\n  not found'}},
                        "restartCount": 0,
                    }
                ]
            },
            'ErrImagePull of org/backend:v2 (0 restarts): failed to pull "x": not found',
        ),
        (
            {
                "containerStatuses": [
                    {
                        "name": "app",
                        "state": {
                            "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s pod=backend-1_shop(2)"}
                        },
                        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                        "restartCount": 7,
                    }
                ]
            },
            "CrashLoopBackOff (7 restarts, last exit code 137, OOMKilled)",
        ),
        (
            {
                "conditions": [{"type": "Initialized", "status": "False"}],
                "initContainerStatuses": [
                    {"name": "migrate", "state": {"terminated": {"reason": "Error", "exitCode": 2}}, "restartCount": 1}
                ],
                "containerStatuses": [
                    {"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}, "restartCount": 0}
                ],
            },
            "init container migrate: Error (1 restarts, last exit code 2)",
        ),
        (
            {
                "conditions": [{"type": "Initialized", "status": "False"}],
                "initContainerStatuses": [{"name": "wait", "state": {"running": {}}, "restartCount": 0}],
            },
            "init container wait has not ended",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}},
                    {
                        "name": "proxy",
                        "state": {
                            "waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}
                        },
                        "restartCount": 0,
                    },
                ]
            },
            'container proxy: CreateContainerConfigError (0 restarts): secret "x" not found',
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "app", "ready": True, "state": {"running": {}}},
                    {"name": "proxy", "ready": False, "state": {"running": {}}},
                ],
            },
            "running, but the readiness probe of container proxy does not succeed",
        ),
        ({"reason": "Evicted", "message": "low on memory", "phase": "Failed"}, "Evicted: low on memory"),
        ({"phase": "Running"}, "running, but its readiness probe does not succeed"),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "pod has unbound immediate PersistentVolumeClaims",
                    }
                ]
            },
            "Unschedulable: pod has unbound immediate PersistentVolumeClaims",
        ),
        ({"phase": "Pending"}, "Pending"),
        ({}, "Unknown"),
    ],
)
def test_a_pod_is_described_by_the_nearest_cause(status: dict[str, object], state: str) -> None:
    assert pod_state({"status": status}) == state


def test_missing_resources_are_reported_before_taints_of_other_nodes() -> None:
    tainted = [f"1 node(s) had untolerated taint {{dedicated: service-with-a-long-name-{index}}}" for index in range(9)]
    message = f"0/11 nodes are available: {', '.join(tainted)}, 2 Insufficient cpu. no new claims, preemption: 0/11"
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    state = pod_state({"status": {"conditions": [condition]}})
    assert state.startswith("Unschedulable: 0/11 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated")
