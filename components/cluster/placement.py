"""Labels and taints that put each workload on its nodes."""

from collections.abc import Awaitable, Callable, Mapping

import pulumi

from components.failures import errors_end_the_run
from components.guard import node_hook, stack_owner
from components.manifest import KubernetesObject, register_patch
from switchyard.config.errors import SettingsError
from switchyard.config.models.nodes import NodeSettings
from switchyard.gates.placement import before_node_write, mark_nodes
from switchyard.gates.rules.placement import refuse_node_of_another_stack
from switchyard.kube.access import ClusterAccess
from switchyard.kube.nodes import LiveNode, lost_nodes, read_nodes, unknown_nodes
from switchyard.manifests.placement import has_configured_taints, node_patch, taints_to_apply
from switchyard.operation import is_update, selection

TAINTS = "spec.taints"


def inspect_nodes(table: Mapping[str, NodeSettings], access: ClusterAccess) -> Mapping[str, LiveNode]:
    """The nodes of the cluster; a node table of other nodes ends the run before anything is registered.

    Read here, and not in a hook: only the program knows all nodes at once, in a preview as well as in an update, and
    can leave out a lost one. It reads the cluster, because the engine does not tell a program what is in the state,
    and a refresh removes a lost node from it.
    """
    if not table:
        return {}
    if not access.exists:
        return {name: LiveNode() for name in table}  # this stack is about to create them
    with errors_end_the_run():
        live = read_nodes(access)
        owner = stack_owner()
        foreign = {
            name
            for name, row in table.items()
            if name in live and refuse_node_of_another_stack(name, row, live[name], owner) is not None
        }
        if (problem := unknown_nodes(table, live, foreign)) is not None:
            raise SettingsError([problem])
    if (warning := lost_nodes(table, live)) is not None:
        pulumi.log.warn(warning)
    return live


class Placement(pulumi.ComponentResource):
    """Patches existing nodes with the labels and taints of the node table, one patch for each node.

    Kubelets take taints at their first registration only, and may not set every label themselves; this keeps
    both right from then on.

    Args:
        name: name of the component.
        nodes: the node table.
        live: the nodes of the cluster. Nodes of the table that are not among them are left out.
        access: the cluster, to read a node again before it is changed.
        arrival: waits until a node has joined, before its first change; None if all nodes have joined.
        opts: options of the component.
    """

    nodes: pulumi.Output[list[str]]
    """Names of the nodes that it patches."""

    def __init__(
        self,
        name: str,
        *,
        nodes: Mapping[str, NodeSettings],
        live: Mapping[str, LiveNode],
        access: ClusterAccess,
        arrival: Callable[[str], Awaitable[None]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("switchyard:placement:Placement", name, None, opts)
        self._access = access
        self._arrival = arrival
        patches = [
            self._patch(f"{name}-{node}", node, settings, live[node])
            for node, settings in nodes.items()
            if node in live
        ]
        self.nodes = pulumi.Output.all(*(patch.metadata["name"] for patch in patches))
        marked: pulumi.Output[None] = self.nodes.apply(
            lambda _: self._mark({name: live[name] for name in nodes if name in live})
        )
        del marked  # the engine waits for it
        self.register_outputs({"nodes": self.nodes})

    async def _mark(self, nodes: Mapping[str, LiveNode]) -> None:
        """Marks the nodes, once the state of the stack has them. Only an update of the whole stack is sure of that."""
        owner = stack_owner()
        update = is_update() and not pulumi.runtime.is_dry_run() and selection() is None
        # A mark without an identity would also be that of every other state of the stack's name.
        if update and owner.mark.identity and not self._access.unreachable:
            await mark_nodes(self._access, nodes, owner)

    def _patch(self, name: str, node: str, settings: NodeSettings, live: LiveNode) -> KubernetesObject:
        right = has_configured_taints(settings, live.taints)
        # A first apply that has to change no taint leaves the list out. Where an earlier state of this stack, or
        # another stack, has applied the list, it must be sent, because the API server would remove it otherwise.
        applied = None if right and not live.owns_taints else taints_to_apply(settings, live.taints)

        async def recheck(args: pulumi.ResourceHookArgs) -> None:
            preview = pulumi.runtime.is_dry_run()
            if self._arrival is not None and args.old_inputs is None and not preview:
                await self._arrival(node)
            taints = (args.new_inputs or {})["spec"].get("taints")
            live_wins = taints is None or (right and bool(args.old_inputs))
            await before_node_write(
                self._access, node, settings, stack_owner(), taints or (), live_wins=live_wins, preview=preview
            )

        hook = pulumi.ResourceHook(f"{name}-look-again", recheck, pulumi.ResourceHookOptions(on_dry_run=True))
        return register_patch(
            name,
            node_patch(node, settings, applied),
            pulumi.ResourceOptions(
                parent=self,
                hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook], before_delete=node_hook()),
                # Taints that are right are left as they are: the engine keeps its record of them, and the provider
                # leaves them out of an apply for the labels, or sends them as they are in that moment. So taints that
                # others set and remove show in no preview.
                ignore_changes=[TAINTS] if right else None,
                # The provider deletes a patch by an apply that is empty, under the same field manager as every stack
                # of this program. It would take the labels off under pods that were placed by them, and make a Node
                # object of a node that is gone. So a node that leaves the stack keeps what it has.
                retain_on_delete=True,
            ),
        )
