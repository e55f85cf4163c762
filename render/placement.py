"""Server-side-apply patches that give each node its labels and taints."""

from typing import Any

from render.labels import APPLY
from settings.nodes import NodeSettings, labels, taints


def node_patch(name: str, node: NodeSettings) -> dict[str, Any]:
    """What the program owns of a node, and nothing else: the labels and taints of its place.

    The list of taints is always given, also when it is empty: the API server holds one owner for the whole
    list, and a node that moves from dedicated to shared must lose its taint.
    """
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels(node), "annotations": dict(APPLY)},
        "spec": {"taints": [taint.model_dump(by_alias=True, exclude_none=True) for taint in taints(node)]},
    }
