"""The real scheduler puts every pod where the node table wants it."""

from collections import Counter
from collections.abc import Iterator
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


OWN = "dedicated=redis:NoSchedule"
BY_HAND = "maintenance=disk:NoExecute"
NODE = {"type": "t3.small", "zone": "ap-northeast-2a", "diskGb": 40}


@pytest.fixture
def redis(kubectl: Kubectl) -> Iterator[str]:
    """A node on which none of the pods run, put back as it was before."""
    name = "k8s-redis"
    before = kubectl.get("node", name)
    yield name
    kubectl.run("delete", "node", name, "--ignore-not-found")
    kept = {key: before["metadata"][key] for key in ("name", "labels", "annotations")}
    kubectl.apply(before | {"metadata": kept})
    kubectl.wait("condition=Ready", f"node/{name}")


def taints(kubectl: Kubectl, node: str) -> set[str]:
    return {
        f"{taint['key']}={taint.get('value', '')}:{taint['effect']}".replace("=:", ":")
        for taint in kubectl.get("node", node)["spec"].get("taints", [])
    }


def nodes(kubectl: Kubectl) -> set[str]:
    return {node["metadata"]["name"] for node in kubectl.get("nodes")}


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


def test_a_node_table_of_another_cluster_ends_preview_and_update_and_makes_no_node(
    stack: Stack, kubectl: Kubectl
) -> None:
    before = nodes(kubectl)
    stack.set("cluster.nodes", {"kind-worker": NODE, "kind-worker2": NODE | {"workload": "application"}})
    for result in (stack.preview(), stack.up()):
        assert not result.ok
        assert (
            "switchyard:cluster.nodes: kind-worker, kind-worker2: no such nodes on the cluster; it has k8s-master,"
            in (result.output)
        )
        assert "or leave the nodes alone: pulumi config rm --path 'switchyard:cluster.nodes'" in result.output
        assert "Traceback" not in result.output
    assert nodes(kubectl) == before


def test_a_lost_node_is_warned_of_and_holds_up_no_rollback(serving: Stack, kubectl: Kubectl, redis: str) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    assert serving.up().ok
    kubectl.run("delete", "node", redis)
    for active, arguments in (("blue", ()), ("green", ("--refresh",)), ("blue", ())):
        serving.set("services.backend.active", active)
        result = serving.up(*arguments)
        assert result.ok, result.output
        assert f"switchyard:cluster.nodes: {redis}: not on the cluster, left out" in result.output
        assert kubectl.serving() == active
        assert redis not in nodes(kubectl)
    assert serving.planned() == {}


def test_a_node_that_is_back_gets_its_place_back(serving: Stack, kubectl: Kubectl, redis: str) -> None:
    lost = kubectl.get("node", redis)
    kubectl.run("delete", "node", redis)
    assert serving.up().ok
    kubectl.apply({**lost, "metadata": {"name": redis, "annotations": lost["metadata"]["annotations"]}, "spec": {}})
    result = serving.up()
    assert result.ok, result.output
    assert "not on the cluster" not in result.output
    assert kubectl.get("node", redis)["metadata"]["labels"]["workload"] == "redis"
    assert OWN in taints(kubectl, redis)


@pytest.mark.parametrize("way", ["out of the table", "destroyed"])
def test_a_node_that_leaves_the_stack_keeps_its_place_and_a_lost_one_is_not_made_anew(
    serving: Stack, kubectl: Kubectl, redis: str, way: str
) -> None:
    kubectl.run("delete", "node", redis)
    serving.set("cluster.nodes", {"k8s-worker-1": NODE | {"workload": "application"}})
    serving.set("services.backend.blue.replicas", 1)
    result = serving.up() if way == "out of the table" else serving.destroy()
    assert result.ok, result.output
    assert redis not in nodes(kubectl)
    assert "dedicated=postgresql:NoSchedule" in taints(kubectl, "k8s-postgresql")
    assert kubectl.get("node", "k8s-worker-2")["metadata"]["labels"]["workload"] == "application"


def test_taints_of_somebody_else_outlive_the_first_update(stack: Stack, kubectl: Kubectl, redis: str) -> None:
    kubectl.run("patch", "node", redis, "-p", '{"spec": {"taints": null}}')
    kubectl.run("taint", "node", redis, BY_HAND)
    kubectl.run("cordon", redis)
    kubectl.wait("jsonpath={.spec.taints[?(@.key=='node.kubernetes.io/unschedulable')]}", f"node/{redis}")
    result = stack.up()
    assert result.ok, result.output
    assert taints(kubectl, redis) == {OWN, BY_HAND, "node.kubernetes.io/unschedulable:NoSchedule"}
    assert stack.planned() == {}


