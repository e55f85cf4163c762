"""The seven machines as Node objects, without labels and taints of the placement, which the program applies."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import httpx

from switchyard.config.models.nodes import NodeSettings, kubelet_labels

SIMULATED = {"kwok.x-k8s.io/node": "fake"}
"""Annotation of the nodes that kwok simulates. Real nodes do not have it."""


SUBNETS = {"a": "10.0.1", "b": "10.0.2", "c": "10.0.3"}
"""Public subnet of each zone of the real cluster, by the zone's last letter: a /24 each."""


def node_manifest(name: str, node: NodeSettings, number: int) -> dict[str, Any]:
    """A node as its kubelet would register it.

    Args:
        name: name of the node.
        node: row of the node in the node table.
        number: place of the node in the table, which determines its address; nothing answers there.
    """
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": SIMULATED,
            "labels": kubelet_labels(name, node),
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"{SUBNETS[node.zone[-1]]}.{10 + number}"},
                {"type": "Hostname", "address": name},
            ],
            "capacity": node.machine.capacity(node.disk_gb),
            "allocatable": node.machine.allocatable(node.disk_gb),
        },
    }


def register(client: httpx.Client, nodes: Mapping[str, NodeSettings], real: Collection[str]) -> None:
    """Registers the simulated nodes. The kubelet of a real node registers it.

    Args:
        client: client of the API server.
        nodes: the node table.
        real: names of those that are left out.

    Raises:
        httpx.HTTPError: the API server refuses one, or does not answer.
    """
    for number, (name, node) in enumerate(nodes.items()):
        if name in real:
            continue
        response = client.post("/api/v1/nodes", json=node_manifest(name, node, number))
        if response.status_code != httpx.codes.CONFLICT:  # an earlier start has registered it
            response.raise_for_status()


def not_ready(
    wanted: Collection[str], nodes: Iterable[Mapping[str, Any]], reported: Mapping[str, datetime] | None = None
) -> set[str]:
    """Names of nodes that are missing among Node objects, not Ready, or still tainted as new.

    Args:
        wanted: names of the expected nodes.
        nodes: Node objects.
        reported: since when a node must have reported its state, for those whose kubelet has just been started: the
            API server has the state that its predecessor reported, until it reports its own.
    """
    waiting, since = set(wanted), reported or {}
    for node in nodes:
        name, conditions = node["metadata"]["name"], node["status"].get("conditions", [])
        starting = [taint for taint in node["spec"].get("taints", []) if taint["key"].startswith("node.kubernetes.io/")]
        ready = [
            condition for condition in conditions if condition["type"] == "Ready" and condition["status"] == "True"
        ]
        current = name not in since or any(
            datetime.fromisoformat(condition["lastHeartbeatTime"]) >= since[name] for condition in ready
        )
        if ready and current and not starting:
            waiting.discard(name)
    return waiting
