"""The routes of a load balancer to the services: an Ingress for each part."""

from collections.abc import Collection, Mapping, Sequence

import pulumi

from components.cluster.load_balancer import AlbIngress
from components.manifest import KubernetesObject, register
from components.services.load_balancer_weights import WeightedRouting
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import ServiceSettings
from switchyard.gates.weighted_routing import load_balancer_routing
from switchyard.manifests.ingress import ingress
from switchyard.manifests.ingress_routes import RoutePart, earlier
from switchyard.manifests.weights import switched_by_weights


class Routes:
    """Registers the Ingresses of the services, as children of the load balancer's component.

    A service that leaves its switch to the load balancer registers its own Ingresses in the middle of its update, by
    way of `weighted_routing`; `register_remaining` registers all others. All of them are children of the one component,
    so that another engine of a switch changes an Ingress and creates no other.

    Args:
        balancer: the load balancer.
        cluster: the settings of the cluster.
        services: the settings of all services.
    """

    balancer: AlbIngress
    """The load balancer of the routes."""

    def __init__(self, balancer: AlbIngress, cluster: Ec2Cluster, services: Mapping[str, ServiceSettings]) -> None:
        self.balancer = balancer
        self._cluster = cluster
        self._services = services
        self._registered: dict[str, KubernetesObject] = {}

    def register(self, services: Collection[str], opts: pulumi.ResourceOptions) -> list[KubernetesObject]:
        """Registers the Ingresses of some services.

        Args:
            services: the keys of the services.
            opts: options in addition to those of every Ingress.
        """
        return [self._register(part, opts) for part in self.balancer.parts if part.service in services]

    def weighted_routing(self, service: str) -> WeightedRouting | None:
        """Returns what a service needs to switch by the weights of its Ingresses; None for one that does not.

        Args:
            service: the key of the service.
        """
        if not switched_by_weights(self._services[service]):
            return None
        routing = load_balancer_routing(self._cluster, service)
        return WeightedRouting(routing, lambda opts: self.register([service], opts))

    def register_remaining(self, after: Sequence[pulumi.Resource] = ()) -> None:
        """Registers the Ingresses that no service has registered, and has the controller checked after all of them.

        Args:
            after: the services.

        Raises:
            ValueError: a service that switches by weights has not registered its Ingresses.
        """
        for part in self.balancer.parts:
            if part.name in self._registered:
                continue
            if switched_by_weights(self._services[part.service]):
                raise ValueError(f"service {part.service} has not registered Ingress {part.name}")
            self._register(part, pulumi.ResourceOptions(depends_on=after))
        # In a preview those that it would create have no id yet; the group has one after the first update.
        registered = [] if pulumi.runtime.is_dry_run() else list(self._registered.values())
        self.balancer.check.after([self.balancer.group, *registered])

    def _register(self, part: RoutePart, opts: pulumi.ResourceOptions) -> KubernetesObject:
        # An Ingress of a service that is registered later cannot be waited for: between two services that both
        # register their own, a request of a new route may get the wider one for as long as the other takes.
        others = [other for other in earlier(part, self.balancer.parts) if other in self._registered]
        dependencies = pulumi.ResourceOptions(
            depends_on=[self.balancer.group, *(self._registered[other] for other in others)]
        )
        options = pulumi.ResourceOptions.merge(self.balancer.of_ingresses, dependencies)
        self._registered[part.name] = registered = register(
            f"{self.balancer.name}-{part.name}",
            ingress(self._cluster, part, self._services[part.service]),
            pulumi.ResourceOptions.merge(options, opts),
            deleted_by="provider",
        )
        return registered
