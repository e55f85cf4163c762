"""Checks again for `switchyard status` whether the nodes follow a switch in doubt."""

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
    from switchyard.release.latest import LatestRelease


async def ask_where_in_doubt(
    access: ClusterAccess, stack: str, services: Mapping[str, ServiceSettings], statuses: list[ServiceStatus]
) -> list[ServiceStatus]:
    """The statuses, after each switch in doubt was checked again.

    Args:
        access: the cluster.
        stack: name of the stack.
        services: services of the stack.
        statuses: statuses of these services.
    """
    if not any(status.release is not None and status.release.doubt for status in statuses):
        return statuses
    cluster = await Cluster.connect(access)

    async def asked(status: ServiceStatus) -> ServiceStatus:
        settings, release = services[key_of(status.name)], status.release
        if release is None or release.doubt is None or not isinstance(settings, BlueGreenSettings):
            return status
        return replace(status, release=await _asked(cluster, access, stack, status, settings, release))

    return list(await asyncio.gather(*map(asked, statuses)))


async def _asked(
    cluster: Cluster,
    access: ClusterAccess,
    stack: str,
    status: ServiceStatus,
    settings: BlueGreenSettings,
    release: "LatestRelease",
) -> "LatestRelease":
    """The release after its switch was checked again. If that fails, the doubt remains."""
    from switchyard.cli.release_cluster import observe_service
    from switchyard.release.following import ask_again
    from switchyard.release.plan import Act, Plan
    from switchyard.release.receipt_warnings import doubt

    try:
        observation = await observe_service(cluster, access, stack, status.name, settings)
        plan = Plan(Act.SWITCH, observation, observation.serving, patch=False)
        receipt = await ask_again(cluster, plan)
    except (ClusterError, GateRefusedError):
        return release
    now = doubt(plan, receipt)
    follows = now is None and all(node.follows for node in receipt.nodes)  # a node that may not be asked does not
    return replace(release, follows_now=follows, doubt_now=now)
