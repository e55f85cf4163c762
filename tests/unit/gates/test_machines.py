"""A machine is not deleted under pods that serve."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.gates.machines import before_machine_deletion
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from tests.support.guarded_objects import Table, serving
from tests.support.guards import Make, make

__all__ = ["make"]


@dataclass
class Connected:
    """A cluster with this API server."""

    api: Table


def objects(node: str = "k8s-worker-1") -> dict[tuple[str, str], dict[str, Any]]:
    """A service with a pod on a node, on machine i-1 of two."""
    nodes = {
        ("nodes", f"k8s-worker-{number}"): {
            "metadata": {"name": f"k8s-worker-{number}"},
            "spec": {"providerID": f"aws:///ap-northeast-2b/i-{number}"},
        }
        for number in (1, 2)
    }
    known = serving()
    known["pods", "b1"]["spec"]["nodeName"] = node
    return known | nodes


def delete(
    monkeypatch: pytest.MonkeyPatch, make: Make, known: Mapping[tuple[str, str], dict[str, Any]], **changes: Any
) -> None:
    guard, table, _ = make(known, **changes)

    async def connect(_: ClusterAccess) -> Connected:
        return Connected(table)

    monkeypatch.setattr(Cluster, "connect", connect)
    asyncio.run(before_machine_deletion(guard, "i-1"))


def test_a_machine_with_pods_that_serve_is_not_deleted(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    with pytest.raises(GateRefusedError, match=r"k8s-worker-1: deleting machine i-1 is refused \(SY-D017\)") as error:
        delete(monkeypatch, make, objects())
    assert "1 of the ready pods of Service backend in namespace default" in str(error.value)
    assert "kubectl drain k8s-worker-1 --ignore-daemonsets --delete-emptydir-data" in str(error.value)


def test_a_drained_machine_is_deleted(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    delete(monkeypatch, make, objects(node="k8s-worker-2"))


@pytest.mark.parametrize("kind", ["DaemonSet", "Node"])
def test_pods_that_a_drain_leaves_do_not_keep_a_machine(monkeypatch: pytest.MonkeyPatch, make: Make, kind: str) -> None:
    known = objects()
    known["pods", "b1"]["metadata"]["ownerReferences"] = [{"kind": kind, "name": "agent", "controller": True}]
    delete(monkeypatch, make, known)
    known["pods", "b1"]["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "b", "controller": True}]
    with pytest.raises(GateRefusedError, match=r"SY-D017"):
        delete(monkeypatch, make, known)


def test_a_machine_without_a_node_is_deleted(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    known = objects()
    del known["nodes", "k8s-worker-1"]
    delete(monkeypatch, make, known)


def test_a_machine_whose_pods_are_not_ready_is_deleted(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    """So are the pods of a machine that has failed."""
    known = objects()
    known["endpointslices", "x"]["endpoints"][0]["conditions"]["ready"] = False
    delete(monkeypatch, make, known)


def test_a_destroy_of_the_stack_deletes_every_machine(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    delete(monkeypatch, make, objects(), destroy_asked=True)
    with pytest.raises(GateRefusedError, match="The destroy of this production stack is refused"):
        delete(monkeypatch, make, objects(), destroy_asked=True, production=True)


def test_a_machine_is_not_deleted_while_its_pods_are_not_known(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    guard, _, _ = make(objects())

    async def connect(_: ClusterAccess) -> Connected:
        raise UnreachableError("no answer")

    monkeypatch.setattr(Cluster, "connect", connect)
    with pytest.raises(GateRefusedError, match=r"whether pods that serve run on it is not known: no answer"):
        asyncio.run(before_machine_deletion(guard, "i-1"))
    guard.access = None  # the cluster is not created yet
    asyncio.run(before_machine_deletion(guard, "i-1"))
