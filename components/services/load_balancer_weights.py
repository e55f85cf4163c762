"""The load balancer routing of a service that the load balancer switches by weights."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import pulumi

from components.failures import end_if_refused
from components.manifest import KubernetesObject
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings, ServiceSettings, Track
from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.gates.load_balancer_weights import WeightedGates, target_groups_in_use
from switchyard.gates.rules.load_balancer_weights import refuse_early_selector
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.access import ClusterAccess
from switchyard.kube.blocking import run_blocking
from switchyard.kube.cluster import Cluster
from switchyard.kube.ingresses import names_colours
from switchyard.manifests.weights import switched_by_weights


@dataclass(frozen=True)
class WeightedRouting:
    """How the load balancer routes to a service that it switches.

    Attributes:
        routing: the data that the gates need.
        write: registers the service's Ingresses with additional options.
    """

    routing: LoadBalancerRouting
    write: Callable[[pulumi.ResourceOptions], list[KubernetesObject]]

    def gates(
        self,
        name: str,
        service: BlueGreenSettings,
        access: ClusterAccess,
        warn: Warn,
        say: Warn,
        kept: Collection[Track] = (),
    ) -> WeightedGates:
        """The gates of the service; arguments as theirs."""
        preview = pulumi.runtime.is_dry_run()
        return WeightedGates(name, service, access, warn, self.routing, say, preview=preview, kept=kept)


def inspect_weights(
    cluster: Ec2Cluster, services: Mapping[str, ServiceSettings], access: ClusterAccess
) -> frozenset[str]:
    """Ends a run that would remove the colours' target groups while requests arrive through them.

    Returns:
        The services that leave the target groups of their colours, which get no request any more. Their Ingresses are
        written before the colours lose their ports: for an Ingress that names a Service without one the controller
        refuses the whole group (`TargetGroup port is empty`).

    Raises:
        pulumi.RunError: some services may not leave them. The text has a line for each.
    """
    routes = cluster.load_balancer.routes if cluster.load_balancer is not None else ()
    routed = {route.service: services[route.service] for route in routes}
    if not access.exists or all(switched_by_weights(service) for service in routed.values()):
        return frozenset()
    refusals, leaving = run_blocking(_leaving(cluster.region, routed, access))
    end_if_refused(refusals)
    return leaving


async def _leaving(
    region: str, services: Mapping[str, ServiceSettings], access: ClusterAccess
) -> tuple[list[str], frozenset[str]]:
    """Why services may not leave the target groups of their colours, and which of them do leave them."""
    selected = {name: service for name, service in services.items() if not switched_by_weights(service)}
    try:
        cluster = await Cluster.connect(access)
        refusals = [
            refuse_early_selector(
                service.named(key),
                service,
                await target_groups_in_use(cluster, region, service.named(key), service.namespace),
            )
            for key, service in selected.items()
        ]
        leaving = [
            key
            for key, service in selected.items()
            if names_colours(service.kubernetes_name(key), await cluster.ingresses(service.namespace))
        ]
    except ClusterError:
        # Without an API server no target group can be removed; the steps that need one report it.
        return [], frozenset()
    return [str(refusal) for refusal in refusals if refusal is not None], frozenset(leaving)
