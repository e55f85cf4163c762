"""The gate before the labels and taints of a node are written, and the mark of the stack that has placed it.

The mark is not part of the patch of the node: there, it would be a change of every node in the first preview over the
state of an earlier version. It is written once the state has the patch, under a field manager of its own.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from switchyard.config.commands import typed
from switchyard.config.models.nodes import NodeSettings
from switchyard.errors import ClusterError, NodeChangedError
from switchyard.gates.base import raise_refusal
from switchyard.gates.guard import Guard
from switchyard.gates.removal import annotate
from switchyard.gates.rules.ownership import Owner
from switchyard.gates.rules.placement import refuse_node_of_another_stack
from switchyard.kube.access import ClusterAccess
from switchyard.kube.mark_owner import is_own
from switchyard.kube.nodes import LiveNode, read_node, wrong_by_now
from switchyard.kube.object_names import ObjectName
from switchyard.manifests.ownership_marks import IDENTITY, PROJECT, STACK, mark_of
from switchyard.manifests.placement import LiveTaint


async def before_node_write(
    access: ClusterAccess,
    name: str,
    row: NodeSettings,
    owner: Owner,
    applied: Sequence[LiveTaint],
    *,
    live_wins: bool,
    preview: bool,
) -> None:
    """Reads a node again right before it is patched, and refuses a patch that would be wrong by now.

    The owner is checked here and not at the start of the program, because an update that writes nothing to a node must
    not be refused: it may be a rollback, on nodes whose labels or taints another stack has changed.

    Args:
        access: the cluster.
        name: name of the node.
        row: row of the node in the node table.
        owner: this stack.
        applied: the taints in the patch.
        live_wins: whether the provider sends the taints that are on the node instead, if there are any.
        preview: whether this is a preview, in which only the owner is checked.

    Raises:
        GateRefusedError: another stack has placed the node otherwise.
        NodeChangedError: the node is gone, could not be read, or its patch would be wrong by now.
    """
    if preview and (access.unreachable or not access.exists):
        return
    live = await read_node(access, name)
    if live is not None:
        raise_refusal(refuse_node_of_another_stack(name, row, live, owner))
    if preview:
        return
    if live is None:
        reason: str | None = f"it is not on the cluster. Run `{typed('pulumi up')}` again."
    else:
        reason = wrong_by_now(live.taints, applied, live_wins=live_wins)
    if reason is not None:
        raise NodeChangedError(f"node {name} was not touched ({NodeChangedError.code}): {reason}")


async def mark_nodes(access: ClusterAccess, nodes: Mapping[str, LiveNode], owner: Owner) -> None:
    """Marks the nodes that this stack has placed and that have no mark yet, or that of its former stack.

    Args:
        access: the cluster.
        nodes: the nodes in the state of this stack, as they were when the program began.
        owner: this stack.
    """
    names = [name for name, node in nodes.items() if _is_to_be_marked(node, owner)]
    if not names:
        return
    # Without its mark a node is as earlier versions left it. The next update writes the mark, so this one goes on.
    with suppress(ClusterError):
        await _annotate(access, names, owner.mark.annotations)


async def before_node_release(guard: Guard, inputs: Mapping[str, Any], *, preview: bool) -> None:
    """Removes the mark of this stack from a node that leaves it; the labels and taints stay.

    Args:
        guard: the guard of the run.
        inputs: inputs of the node's patch, as the state has them.
        preview: whether this is a preview, in which nothing is changed.
    """
    access, name = guard.access, ObjectName.of(inputs)
    if preview or name is None or access is None or not access.exists or access.unreachable:
        return
    if guard.own_machines and guard.destroy_asked:
        return  # the node goes with its machine
    # A node that cannot be reached keeps the mark, and with it the refusal to other stacks: nothing is lost by it.
    with suppress(ClusterError):
        live = await (await access.api()).find(name.resource, name.name, None)
        owner = None if live is None else mark_of(live)
        if owner is not None and is_own(owner, guard.mark, guard.former, known=True):
            await _annotate(access, [name.name], {PROJECT: None, STACK: None, IDENTITY: None})


def _is_to_be_marked(node: LiveNode, owner: Owner) -> bool:
    if node.owner == owner.mark:
        return False
    return node.owner is None or is_own(node.owner, owner.mark, owner.former, known=False)


async def _annotate(access: ClusterAccess, names: Iterable[str], values: Mapping[str, str | None]) -> None:
    api = await access.api()
    await asyncio.gather(*(annotate(api, ObjectName("", "Node", "", name), "v1", values) for name in names))
