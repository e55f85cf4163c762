"""Waits until the nodes send new connections where the Service says."""

import asyncio
import time
from collections.abc import Callable

from gate.api import AccessDeniedError
from gate.cluster import Cluster
from gate.routing import behind, can_be_asked, warn_unknown
from settings.service import ServiceSettings

ANSWER_SECONDS = 2.0
"""How long a node's kube-proxy may take to answer. It takes milliseconds, and a stopped one never does."""

POLL_SECONDS = 0.1
"""Between two questions to kube-proxy, which offers nothing to watch. It writes its rules once a second at most."""


async def wait_for_nodes(
    cluster: Cluster,
    name: str,
    service: ServiceSettings,
    switched_at: float | None,
    seconds: float,
    warn: Callable[[str], None],
) -> list[str]:
    """Waits until every node has followed the switch.

    Args:
        cluster: the cluster.
        name: the service's name.
        service: its settings; its node selector says which nodes take traffic.
        switched_at: when the gate let the switch pass, monotonic seconds; None if that was not in this update.
        seconds: how long to wait.
        warn: takes a line when it cannot be known.

    Returns:
        What is to be said of each node that has not; nothing when all have, or when it cannot be known.
    """
    if not service.gate.check_nodes:
        return []
    limit = time.monotonic() + seconds
    while True:
        try:
            nodes = await cluster.routing(service.node_selector, ANSWER_SECONDS)
        except AccessDeniedError as error:
            warn(warn_unknown(name, f"the gate {error}"))
            return []
        if nodes and not can_be_asked(nodes):
            warn(warn_unknown(name, f"no kube-proxy answers on {', '.join(node.node for node in nodes)}"))
            return []
        reasons = behind(nodes, None if switched_at is None else time.monotonic() - switched_at)
        if not reasons or time.monotonic() > limit:
            return reasons
        await asyncio.sleep(POLL_SECONDS)