@pytest.mark.parametrize("arguments", [(), ("--refresh",)], ids=["up", "up --refresh"])
def test_a_taint_set_by_hand_stays_and_shows_in_no_preview(
    serving: Stack, kubectl: Kubectl, redis: str, arguments: tuple[str, ...]
) -> None:
    kubectl.run("taint", "node", redis, BY_HAND)
    assert serving.planned() == {}
    result = serving.up(*arguments)
    assert result.ok, result.output
    assert taints(kubectl, redis) == {OWN, BY_HAND}
    kubectl.run("taint", "node", redis, f"{BY_HAND}-")
    assert serving.planned() == {}


@pytest.mark.parametrize("node", ["k8s-redis", "k8s-worker-2"])
def test_a_cordon_outlives_a_refresh_and_its_end_shows_in_no_preview(
    serving: Stack, kubectl: Kubectl, node: str
) -> None:
    before = taints(kubectl, node)
    cordoned = "node.kubernetes.io/unschedulable:NoSchedule"
    kubectl.run("cordon", node)
    kubectl.wait("jsonpath={.spec.taints[?(@.key=='node.kubernetes.io/unschedulable')]}", f"node/{node}")
    try:
        result = serving.up("--refresh")
        assert result.ok, result.output
        assert taints(kubectl, node) == before | {cordoned}
    finally:
        kubectl.run("uncordon", node)
    assert serving.planned() == {}


def test_an_own_taint_taken_off_by_hand_is_put_back_beside_those_of_somebody_else(
    serving: Stack, kubectl: Kubectl, redis: str
) -> None:
    kubectl.run("taint", "node", redis, "dedicated-")
    kubectl.run("taint", "node", redis, BY_HAND)
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert taints(kubectl, redis) == {OWN, BY_HAND}
    assert serving.planned() == {}


def test_a_change_of_labels_leaves_the_taints_as_they_are(serving: Stack, kubectl: Kubectl, redis: str) -> None:
    kubectl.run("taint", "node", redis, BY_HAND)
    serving.set("cluster.nodes", {redis: NODE | {"workload": "cache", "dedicated": "redis"}})
    serving.set("services.backend.nodeSelector", {})
    serving.set("services.backend.tolerations", [{"operator": "Exists"}])
    serving.set("services.backend.allowInPlaceUpdate", True)
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.get("node", redis)["metadata"]["labels"]["workload"] == "cache"
    assert taints(kubectl, redis) == {OWN, BY_HAND}


def test_a_node_that_is_dedicated_no_more_loses_that_taint_alone(serving: Stack, kubectl: Kubectl, redis: str) -> None:
    kubectl.run("taint", "node", redis, BY_HAND)
    serving.set("cluster.nodes", {redis: NODE | {"workload": "application"}})
    serving.set("services.backend.tolerations", [{"key": "maintenance", "operator": "Exists"}])
    serving.set("services.backend.allowInPlaceUpdate", True)
    result = serving.up()
    assert result.ok, result.output
    assert taints(kubectl, redis) == {BY_HAND}
    assert serving.planned() == {}


def test_a_taint_that_only_the_stack_remembers_is_not_brought_back(
    serving: Stack, kubectl: Kubectl, redis: str
) -> None:
    kubectl.run("taint", "node", redis, BY_HAND)
    serving.set("cluster.nodes", {redis: NODE | {"workload": "application"}})
    serving.set("services.backend.tolerations", [{"key": "maintenance", "operator": "Exists"}])
    serving.set("services.backend.allowInPlaceUpdate", True)
    assert serving.up().ok
    kubectl.run("taint", "node", redis, f"{BY_HAND}-")
    serving.set("cluster.nodes", {redis: NODE | {"workload": "anything"}})
    serving.set("services.backend.nodeSelector", {"workload": "anything"})
    result = serving.up()
    assert not result.ok
    assert f"node {redis} was not touched: its patch would bring back {BY_HAND}" in result.output
    assert taints(kubectl, redis) == set()
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert taints(kubectl, redis) == set()
