"""Waits until every node follows the Service."""

import asyncio
import time

from gate.api import AccessDeniedError
from gate.cluster import Cluster
from gate.routing import not_following
from settings.service import ServiceSettings

ANSWER_SECONDS = 2.0
"""How long a node's kube-proxy may take to answer. It takes milliseconds, and a stopped one never does."""

POLL_SECONDS = 0.1
"""Between two questions to kube-proxy, which offers nothing to watch."""


async def wait_for_nodes(cluster: Cluster, service: ServiceSettings, seconds: float) -> list[str]:
    """Waits until the kube-proxy of every node that takes traffic is well.

    Args:
        cluster: the cluster.
        service: the service; its node selector says which nodes take traffic.
        seconds: how long to wait.

    Returns:
        What is to be said of each node whose is not, or of the permission to ask; nothing when all are.
    """
    if not service.gate.check_nodes:
        return []
    limit = time.monotonic() + seconds
    while True:
        try:
            reasons = not_following(await cluster.routing(service.node_selector, ANSWER_SECONDS))
        except AccessDeniedError as error:
            return [f"the gate {error}"]
        if not reasons or time.monotonic() > limit:
            return reasons
        await asyncio.sleep(POLL_SECONDS)
