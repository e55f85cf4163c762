"""Nodes of two stacks: which may be changed, which is refused, and the message."""

import pytest

from switchyard.config.commands import clear_map
from switchyard.config.loader import load
from switchyard.config.models.cluster import CLUSTER, ExistingCluster
from switchyard.config.models.nodes import DEFAULT_NODES, NodeSettings
from switchyard.gates.rules.ownership import Owner
from switchyard.gates.rules.placement import refuse_node_of_another_stack
from switchyard.kube.nodes import NODES, LiveNode
from switchyard.manifests.ownership_marks import Mark
from tests.support.configuration import BACKEND, EXISTING
from tests.support.remedies import commands, pasted

OURS, THEIRS = Mark("shop", "production", "1"), Mark("bank", "production", "2")
NAME = "k8s-worker-1"
ROW = DEFAULT_NODES[NAME]
PAYMENTS = {"key": "dedicated", "value": "payments", "effect": "NoSchedule"}


def live(owner: Mark | None, workload: str = "payments") -> LiveNode:
    """A node as a stack has placed it: for one service, or as the default node table has it."""
    taints = (PAYMENTS,) if workload == "payments" else ()
    return LiveNode(taints, placed=True, owns_taints=True, labels={"workload": workload, "team": "a"}, owner=owner)


@pytest.mark.parametrize(
    ("node", "owner", "refused"),
    [
        (live(THEIRS), Owner(OURS), True),
        (live(Mark("shop", "production", "9")), Owner(OURS), True),  # another state of the same name
        (live(THEIRS, "application"), Owner(OURS), False),  # as the row has it
        (live(OURS), Owner(OURS), False),
        (live(None), Owner(OURS), False),  # of an earlier version, which wrote no marks
        (live(THEIRS), Owner(OURS, former=THEIRS), False),
        (live(THEIRS), Owner(OURS, former=Mark("bank", "production")), False),
        (LiveNode(), Owner(OURS), False),
    ],
)
def test_a_node_is_refused_if_another_stack_has_placed_it_otherwise(
    node: LiveNode, owner: Owner, refused: bool
) -> None:
    assert (refuse_node_of_another_stack(NAME, ROW, node, owner) is not None) is refused


def test_a_row_without_the_label_and_taint_of_the_other_stack_is_refused_as_well() -> None:
    row = NodeSettings.model_validate({"type": "t3.medium", "zone": "z", "diskGb": 40})
    assert refuse_node_of_another_stack(NAME, row, live(THEIRS), Owner(OURS)) is not None


def test_the_message_says_whose_the_node_is_how_it_is_placed_and_what_to_do() -> None:
    text = str(refuse_node_of_another_stack(NAME, ROW, live(THEIRS), Owner(OURS)))
    assert text.startswith(
        "node k8s-worker-1: changing its labels and taints is refused (SY-O016): stack bank/production has placed it, "
        "with the label workload=payments and the taint dedicated=payments:NoSchedule; one stack places a node"
    )
    assert f"Let this stack place no nodes: {clear_map(NODES)} && pulumi up." in text
    assert "pulumi config set switchyard:formerStack bank/production@2" in text
    bare = LiveNode(labels={"team": "a"}, owner=THEIRS)
    assert "with no label of a node table and no taint of a node table;" in str(
        refuse_node_of_another_stack(NAME, ROW, bare, Owner(OURS))
    )


@pytest.mark.parametrize("table", [{}, {"nodes": {NAME: {"type": "t3.medium", "zone": "z", "diskGb": 40}}}])
def test_the_remedy_leaves_a_stack_that_places_no_nodes(table: dict[str, object]) -> None:
    config = {CLUSTER: EXISTING | table}
    for command in commands(clear_map(NODES)):
        config = pasted(command, config)
    assert config[CLUSTER]["nodes"] == {}
    cluster = load(config[CLUSTER], {"backend": BACKEND}, "test").cluster
    assert isinstance(cluster, ExistingCluster)
    assert cluster.nodes == {}
