"""The real scheduler puts every pod where the node table wants it."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from switchyard.config.models.nodes import DEFAULT_NODES
from tests.support.broken_node import wait_for_node
from tests.support.kubectl import Kubectl
from tests.support.rollouts import until
from tests.support.shared import Shared, backend_stack, fresh_namespace

APPLICATION = {"k8s-worker-1", "k8s-worker-2"}
DEDICATED = {
    "k8s-rabbitmq": "rabbitmq",
    "k8s-postgresql": "postgresql",
    "k8s-redis": "redis",
    "k8s-monitoring": "monitoring",
}

OWN = "dedicated=redis:NoSchedule"
BY_HAND = "maintenance=disk:NoExecute"
CORDONED = "node.kubernetes.io/unschedulable:NoSchedule"
NODE = {"type": "t3.small", "zone": "ap-northeast-2a", "diskGb": 40}


@dataclass(frozen=True)
class Placed(Shared):
    """The stack, and the nodes as its first update left them."""

    nodes: list[dict[str, Any]]


@pytest.fixture(scope="module")
def of_module(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Placed]:
    """The stack that tests here share: its first update finds nodes without labels, one with taints set by hand."""
    with fresh_namespace(sandbox) as kubectl, put_back(kubectl, "k8s-redis"):
        for node in DEFAULT_NODES:
            kubectl.run("label", "node", node, "workload-", "node-role.kubernetes.io/control-plane-")
            kubectl.run("patch", "node", node, "-p", '{"spec": {"taints": null}}')
        assert not any("workload" in node["metadata"]["labels"] for node in kubectl.get("nodes"))
        kubectl.run("taint", "node", "k8s-redis", BY_HAND)
        cordon(kubectl, "k8s-redis")
        stack = backend_stack(sandbox, kubectl.namespace, tmp_path_factory.mktemp("shared"))
        stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 6})
        first = stack.up()
        assert first.ok, first.output
        nodes = kubectl.get("nodes")
        uncordon(kubectl, "k8s-redis")
        kubectl.run("taint", "node", "k8s-redis", f"{BY_HAND}-")
        yield Placed(kubectl, stack, first, nodes)


@contextlib.contextmanager
def put_back(kubectl: Kubectl, name: str) -> Iterator[None]:
    """Puts a node on which none of the pods run back as it was before."""
    before = kubectl.get("node", name)
    yield
    kubectl.run("delete", "node", name, "--ignore-not-found")
    kept = {key: before["metadata"][key] for key in ("name", "labels", "annotations")}
    kubectl.apply(before | {"metadata": kept})
    wait_for_node(kubectl, name)


@pytest.fixture
def redis(kubectl: Kubectl) -> Iterator[str]:
    """A node on which none of the pods run, restored as it was before."""
    with put_back(kubectl, "k8s-redis"):
        yield "k8s-redis"


def cordon(kubectl: Kubectl, node: str) -> None:
    kubectl.run("cordon", node)
    kubectl.wait("jsonpath={.spec.taints[?(@.key=='node.kubernetes.io/unschedulable')]}", f"node/{node}")


def uncordon(kubectl: Kubectl, node: str) -> None:
    """Uncordons a node, and waits until its controller has removed the taint as well, which it does later."""
    kubectl.run("uncordon", node)
    until(kubectl, lambda seen: CORDONED not in taints_of(seen), "node", node)


def taints(kubectl: Kubectl, node: str) -> set[str]:
    return taints_of(kubectl.get("node", node))


def taints_of(node: dict[str, Any]) -> set[str]:
    return {
        f"{taint['key']}={taint.get('value', '')}:{taint['effect']}".replace("=:", ":")
        for taint in node["spec"].get("taints", [])
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


def test_labels_and_taints_that_are_missing_are_applied_and_taints_of_somebody_else_outlive_it(
    of_module: Placed,
) -> None:
    labels = {node["metadata"]["name"]: node["metadata"]["labels"] for node in of_module.nodes}
    taints = {node["metadata"]["name"]: taints_of(node) for node in of_module.nodes}
    assert {name for name in labels if labels[name].get("workload") == "application"} == APPLICATION
    for name in APPLICATION:
        assert taints[name] == set()
    for name, service in DEDICATED.items():
        assert labels[name]["workload"] == service
        others = {BY_HAND, CORDONED} if service == "redis" else set()
        assert taints[name] == {f"dedicated={service}:NoSchedule"} | others
    assert labels["k8s-master"]["node-role.kubernetes.io/control-plane"] == ""
    assert taints["k8s-master"] == {"node-role.kubernetes.io/control-plane:NoSchedule"}
    # By now they are gone, and the preview is empty; with them it is as well, see below.
    assert of_module.stack.planned() == {}


def test_application_pods_run_on_the_two_workers_only_and_spread_over_both(shared: Shared) -> None:
    for colour, wanted in (("blue", [1, 2]), ("green", [3, 3])):
        nodes = Counter(pod["spec"]["nodeName"] for pod in shared.kubectl.pods(colour))
        assert set(nodes) == APPLICATION
        assert sorted(nodes.values()) == wanted


def test_a_pod_without_a_selector_never_runs_on_a_tainted_node(shared: Shared) -> None:
    kubectl = shared.kubectl
    for number in range(8):
        kubectl.apply(pod(f"anywhere-{number}"))
    names = {f"anywhere-{number}" for number in range(8)}
    kubectl.wait("condition=Ready", *(f"pod/{name}" for name in names))
    running = kubectl.get("pods", "--field-selector=status.phase=Running")
    assert names <= {pod["metadata"]["name"] for pod in running}
    assert {pod["spec"]["nodeName"] for pod in running} <= APPLICATION
    kubectl.run("delete", "pod", *names, "--wait=false")


@pytest.mark.parametrize(("node", "service"), DEDICATED.items(), ids=DEDICATED.values())
def test_a_dedicated_node_takes_only_a_pod_with_its_toleration(shared: Shared, node: str, service: str) -> None:
    kubectl, without, tolerates = shared.kubectl, f"without-{service}", f"with-{service}"
    kubectl.apply(pod(without, nodeSelector={"workload": service}))
    kubectl.wait("condition=PodScheduled=false", f"pod/{without}")
    toleration = {"key": "dedicated", "operator": "Equal", "value": service, "effect": "NoSchedule"}
    kubectl.apply(pod(tolerates, nodeSelector={"workload": service}, tolerations=[toleration]))
    kubectl.wait("condition=Ready", f"pod/{tolerates}")
    assert kubectl.get("pod", tolerates)["spec"]["nodeName"] == node
    assert "nodeName" not in kubectl.get("pod", without)["spec"]
    kubectl.run("delete", "pod", without, tolerates, "--wait=false")


def test_a_node_table_of_another_cluster_ends_preview_and_update_and_creates_no_node(
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
        assert (
            "or do not manage nodes: pulumi config rm --path 'switchyard:cluster.nodes' --stack test && "
            in result.output
        )
        assert "Traceback" not in result.output
    assert nodes(kubectl) == before


def test_labels_and_taints_set_by_hand_stay_and_those_of_the_stack_are_restored(shared: Shared) -> None:
    """In two updates, the second with a refresh: a taint, two cordons, a label; and labels and taints removed."""
    kubectl, stack = shared.kubectl, shared.stack
    redis, cordoned, untainted, relabelled = "k8s-redis", "k8s-worker-2", "k8s-postgresql", "k8s-worker-1"
    dedicated = "dedicated=postgresql:NoSchedule"
    kubectl.run("taint", "node", redis, BY_HAND)
    kubectl.run("label", "node", cordoned, "team=search")
    for node in (redis, cordoned):
        cordon(kubectl, node)
    assert stack.planned() == {}
    result = stack.up()
    assert result.ok, result.output
    assert taints(kubectl, redis) == {OWN, BY_HAND, CORDONED}
    assert taints(kubectl, cordoned) == {CORDONED}

    kubectl.run("label", "node", relabelled, "workload-")
    kubectl.run("taint", "node", untainted, "dedicated-")
    kubectl.run("taint", "node", untainted, BY_HAND)
    result = stack.up("--refresh")
    for node in (redis, cordoned):
        uncordon(kubectl, node)
    assert result.ok, result.output
    assert taints(kubectl, redis) == {OWN, BY_HAND}
    assert taints(kubectl, cordoned) == set()
    assert kubectl.get("node", relabelled)["metadata"]["labels"]["workload"] == "application"
    assert kubectl.get("node", cordoned)["metadata"]["labels"]["team"] == "search"
    assert taints(kubectl, untainted) == {dedicated, BY_HAND}
    for node in (redis, untainted):
        kubectl.run("taint", "node", node, f"{BY_HAND}-")
    kubectl.run("label", "node", cordoned, "team-")
    assert stack.planned() == {}


def test_a_lost_node_is_reported_blocks_no_rollback_and_is_labelled_when_it_returns(
    serving: Stack, kubectl: Kubectl, redis: str
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    assert serving.up().ok
    lost = kubectl.get("node", redis)
    kubectl.run("delete", "node", redis)
    for active, arguments in (("blue", ()), ("green", ("--refresh",)), ("blue", ())):
        serving.set("services.backend.active", active)
        result = serving.up(*arguments)
        assert result.ok, result.output
        assert f"switchyard:cluster.nodes: {redis}: not on the cluster, left out" in result.output
        assert kubectl.serving() == active
        assert redis not in nodes(kubectl)
    assert serving.planned() == {}

    # A kubelet that registers its node again knows nothing of the mark of a stack.
    kept = {key: value for key, value in lost["metadata"]["annotations"].items() if not key.startswith("switchyard/")}
    kubectl.apply({**lost, "metadata": {"name": redis, "annotations": kept}, "spec": {}})
    wait_for_node(kubectl, redis)
    result = serving.up()
    assert result.ok, result.output
    assert "not on the cluster" not in result.output
    assert kubectl.get("node", redis)["metadata"]["labels"]["workload"] == "redis"
    assert OWN in taints(kubectl, redis)

    kubectl.run("delete", "node", redis)
    result = serving.destroy()
    assert result.ok, result.output
    expect_places_kept(kubectl, redis)


def expect_places_kept(kubectl: Kubectl, lost: str) -> None:
    """What left the stack keeps its labels and taints; what is lost is not created again."""
    assert lost not in nodes(kubectl)
    assert "dedicated=postgresql:NoSchedule" in taints(kubectl, "k8s-postgresql")
    assert kubectl.get("node", "k8s-worker-2")["metadata"]["labels"]["workload"] == "application"


def test_a_node_that_leaves_the_table_keeps_its_labels_and_a_changed_one_keeps_foreign_taints(
    serving: Stack, kubectl: Kubectl, redis: str
) -> None:
    with put_back(kubectl, redis):
        kubectl.run("delete", "node", redis)
        serving.set("cluster.nodes", {"k8s-worker-1": NODE | {"workload": "application"}})
        serving.set("services.backend.blue.replicas", 1)
        result = serving.up()
        assert result.ok, result.output
        expect_places_kept(kubectl, redis)

    # A change of labels leaves the taints as they are.
    kubectl.run("taint", "node", redis, BY_HAND)
    serving.set("cluster.nodes", {redis: NODE | {"workload": "cache", "dedicated": "redis"}})
    serving.set("services.backend.nodeSelector", {})
    serving.set("services.backend.tolerations", [{"operator": "Exists"}])
    serving.set("services.backend.allowInPlaceUpdate", True)
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.get("node", redis)["metadata"]["labels"]["workload"] == "cache"
    assert taints(kubectl, redis) == {OWN, BY_HAND}

    # A node that is dedicated no more loses that taint alone.
    serving.set("cluster.nodes", {redis: NODE | {"workload": "application"}})
    serving.set("services.backend.nodeSelector", None)
    serving.set("services.backend.tolerations", [{"key": "maintenance", "operator": "Exists"}])
    result = serving.up()
    assert result.ok, result.output
    assert taints(kubectl, redis) == {BY_HAND}
    assert serving.planned() == {}

    # A taint that only the stack remembers is not brought back.
    kubectl.run("taint", "node", redis, f"{BY_HAND}-")
    serving.set("cluster.nodes", {redis: NODE | {"workload": "anything"}})
    serving.set("services.backend.nodeSelector", {"workload": "anything"})
    result = serving.up()
    assert not result.ok
    assert f"node {redis} was not touched (SY-K010): its patch would restore {BY_HAND}" in result.output
    assert taints(kubectl, redis) == set()
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert taints(kubectl, redis) == set()
