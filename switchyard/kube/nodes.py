"""Compares the node table of the configuration with the nodes of the cluster."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from switchyard.codes import Code
from switchyard.config.commands import clear_map, typed
from switchyard.config.errors import Problem
from switchyard.config.models.nodes import NodeSettings
from switchyard.errors import (
    AccessDeniedError,
    ClusterError,
    NodeChangedError,
    NodesUnreadableError,
    VersionUnreadableError,
)
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.clock import from_text
from switchyard.kube.error_texts import advice_denied
from switchyard.manifests.labels import FIELD_MANAGER
from switchyard.manifests.ownership_marks import Mark, mark_of
from switchyard.manifests.placement import (
    LiveTaint,
    has_configured_labels,
    has_configured_taints,
    lost_taints,
    written,
)

NODES = "switchyard:cluster.nodes"


@dataclass(frozen=True)
class LiveNode:
    """A node of the cluster.

    Attributes:
        taints: taints of the node on the cluster.
        placed: whether this program has patched it before.
        owns_taints: whether this program applied the list of taints, so that an apply without it empties it.
        provider_id: the machine that the kubelet named when it first registered.
        created: when it first registered; None if that is not known.
        labels: labels of the node on the cluster.
        owner: the stack whose mark the node has; None without a mark, as on nodes of earlier versions.
    """

    taints: tuple[LiveTaint, ...] = ()
    placed: bool = False
    owns_taints: bool = False
    provider_id: str = ""
    created: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: Mark | None = None

    def is_placed_as(self, row: NodeSettings) -> bool:
        """Whether it has the labels and taints of a row of the node table."""
        return has_configured_labels(row, self.labels) and has_configured_taints(row, self.taints)


def read_nodes(access: ClusterAccess) -> dict[str, LiveNode]:
    """Lists the nodes of a cluster, by name. Blocks the caller until the answer is there.

    Raises:
        NodesUnreadableError: the API server does not answer, or denies or refuses the request.
    """
    try:
        listed = run_blocking(_ask(access, "list"))
    except AccessDeniedError as error:
        raise NodesUnreadableError(
            f"{NODES}: the cluster's nodes may not be read: the user {error} "
            f"({NodesUnreadableError.code}). Nothing was changed. {advice_denied(error.status)}"
            f"{_without_table(access, error.status)}"
        ) from error
    except ClusterError as error:
        raise NodesUnreadableError(
            f"{NODES}: the cluster's nodes could not be read: {error} "
            f"({NodesUnreadableError.code}). Nothing was changed. Check the API server and the kubeconfig."
        ) from error
    return {node["metadata"]["name"]: live_node(node) for node in listed["items"]}


def _without_table(access: ClusterAccess, status: int) -> str:
    """The remedy without permission to list nodes, where the nodes belong to somebody else."""
    if status != httpx.codes.FORBIDDEN or access.stack_kubeconfig is not None:
        return ""
    return f" Or do not manage nodes: {clear_map(NODES)}"


def server_version(access: ClusterAccess) -> str:
    """Version of the API server, for example ``v1.34.1``. Blocks the caller until the answer is there.

    Raises:
        VersionUnreadableError: the API server does not answer, or denies or refuses the request.
    """

    async def ask() -> str:
        return await (await access.api()).version()

    try:
        return run_blocking(ask())
    except ClusterError as error:
        raise VersionUnreadableError(f"the API server does not answer: {error} ({error.code})") from error


def live_node(node: Mapping[str, Any]) -> LiveNode:
    """The part of a Node object that placement needs."""
    own = [entry for entry in node["metadata"].get("managedFields", ()) if entry["manager"] == FIELD_MANAGER]
    created = node["metadata"].get("creationTimestamp")
    return LiveNode(
        taints=tuple(node["spec"].get("taints", ())),
        placed=bool(own),
        owns_taints=any("f:taints" in entry["fieldsV1"].get("f:spec", {}) for entry in own),
        provider_id=node["spec"].get("providerID", ""),
        created=None if created is None else from_text(created),
        labels=node["metadata"].get("labels") or {},
        owner=mark_of(node),
    )


def unknown_nodes(
    table: Collection[str], live: Mapping[str, LiveNode], foreign: Collection[str] = ()
) -> Problem | None:
    """Refuses a node table of another cluster, or a misspelt one, before its first use.

    A patch is an apply, and an apply to a node that does not exist creates a Node object without a machine. Once
    placement has patched a node of the table, a missing one counts as lost instead: `lost_nodes`.

    Args:
        table: names of the nodes of the table.
        live: the cluster's nodes.
        foreign: nodes that another stack has placed, and otherwise than the table has them.
    """
    if any(live[name].placed for name in table if name in live and name not in foreign):
        return None
    if not (missing := _missing(table, live)):
        return None
    return Problem(
        NODES,
        ", ".join(missing),
        f"no such nodes on the cluster; it has {', '.join(sorted(live)) or 'none'}",
        f"Correct {NODES}, or do not manage nodes: {clear_map(NODES)}",
    )


def lost_nodes(table: Collection[str], live: Mapping[str, LiveNode]) -> str | None:
    """Warns of nodes that no longer exist. They do not block an update, which may be a rollback."""
    if not (missing := _missing(table, live)):
        return None
    return (
        f"{NODES}: {', '.join(missing)}: not on the cluster, left out ({Code.NODE_MISSING}). Labels and taints follow "
        "at the first update after a node is back; remove a node that no longer exists from the table."
    )


def stale_nodes(live: Mapping[str, LiveNode], machines: Mapping[str, str]) -> list[str]:
    """Warns of nodes that are still registered with their former machine.

    A kubelet that finds a Node of its name does not change the machine that the Node names. The load balancer then
    sends nothing to the new machine.

    Args:
        live: the cluster's nodes.
        machines: instance id by node.
    """
    return [
        f"{NODES}.{name}: is registered as {node.provider_id.rpartition('/')[2]}, and its machine is {machines[name]} "
        f"({Code.NODE_OF_FORMER_MACHINE}). Run kubectl delete node {name}, and then on the machine: "
        "sudo systemctl restart kubelet"
        for name, node in live.items()
        if node.provider_id and name in machines and not node.provider_id.endswith(f"/{machines[name]}")
    ]


async def read_node(access: ClusterAccess, name: str) -> LiveNode | None:
    """Reads a node again right before it is patched; None if it does not exist.

    Raises:
        NodeChangedError: the node could not be read.
    """
    try:
        node = await (await access.api()).find("nodes", name, None)
    except ClusterError as error:
        raise NodeChangedError(f"node {name} could not be read: {error} ({error.code})") from error
    return None if node is None else live_node(node)


def wrong_by_now(live: Sequence[LiveTaint], applied: Sequence[LiveTaint], *, live_wins: bool) -> str | None:
    """The reason why a patch must not be sent; None if it may be.

    Args:
        live: the taints on the node.
        applied: the taints in the patch.
        live_wins: whether the provider sends the taints that are on the node instead, if there are any.
    """
    if live_wins:
        if live or not applied:
            return None
        taints = ", ".join(map(written, applied))
        again = typed("pulumi up --refresh")
        return f"its patch would restore {taints}, which the stack remembers. Run `{again}`."
    lost = lost_taints(live, applied)
    if not lost:
        return None
    again = typed("pulumi up")
    return f"its patch would remove {', '.join(lost)}, added while the update ran. Run `{again}` again."


def _missing(table: Collection[str], live: Mapping[str, LiveNode]) -> list[str]:
    return [name for name in table if name not in live]


async def _ask(access: ClusterAccess, verb: str, name: str = "") -> Any:
    api = await access.api()
    return await api.ask(verb, "nodes", name)
