"""Ends a run that would take the targets of the load balancer away, before anything is registered."""

from collections.abc import Mapping

from components.failures import end_if_refused
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import ClusterError
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.target_nodes import refuse_lost_targets
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.operation import is_destroy


def inspect_target_nodes(cluster: Ec2Cluster, services: Mapping[str, ServiceSettings], access: ClusterAccess) -> None:
    """Compares the labels of the node table with those by which the load balancer finds its targets.

    Raises:
        pulumi.RunError: a service would have no target.
    """
    if cluster.load_balancer is None or not access.exists or is_destroy():
        return
    routed = {route.service: services[route.service] for route in cluster.load_balancer.routes}
    end_if_refused(run_blocking(_refusals(cluster, routed, access)))


async def _refusals(
    cluster: Ec2Cluster, routed: Mapping[str, ServiceSettings], access: ClusterAccess
) -> list[Refusal | None]:
    try:
        live = await Cluster.connect(access)
        namespaces = {service.namespace for service in routed.values()}
        ingresses = {namespace: await live.ingresses(namespace) for namespace in sorted(namespaces)}
        return [
            refuse_lost_targets(service.named(key), ingresses[service.namespace], cluster.nodes)
            for key, service in routed.items()
        ]
    except ClusterError:
        return []  # no label is changed without an API server
