"""Reads the Rollouts of services at the start of a program."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from switchyard.config.models.service import RolloutSettings
from switchyard.errors import ClusterError, RolloutsUnreadableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.kube.selectors import controlled


@dataclass(frozen=True)
class LiveRollout:
    """The Rollout and the Service of a service at the start of a program.

    Attributes:
        strategy: the strategy of its Rollout, as Argo Rollouts names it; None without a Rollout.
        selected: the selector of its Service; None without a Service.
    """

    strategy: str | None = None
    selected: Mapping[str, str] | None = None

    def hashed(self, name: str) -> dict[str, str] | None:
        """The selector of the Service if the controller of Argo Rollouts has written it, else None."""
        return dict(self.selected or {}) if controlled(name, self.selected) else None


def read_live_rollouts(services: Mapping[str, RolloutSettings], access: ClusterAccess) -> dict[str, LiveRollout]:
    """Reads the Rollouts and Services of services. Blocks the caller until the answer is there.

    Raises:
        RolloutsUnreadableError: the API server does not answer, or denies or refuses the request.
    """
    if not services:
        return {}
    try:
        return run_blocking(_read(services, access))
    except ClusterError as error:
        raise RolloutsUnreadableError(
            f"{', '.join(services)}: Rollouts and Services could not be read: {error} "
            f"({RolloutsUnreadableError.code}). No service was changed. Check the API server, "
            "the kubeconfig and its permissions."
        ) from error


async def _read(services: Mapping[str, RolloutSettings], access: ClusterAccess) -> dict[str, LiveRollout]:
    cluster = await Cluster.connect(access)

    async def read(name: str, namespace: str) -> LiveRollout:
        rollout = await cluster.rollout(namespace, name)
        strategy = next(iter(rollout["spec"].get("strategy", {})), None) if rollout else None
        return LiveRollout(strategy, await cluster.service_selector(namespace, name))

    reads = (read(service.kubernetes_name(key), service.namespace) for key, service in services.items())
    return dict(zip(services, await asyncio.gather(*reads), strict=True))
