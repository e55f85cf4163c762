"""A node is read again before it is written; its mark is written once, and removed when it leaves the stack."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.errors import GateRefusedError, NodeChangedError, UnreachableError
from switchyard.gates.placement import before_node_release, before_node_write, mark_nodes
from switchyard.gates.rules.ownership import Owner
from switchyard.kube.access import ClusterAccess
from switchyard.kube.nodes import LiveNode
from switchyard.manifests.ownership_marks import IDENTITY, PROJECT, STACK, Mark
from tests.support.guarded_objects import Table
from tests.support.guards import Make, make

__all__ = ["make"]

NAME = "k8s-redis"
ROW = DEFAULT_NODES[NAME]
OURS, THEIRS = Mark("switchyard", "test", "1"), Mark("bank", "production", "2")
OWNER = Owner(OURS)
RELEASED = {PROJECT: None, STACK: None, IDENTITY: None}


def node(owner: Mark | None = None, workload: str = "redis") -> dict[str, Any]:
    taint = {"key": "dedicated", "value": workload, "effect": "NoSchedule"}
    annotations = owner.annotations if owner else {}
    metadata = {"name": NAME, "labels": {"workload": workload}, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": [taint]}}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    """The API server of every access: a table of objects, empty at first."""
    table = Table({})

    async def api(_: ClusterAccess) -> Table:
        return table

    monkeypatch.setattr(ClusterAccess, "api", api)
    return table


def write(*, preview: bool, access: ClusterAccess | None = None) -> None:
    asyncio.run(before_node_write(access or ClusterAccess(), NAME, ROW, OWNER, [], live_wins=True, preview=preview))


@pytest.mark.parametrize("preview", [True, False])
def test_a_node_that_another_stack_placed_otherwise_is_not_written(table: Table, preview: bool) -> None:
    table.objects["nodes", NAME] = node(THEIRS, "payments")
    with pytest.raises(GateRefusedError, match="stack bank/production has placed it"):
        write(preview=preview)
    for own in (node(THEIRS), node(OURS, "payments"), node(None, "payments")):
        table.objects["nodes", NAME] = own
        write(preview=preview)


def test_a_node_that_is_gone_is_not_written_and_a_preview_waits_for_it(table: Table) -> None:
    write(preview=True)
    with pytest.raises(NodeChangedError, match=f"node {NAME} was not touched .*it is not on the cluster"):
        write(preview=False)
    assert table.asked == 2


def test_a_preview_asks_no_api_server_that_did_not_answer(table: Table) -> None:
    table.objects["nodes", NAME] = node(THEIRS, "payments")
    write(preview=True, access=replace(ClusterAccess(), unreachable=True))
    assert table.asked == 0


def test_nodes_without_a_mark_or_with_that_of_the_former_stack_are_marked(table: Table) -> None:
    nodes = {
        "new": LiveNode(),
        "own": LiveNode(owner=OURS),
        "theirs": LiveNode(owner=THEIRS),
        "former": LiveNode(owner=Mark("switchyard", "before", "3")),
    }
    owner = Owner(OURS, former=Mark("switchyard", "before"))
    asyncio.run(mark_nodes(ClusterAccess(), nodes, owner))
    assert sorted(table.patched) == [("former", OURS.annotations), ("new", OURS.annotations)]


def test_a_mark_that_cannot_be_written_ends_no_update(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def unreachable(_: ClusterAccess) -> Table:
        asked.append("api")
        raise UnreachableError("no answer")

    monkeypatch.setattr(ClusterAccess, "api", unreachable)
    asyncio.run(mark_nodes(ClusterAccess(), {NAME: LiveNode()}, OWNER))
    assert asked == ["api"]


@pytest.mark.parametrize(
    ("owner", "preview", "patched"),
    [
        (OURS, False, [(NAME, RELEASED)]),
        (OURS, True, []),
        (THEIRS, False, []),
        (Mark("switchyard", "test", "9"), False, []),
        (None, False, []),
    ],
)
def test_a_node_that_leaves_the_stack_loses_the_mark_of_this_stack_alone(
    make: Make, table: Table, owner: Mark | None, preview: bool, patched: list[Any]
) -> None:
    guard, _, _ = make({}, mark=OURS)
    table.objects["nodes", NAME] = node(owner)
    asyncio.run(before_node_release(guard, node(), preview=preview))
    assert table.patched == patched


def test_nodes_that_go_with_their_machines_or_are_gone_are_not_asked_for_their_mark(make: Make, table: Table) -> None:
    guard, _, _ = make({}, mark=OURS, own_machines=True, destroy_asked=True)
    asyncio.run(before_node_release(guard, node(), preview=False))
    assert table.asked == 0
    guard, _, _ = make({}, mark=OURS)
    asyncio.run(before_node_release(guard, node(), preview=False))
    assert (table.asked, table.patched) == (1, [])
