"""Two stacks on one cluster: one places a node, and the other changes nothing of it."""

import copy
from pathlib import Path
from typing import Any

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from switchyard.manifests.ownership_marks import mark_of
from tests.support.kubectl import Kubectl
from tests.support.shared import fresh_namespace

NODE = "k8s-redis"
ROW = {"type": "t3.small", "zone": "ap-northeast-2a", "diskGb": 40}


def placement(kubectl: Kubectl) -> tuple[Any, Any]:
    """The label and the taints of the node."""
    node = kubectl.get("node", NODE)
    return node["metadata"]["labels"].get("workload"), node["spec"].get("taints", [])


def marked_by(kubectl: Kubectl) -> str:
    """The stack whose mark the node has; empty without a mark."""
    mark = mark_of(kubectl.get("node", NODE))
    return str(mark) if mark is not None else ""


def without_nodes(stack: Stack, namespace: str) -> dict[str, Any]:
    """The configuration of a stack for another namespace, without the node table and what follows from it."""
    config: dict[str, Any] = copy.deepcopy(stack.snapshot()["config"])
    del config["switchyard:cluster"]["nodes"]
    backend = config["switchyard:services"]["backend"]
    del backend["nodeSelector"], backend["tolerations"]
    backend["namespace"] = namespace
    return config


@pytest.fixture
def payments(stack: Stack) -> Stack:
    """A stack that keeps a node for its own pods."""
    stack.set("cluster.nodes", {NODE: {**ROW, "workload": "payments", "dedicated": "payments"}})
    stack.set("services.backend.nodeSelector", {"workload": "payments"})
    stack.set("services.backend.tolerations", [{"key": "dedicated", "value": "payments"}])
    result = stack.up()
    assert result.ok, result.output
    return stack


def test_a_second_stack_with_the_default_node_table_does_not_take_a_node_of_the_first(
    sandbox: Sandbox, payments: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    before = placement(kubectl)
    assert before == ("payments", [{"key": "dedicated", "value": "payments", "effect": "NoSchedule"}])
    assert marked_by(kubectl) == "switchyard/test"
    (directory := tmp_path / "other").mkdir()
    with fresh_namespace(sandbox) as namespace:
        other = Stack(directory, without_nodes(payments, namespace.namespace), name="other")
        for result in (other.preview(), other.up(), other.up("--skip-preview")):
            assert not result.ok
            assert f"node {NODE}: changing its labels and taints is refused (SY-O016)" in result.output
            assert "stack switchyard/test has placed it" in result.output
            assert placement(kubectl) == before
            assert namespace.get("deployments") == []
        # The remedy of the message.
        other.run("config", "rm", "--path", "switchyard:cluster.nodes", check=True)
        other.run("config", "set", "--path", "switchyard:cluster.nodes.none", "none", check=True)
        other.run("config", "rm", "--path", "switchyard:cluster.nodes.none", check=True)
        result = other.up()
        assert result.ok, result.output
        assert placement(kubectl) == before
        assert payments.planned() == {}
        assert marked_by(kubectl) == "switchyard/test"

        # A destroyed stack leaves the node without its mark, so that the other one may place it.
        result = payments.destroy()
        assert result.ok, result.output
        assert placement(kubectl) == before
        assert marked_by(kubectl) == ""
        other.set("cluster.nodes", {NODE: {**ROW, "workload": "redis", "dedicated": "redis"}})
        other.set("services.backend.nodeSelector", {})
        other.set("services.backend.tolerations", [{"operator": "Exists"}])
        other.set("services.backend.allowInPlaceUpdate", True)
        result = other.up()
        assert result.ok, result.output
        assert placement(kubectl) == ("redis", [{"key": "dedicated", "value": "redis", "effect": "NoSchedule"}])
        assert marked_by(kubectl) == "switchyard/other"
