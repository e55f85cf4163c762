"""The gates of a service in two colours that the load balancer switches, with a target group for each colour.

The Service is switched as for any service, and decides what serves in the cluster. In addition, a target group must be
healthy before it gets requests, and the load balancer must use its weights before ready pods of the idle colour go.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress

from switchyard.aws.elbv2 import Balancers
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.config.models.service_name import key_of
from switchyard.errors import AccessDeniedError, AwsError
from switchyard.gates.base import Warn
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.gates.rules.load_balancer_weights import (
    not_switched,
    refuse_early_weights,
    refuse_still_sent,
    refuse_unhealthy,
    switched,
    unforwarded,
    unwritten,
)
from switchyard.gates.rules.release import refuse_fewer_replicas, refuse_in_place
from switchyard.gates.weighted_routing import LoadBalancerRouting
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.ingresses import IngressRoute, hostnames, names_colours, routes_to, targets_of
from switchyard.kube.objects import PodsChange
from switchyard.kube.polling import poll_until
from switchyard.kube.selectors import ready_pods
from switchyard.manifests.labels import colour_name, selector
from switchyard.manifests.weights import weighted_service

POLL_SECONDS = 1.0
"""Seconds between two requests to AWS, which offers no watch and throttles calls."""


class WeightedGates(BlueGreenGates):
    """The gates of a service that the load balancer switches.

    Args:
        name: the service's name.
        service: settings of the service.
        access: the cluster that it runs on.
        warn: reports a warning to the engineer.
        routing: the load balancer.
        say: prints what the wait is for.
        preview: whether this is a preview.
        kept: the tracks whose pod template stays as admission has rewritten it.
    """

    def __init__(
        self,
        name: str,
        service: BlueGreenSettings,
        access: ClusterAccess,
        warn: Warn,
        routing: LoadBalancerRouting,
        say: Callable[[str], None],
        *,
        preview: bool,
        kept: Collection[Track] = (),
    ) -> None:
        super().__init__(name, service, access, warn, kept)
        self._routing = routing
        self._say = say
        self._preview = preview
        self._balancers = Balancers(routing.region)
        self._to = weighted_service(name, service)
        self._proved = False
        self._weights_planned = False

    async def before_command(self) -> None:
        """Checks before a command switches. The Service may select the colour already, and the Ingress not yet."""
        await super().before_command()
        await self.before_weights()

    async def before_weights(self) -> None:
        """Checks before an Ingress may send the requests to another colour.

        Raises:
            GateRefusedError: the colour has no target group, too few ready endpoints, or fails its smoke test.
        """
        to = Track(self._service.active)
        self._weights_planned = True
        async with self._cluster() as cluster:
            routes = await self._routes(cluster)
            self._raise(refuse_early_weights(self._name, self._service, routes))
            if not routes or all(route.targets == {self._to} for route in routes):
                return
            serving_ready = await self._serving_ready_by_weights(cluster, routes)
            self._raise(refuse_fewer_replicas(self._name, self._service, to, None, serving_ready))
            if not self._preview:
                await self._prove(cluster, to, serving_ready)

    async def _prove(self, cluster: Cluster, to: Track, serving_ready: int) -> None:
        """Also waits once, for both writes, until the load balancer reports healthy targets."""
        if self._proved:
            return
        await super()._prove(cluster, to, serving_ready)
        routes = await self._routes(cluster)
        self._raise(refuse_early_weights(self._name, self._service, routes))
        if routes and any(route.targets != {self._to} for route in routes):
            seconds = self._service.gate.timeout_seconds + self._routing.health_seconds
            reason = await self._wait(lambda: self._unhealthy(cluster), seconds)
            self._raise(refuse_unhealthy(self._name, self._to, reason))
        self._proved = True

    async def _before_in_place(self, cluster: Cluster, colour: Colour, change: PodsChange) -> None:
        if colour_name(self._name, colour) in targets_of(await self._routes(cluster)):
            selected = selector(self._name, colour)
            self._raise(refuse_in_place(self._name, self._service, colour, selected, change.fields))

    async def _before_retirement(self, cluster: Cluster, colour: Colour) -> None:
        reason = await self._wait(lambda: self._unswitched(cluster), self._service.gate.timeout_seconds)
        if reason is not None:
            reason = await self._with_warning(cluster, reason)
        self._raise(refuse_still_sent(self._name, self._service, colour, self._to, reason))

    async def _unfinished(self, cluster: Cluster) -> str | None:
        """Also reports a load balancer that does not use the weights that the update has written."""
        problem = await super()._unfinished(cluster)
        if problem is not None or (self._preview and self._weights_planned):
            return problem
        seconds = 0 if self._preview else self._service.gate.timeout_seconds
        reason = await self._wait(lambda: self._unswitched(cluster), seconds)
        if reason is None:
            return None
        return not_switched(self._name, self._service, self._to, await self._with_warning(cluster, reason))

    async def _routes(self, cluster: Cluster) -> list[IngressRoute]:
        return routes_to(self._name, await cluster.ingresses(self._service.namespace), self._routing.ingresses)

    async def _serving_ready_by_weights(self, cluster: Cluster, routes: list[IngressRoute]) -> int:
        """Number of ready pods, without those of the active colour, that the load balancer sends requests to."""
        namespace, ready = self._service.namespace, frozenset[str]()
        for service in targets_of(routes):
            ready |= ready_pods(await cluster.endpoints(namespace, service))
        own = await cluster.pods(namespace, selector(self._name, self._service.active))
        return len(ready.difference(pod.name for pod in own))

    async def _unhealthy(self, cluster: Cluster) -> str | None:
        """The reason why the load balancer must not yet use the new weights; None if it may."""
        groups = [
            arn
            for arn, service in (await cluster.target_groups(self._service.namespace)).items()
            if service == self._to
        ]
        if not groups:
            return f"Service {self._to} has no target group"
        for group in groups:
            healthy, registered = await self._balancers.healthy(group)
            if not healthy:
                return f"the target group of {self._to} has {healthy} healthy targets of {registered}"
        return None

    async def _unswitched(self, cluster: Cluster) -> str | None:
        """The reason why the load balancer does not follow the new weights yet; None if it does."""
        if (reason := unwritten(self._to, await self._routes(cluster))) is not None:
            return reason
        return await self.unforwarded(cluster)

    async def unforwarded(self, cluster: Cluster) -> str | None:
        """Why the rules of the load balancer do not send all requests where they are to go; None if they do.

        Raises:
            AwsError: AWS does not answer, or denies the call.
        """
        return unforwarded(self._to, await _switched(cluster, self._balancers, self._name, self._service.namespace))

    async def _wait(self, check: Callable[[], Awaitable[str | None]], seconds: float) -> str | None:
        """Waits until there is no problem, and prints what the wait is for. Returns the problem that is left."""
        reported: str | None = None

        async def observe() -> str | None:
            try:
                return await check()
            except AwsError as error:
                return str(error)

        def report(reason: str | None) -> None:
            nonlocal reported
            if reason != reported:
                self._say(f"{key_of(self._name)}: waiting for the load balancer: {reason}")
                reported = reason

        reason = await poll_until(
            observe, lambda reason: reason is None, seconds=seconds, every=POLL_SECONDS, report=report
        )
        return reason and (f"{reason}, after {seconds:.0f} s" if seconds else reason)

    async def _with_warning(self, cluster: Cluster, reason: str) -> str:
        """The reason together with the last warning of the controller."""
        with suppress(AccessDeniedError):  # a user who may not read events gets the rest
            for ingress in self._routing.ingresses:
                if (warning := await cluster.warning(self._service.namespace, "Ingress", ingress)) is not None:
                    return f"{reason} (last warning of the controller: {warning})"
        return reason


async def target_groups_in_use(cluster: Cluster, region: str, name: str, namespace: str) -> str | None:
    """The reason why the colours' target groups must stay: they get requests. None if they get none.

    Args:
        cluster: the cluster.
        region: region of AWS.
        name: the service's name.
        namespace: namespace of the service.
    """
    ingresses = await cluster.ingresses(namespace)
    if not names_colours(name, ingresses):
        return None
    routes = [route for route in routes_to(name, ingresses) if route.by_weights]
    if (reason := unwritten(name, routes)) is not None:
        return reason
    try:
        rules = await _switched(cluster, Balancers(region), name, namespace)
    except AwsError as error:
        return str(error)
    return unforwarded(name, rules) if rules else None


async def _switched(cluster: Cluster, balancers: Balancers, name: str, namespace: str) -> list[Mapping[str, int]]:
    """The weights of every rule of the load balancer that names both colours of a service."""
    own = [ingress for ingress in await cluster.ingresses(namespace) if routes_to(name, [ingress])]
    rules = [rule for hostname in hostnames(own) for rule in await balancers.rules(hostname)]
    return switched(name, rules, await cluster.target_groups(namespace))
