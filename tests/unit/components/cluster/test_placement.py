"""What placement registers for each state of a node, on mocks."""

from collections.abc import Mapping

import pytest
from pulumi.runtime.proto import resource_pb2

from components.cluster.placement import Placement
from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.gates.rules.ownership import Owner
from switchyard.kube.access import ClusterAccess
from switchyard.kube.nodes import LiveNode
from switchyard.manifests.ownership_marks import Mark
from switchyard.operation import Selection
from tests.support.engine import record

NODE_PATCH = "kubernetes:core/v1:NodePatch"


def placed(monkeypatch: pytest.MonkeyPatch, live: LiveNode) -> resource_pb2.RegisterResourceRequest:
    """What is registered for node k8s-redis as it is."""
    recording = record(
        monkeypatch,
        lambda: Placement("it", nodes=DEFAULT_NODES, live={"k8s-redis": live}, access=ClusterAccess()),
    )
    return recording.requests[NODE_PATCH, "it-k8s-redis"]


def test_placement_sends_no_patch_for_a_node_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = record(
        monkeypatch,
        lambda: Placement("it", nodes=DEFAULT_NODES, live={"k8s-redis": LiveNode()}, access=ClusterAccess()),
    )
    assert recording.names(NODE_PATCH) == {"it-k8s-redis"}


def test_placement_does_not_change_a_node_that_leaves_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    assert placed(monkeypatch, LiveNode()).retainOnDelete


def test_placement_sends_taints_only_if_some_are_wrong_or_its_own_apply_holds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, other = {"key": "dedicated", "value": "redis", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}
    for live, taints, ignored in (
        (LiveNode((other,)), [own, other], []),
        (LiveNode((own, other)), None, ["spec.taints"]),
        (LiveNode((own, other), placed=True, owns_taints=True), [own, other], ["spec.taints"]),
    ):
        request = placed(monkeypatch, live)
        spec = request.object["spec"]
        assert ([dict(taint) for taint in spec["taints"]] if "taints" in spec else None) == taints
        assert list(request.ignoreChanges) == ignored


@pytest.mark.parametrize(
    ("identity", "update", "selected", "marked"),
    [
        ("1", True, None, {"k8s-redis"}),
        ("", True, None, set()),  # a mark without an identity would be that of every state of this name
        ("1", False, None, set()),  # a destroy, or a refresh
        ("1", True, Selection(("a",)), set()),  # whose state may not have the node
    ],
)
def test_an_update_of_the_whole_stack_marks_the_nodes_that_it_has_patched(
    monkeypatch: pytest.MonkeyPatch, identity: str, update: bool, selected: Selection | None, marked: set[str]
) -> None:
    asked: set[str] = set()

    async def mark_nodes(_: ClusterAccess, nodes: Mapping[str, LiveNode], __: Owner) -> None:
        asked.update(nodes)

    owner = Owner(Mark("switchyard", "test", identity))
    monkeypatch.setattr("components.cluster.placement.mark_nodes", mark_nodes)
    monkeypatch.setattr("components.cluster.placement.stack_owner", lambda: owner)
    monkeypatch.setattr("components.cluster.placement.is_update", lambda: update)
    monkeypatch.setattr("components.cluster.placement.selection", lambda: selected)
    placed(monkeypatch, LiveNode())
    assert asked == marked
