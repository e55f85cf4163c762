"""Checks again for `switchyard status` whether a switch in doubt is followed."""

# The modules of a release are imported only where a switch is in doubt.
# ruff: noqa: PLC0415

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from switchyard.cli.service_status import ServiceStatus
from switchyard.config.models.service import BlueGreenSettings, ServiceSettings
from switchyard.config.models.service_name import key_of
from switchyard.errors import ClusterError, GateRefusedError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from switchyard.config.kinds import Cluster as ClusterSettings
    from switchyard.release.plan import Observation
    from switchyard.release.record.latest import LatestRelease


async def recheck_doubtful_switches(
    access: ClusterAccess,
    stack: str,
    services: Mapping[str, ServiceSettings],
    statuses: list[ServiceStatus],
    cluster_settings: "ClusterSettings",
) -> list[ServiceStatus]:
    """Returns the statuses after checking each switch in doubt again.

    Args:
        access: the cluster.
        stack: name of the stack.
        services: services of the stack.
        statuses: statuses of these services.
        cluster_settings: settings of the cluster, which have its load balancer.
    """
    if not any(status.release is not None and status.release.doubt for status in statuses):
        return statuses
    from switchyard.cli.release_cluster import observe_service
    from switchyard.gates.weighted_routing import switching_load_balancer

    cluster = await Cluster.connect(access)

    async def rechecked(status: ServiceStatus) -> ServiceStatus:
        settings, release = services[key_of(status.name)], status.release
        if release is None or release.doubt is None or not isinstance(settings, BlueGreenSettings):
            return status
        routing = switching_load_balancer(cluster_settings, key_of(status.name), settings)

        async def observe() -> "Observation":
            return await observe_service(cluster, access, stack, status.name, settings, routing)

        return replace(status, release=await _rechecked(cluster, observe, release))

    return list(await asyncio.gather(*map(rechecked, statuses)))


async def _rechecked(
    cluster: Cluster, observe: "Callable[[], Awaitable[Observation]]", release: "LatestRelease"
) -> "LatestRelease":
    """The release after its switch was checked again. If that fails, the doubt remains."""
    from switchyard.release.plan import Act, Plan
    from switchyard.release.receipt.warnings import doubt
    from switchyard.release.switch.following import recheck_following

    try:
        observation = await observe()
        plan = Plan(Act.SWITCH, observation, observation.serving, patch=False)
        receipt = await recheck_following(cluster, plan)
    except (ClusterError, GateRefusedError):
        return release
    now = doubt(plan, receipt)
    # What may not be asked does not follow.
    balancer = receipt.balancer is None or receipt.balancer.follows is True
    follows = now is None and balancer and all(node.follows for node in receipt.nodes)
    return replace(release, follows_now=follows, doubt_now=now)
