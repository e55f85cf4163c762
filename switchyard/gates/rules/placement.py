"""Refuses to change the labels and taints of a node that another stack has placed."""

from switchyard.codes import Code
from switchyard.config.commands import clear_map, typed
from switchyard.config.models.nodes import NodeSettings
from switchyard.gates.rules.ownership import Owner
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.runbook import section
from switchyard.kube.mark_owner import described, is_own
from switchyard.kube.nodes import NODES, LiveNode
from switchyard.manifests.placement import OWN_KEYS, OWN_LABELS, written

SECTION = section("Two stacks on one cluster")


def refuse_node_of_another_stack(name: str, row: NodeSettings, live: LiveNode, owner: Owner) -> Refusal | None:
    """Refuses to place a node otherwise than the stack has placed it whose mark it has.

    A node without a mark may be placed: it is new, or an earlier version has placed it, which wrote no marks. So may
    one that has what this stack would write: the write changes nothing.

    Args:
        name: name of the node.
        row: row of the node in the node table of this stack.
        live: the node on the cluster.
        owner: this stack.
    """
    other = live.owner
    if other is None or is_own(other, owner.mark, owner.former, known=False) or live.is_placed_as(row):
        return None
    again = typed("pulumi up")
    former = typed(f"pulumi config set switchyard:formerStack {other.full}")
    return Refusal(
        code=Code.NODE_OF_ANOTHER_STACK,
        step=f"node {name}: changing its labels and taints",
        observed=f"{described(other, owner.mark)} has placed it, with {_placement(live)}",
        rule="one stack places a node, because new pods of that stack could not be scheduled on it otherwise",
        remedy=(
            "The node was not changed, and its pods continue to run. Let this stack place no nodes: "
            f"{clear_map(NODES)} && {again}. Or move the node's row from the node table of that stack to this one, "
            f"update that stack, then run `{again}` here. If this stack is that stack under a new name, or that state "
            f"is lost: {former} ({SECTION})."
        ),
    )


def _placement(live: LiveNode) -> str:
    """The labels and taints of a node that a node table has, as kubectl writes them."""
    labels = sorted(f"{key}={value}" for key, value in live.labels.items() if key in OWN_LABELS)
    taints = sorted(written(taint) for taint in live.taints if taint["key"] in OWN_KEYS)
    return f"{_listed('label', labels)} and {_listed('taint', taints)}"


def _listed(kind: str, names: list[str]) -> str:
    return f"the {kind}{'s' * (len(names) > 1)} {', '.join(names)}" if names else f"no {kind} of a node table"
