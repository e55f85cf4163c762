"""Waits until every node follows a Service, and until a controller has reported on a Rollout."""

from collections.abc import Callable
from typing import Any

from switchyard.config.models.service import ServiceSettings
from switchyard.errors import AccessDeniedError
from switchyard.gates.rules.node_routing import not_following
from switchyard.kube.cluster import Cluster
from switchyard.kube.polling import poll_until, watch_until
from switchyard.kube.rollout import RolloutState, state_of

SEEN_SECONDS = 60
"""Seconds for which the controller may take to report on a changed Rollout. It takes less than one."""

ANSWER_SECONDS = 2.0
"""Seconds for which a node's kube-proxy may take to answer. It takes milliseconds."""

POLL_SECONDS = 0.1
"""Seconds between two requests to kube-proxy, which offers no watch."""


async def wait_for_nodes(cluster: Cluster, service: ServiceSettings, seconds: float) -> list[str]:
    """Waits until the kube-proxy of every node is healthy, also where no pod of the service runs.

    Args:
        cluster: the cluster.
        service: settings of the service.
        seconds: how long to wait.

    Returns:
        A reason for each node whose kube-proxy is not healthy, or the missing permission; empty if all are healthy.
    """
    if not service.gate.check_nodes:
        return []

    async def observe() -> list[str]:
        return not_following(await cluster.routing(ANSWER_SECONDS))

    try:
        return await poll_until(observe, lambda reasons: not reasons, seconds=seconds, every=POLL_SECONDS)
    except AccessDeniedError as error:
        return [f"the gate {error}"]


async def wait_for_rollout(
    cluster: Cluster, namespace: str, name: str, seconds: float, enough: Callable[[RolloutState], bool]
) -> RolloutState | None:
    """Watches a Rollout until a condition holds. Returns its last state, or None without a Rollout."""
    state = None

    async def is_enough(rollout: dict[str, Any]) -> bool:
        nonlocal state
        state = state_of(rollout)
        return enough(state)

    await watch_until(cluster.watch_rollout(namespace, name), is_enough, seconds)
    return state
