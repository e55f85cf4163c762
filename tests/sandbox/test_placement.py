"""The real scheduler puts every pod where the node table wants it."""

from collections import Counter
from typing import Any

import pytest

from sandbox.stack import Stack
from settings.nodes import DEFAULT_NODES
from tests.sandbox.kubectl import Kubectl

APPLICATION = {"k8s-worker-1", "k8s-worker-2"}
DEDICATED = {
    "k8s-rabbitmq": "rabbitmq",
    "k8s-postgresql": "postgresql",
    "k8s-redis": "redis",
    "k8s-monitoring": "monitoring",
}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "example.org/any:v1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def test_labels_and_taints_that_are_missing_are_applied(stack: Stack, kubectl: Kubectl) -> None:
    for node in DEFAULT_NODES:
        kubectl.run("label", "node", node, "workload-", "node-role.kubernetes.io/control-plane-")
        kubectl.run("patch", "node", node, "-p", '{"spec": {"taints": null}}')
    assert not any("workload" in node["metadata"]["labels"] for node in kubectl.get("nodes"))

    assert stack.up().ok
    nodes = {node["metadata"]["name"]: node for node in kubectl.get("nodes")}
    labels = {name: node["metadata"]["labels"] for name, node in nodes.items()}
    taints = {
        name: [(taint["key"], taint.get("value"), taint["effect"]) for taint in node["spec"].get("taints", [])]
        for name, node in nodes.items()
    }
    assert {name for name in nodes if labels[name].get("workload") == "application"} == APPLICATION
    for name in APPLICATION:
        assert taints[name] == []
    for name, service in DEDICATED.items():
        assert labels[name]["workload"] == service
        assert taints[name] == [("dedicated", service, "NoSchedule")]
    assert labels["k8s-master"]["node-role.kubernetes.io/control-plane"] == ""
    assert taints["k8s-master"] == [("node-role.kubernetes.io/control-plane", None, "NoSchedule")]


def test_a_label_taken_off_by_hand_is_put_back(serving: Stack, kubectl: Kubectl) -> None:
    kubectl.run("label", "node", "k8s-worker-2", "workload-")
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert kubectl.get("node", "k8s-worker-2")["metadata"]["labels"]["workload"] == "application"


def test_a_label_of_somebody_else_is_left_alone(serving: Stack, kubectl: Kubectl) -> None:
    kubectl.run("label", "node", "k8s-worker-2", "team=search")
    assert serving.up("--refresh").ok
    assert kubectl.get("node", "k8s-worker-2")["metadata"]["labels"]["team"] == "search"
    kubectl.run("label", "node", "k8s-worker-2", "team-")


def test_application_pods_run_on_the_two_workers_only_and_spread_over_both(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 6})
    assert serving.up().ok
    for colour, wanted in (("blue", [1, 2]), ("green", [3, 3])):
        nodes = Counter(pod["spec"]["nodeName"] for pod in kubectl.pods(colour))
        assert set(nodes) == APPLICATION
        assert sorted(nodes.values()) == wanted


def test_a_pod_without_a_selector_never_runs_on_a_tainted_node(serving: Stack, kubectl: Kubectl) -> None:
    for number in range(8):
        kubectl.apply(pod(f"anywhere-{number}"))
    kubectl.wait("condition=Ready", *(f"pod/anywhere-{number}" for number in range(8)))
    assert {found["spec"]["nodeName"] for found in kubectl.get("pods", "--field-selector=status.phase=Running")} <= (
        APPLICATION
    )


@pytest.mark.parametrize(("node", "service"), DEDICATED.items(), ids=DEDICATED.values())
def test_a_dedicated_node_takes_only_a_pod_with_its_toleration(
    serving: Stack, kubectl: Kubectl, node: str, service: str
) -> None:
    kubectl.apply(pod("without", nodeSelector={"workload": service}))
    kubectl.wait("condition=PodScheduled=false", "pod/without")
    toleration = {"key": "dedicated", "operator": "Equal", "value": service, "effect": "NoSchedule"}
    kubectl.apply(pod("with", nodeSelector={"workload": service}, tolerations=[toleration]))
    kubectl.wait("condition=Ready", "pod/with")
    assert kubectl.get("pod", "with")["spec"]["nodeName"] == node
    assert "nodeName" not in kubectl.get("pod", "without")["spec"]
