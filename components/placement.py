"""Labels and taints that put each workload on its nodes."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import NodePatch

from components.manifest import register
from render.placement import node_patch
from settings.nodes import NodeSettings


class Placement(pulumi.ComponentResource):
    """Applies the node table's labels and taints to nodes that exist, whoever made them.

    Kubelets take taints at their first registration only, and may not set every label themselves; this keeps
    both right from then on.
    """

    nodes: pulumi.Output[list[str]]
    """Names of the nodes in its care."""

    def __init__(
        self, name: str, *, nodes: Mapping[str, NodeSettings], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("switchyard:placement:Placement", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        patches = [
            register(NodePatch, f"{name}-{node}", node_patch(node, settings), child) for node, settings in nodes.items()
        ]
        self.nodes = pulumi.Output.all(*(patch.metadata["name"] for patch in patches))
        self.register_outputs({"nodes": self.nodes})
