"""Ends a run that asks for a node port of another Service, before anything is registered."""

from typing import Any

import pulumi

from components.failures import end_if_refused
from components.guard import stack_mark
from switchyard.codes import Code
from switchyard.config.loader import StackSettings
from switchyard.errors import ClusterError
from switchyard.gates.node_ports import list_services
from switchyard.gates.rules.node_ports import has_fixed_ports, refuse_taken_ports
from switchyard.gates.rules.refusal import notice
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.manifests.ownership_marks import Mark
from switchyard.operation import is_destroy


def check_node_ports(settings: StackSettings, access: ClusterAccess) -> None:
    """Compares the fixed node ports of the settings with those of the Services on the cluster.

    Raises:
        pulumi.RunError: another Service has one of the ports.
    """
    services = settings.services
    if not access.exists or access.unreachable or is_destroy() or not has_fixed_ports(services):
        return
    namespaces = {service.namespace for service in services.values()}
    namespaces |= {service.namespace for service in settings.removed.values()}
    namespaces |= {service.leaves for service in services.values() if service.leaves is not None}

    async def live() -> list[dict[str, Any]]:
        return await list_services((await Cluster.connect(access)).api, namespaces)

    try:
        listed = run_blocking(live())
    except ClusterError as error:
        # No reason to stop a rollback: the API server itself gives no port to two Services.
        pulumi.log.warn(
            notice(
                Code.NODE_PORTS_UNKNOWN,
                "",
                f"whether the configured node ports are free is not known: {error}",
                "The update continues: the API server refuses a port that another Service has.",
            )
        )
        return
    former = None if settings.former is None else Mark.parse(settings.former)
    end_if_refused(refuse_taken_ports(services, listed, stack_mark(), former))
