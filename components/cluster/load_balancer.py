"""The application load balancer before the services."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pulumi

from components.manifest import KubernetesObject, register
from components.services.load_balancer_weights import WeightedRouting
from switchyard.codes import Code
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.load_balancer import LoadBalancerSettings
from switchyard.config.models.service import ServiceSettings
from switchyard.errors import ClusterError
from switchyard.gates.load_balancer import BalancerGroup, GroupProblem
from switchyard.gates.load_balancer_weights import LoadBalancerRouting
from switchyard.kube.access import ClusterAccess
from switchyard.manifests.ingress import group_ingress, ingress, load_balancer_attributes, protected, url
from switchyard.manifests.ingress_routes import Part, earlier, parts
from switchyard.manifests.weights import switched_by_weights

TIMEOUT_SECONDS = 600
"""Bound on the load balancer's coming and going: AWS takes two to five minutes for each."""


class AlbIngress(pulumi.ComponentResource):
    """Asks the AWS Load Balancer Controller for one ALB before all services that have a route.

    It must come after the controller and the services, so that at a `destroy` it goes before them. The ALB's own
    Ingress is made first and goes last: the controller makes the ALB with it, and deletes the ALB while it goes. Those
    of the services come and go, and the ALB stays.

    Where a service leaves its switch to the load balancer, its Ingress is written in the middle of it: so the component
    itself comes before the services then (``whole=False``), each such service writes its own by way of `routing`, and
    `complete` adds the others. They are this component's in any case, so that another engine changes one object and
    makes no other.

    At the end of every update it waits until the controller or AWS says that the Ingresses are carried out, and ends
    the update in an error with the controller's own sentence otherwise; a preview warns of a group that fails already.
    """

    hostname: pulumi.Output[str]
    """Name of the ALB in DNS, which the names of the routes point to."""

    urls: pulumi.Output[dict[str, list[str]]]
    """Where users find each service."""

    first: list[KubernetesObject]
    """Those that the services have to wait for."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        production: bool,
        security_group_id: pulumi.Input[str],
        access_log_bucket: pulumi.Input[str] | None = None,
        whole: bool = True,
        first: Collection[str] = (),
        access: ClusterAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the Ingresses, or the component alone.

        Args:
            name: of the component.
            cluster: its settings, with a load balancer.
            services: settings of all services.
            production: whether the stack is marked so.
            security_group_id: the ALB's own group.
            access_log_bucket: where access logs go, if the settings ask for them.
            whole: whether all Ingresses are made at once; else they come by `routing` and `complete`.
            first: services whose Ingresses are written at once, before the services change: they leave the engines of
                the load balancer, and the ports of their colours go.
            access: the cluster, where what becomes of the Ingresses is waited for; None does not wait.
            opts: of the component.

        Raises:
            ValueError: without a load balancer in the settings, or without a bucket for the logs that they ask for.
        """
        super().__init__("switchyard:ingress:AlbIngress", name, None, opts)
        alb = cluster.load_balancer
        if alb is None:
            raise ValueError("the cluster has no load balancer")
        if alb.access_logs and access_log_bucket is None:
            raise ValueError("access logs need a bucket")
        attributes = pulumi.Output.from_input(access_log_bucket).apply(
            lambda bucket: load_balancer_attributes(cluster, bucket, production=production)
        )
        self._cluster = cluster
        self._alb = alb
        self._services = services
        self._access = access
        self._written = False
        bound = f"{TIMEOUT_SECONDS}s"
        self._here = pulumi.ResourceOptions(
            parent=self,
            custom_timeouts=pulumi.CustomTimeouts(create=bound, update=bound, delete=bound),
            hooks=self._hooks(name),
        )
        # Pulumi refuses it in the preview of a `destroy`, before the services lose their routes for nothing.
        keep = pulumi.ResourceOptions(protect=protected(alb, production=production))
        self._group = register(
            f"{name}.group",
            group_ingress(cluster, security_group_id, attributes),
            pulumi.ResourceOptions.merge(self._here, keep),
            deleted_by="provider",
            outputs=("status",),
        )
        self._prefix = name
        self._parts = parts(alb.routes)
        self._made: dict[str, KubernetesObject] = {}
        self.first = [self._write(part, pulumi.ResourceOptions()) for part in self._parts if part.service in first]
        if whole:
            self.complete()

    def routing(self, service: str) -> WeightedRouting | None:
        """What a service is to write of the load balancer itself; None for one that need not."""
        if not switched_by_weights(self._services[service]):
            return None
        own = [part for part in self._parts if part.service == service]
        routing = LoadBalancerRouting(
            region=self._cluster.region,
            ingresses=tuple(part.name for part in own),
            health_seconds=self._alb.health_interval_seconds * self._alb.healthy_threshold,
        )
        return WeightedRouting(routing, lambda opts: [self._write(part, opts) for part in own])

    def complete(self, after: Sequence[pulumi.Resource] = ()) -> None:
        """Registers the Ingresses that no service writes, and the outputs.

        Args:
            after: the services.

        Raises:
            ValueError: a service has not written its own.
        """
        for part in self._parts:
            if part.name in self._made:
                continue
            if not switched_by_weights(self._services[part.service]):
                self._write(part, pulumi.ResourceOptions(depends_on=after))
            else:
                raise ValueError(f"service {part.service} has not written Ingress {part.name}")
        self.hostname = self._group.status.apply(_hostname)
        self.urls = self.hostname.apply(lambda hostname: _urls(self._alb, self._parts, hostname))
        self.register_outputs({"hostname": self.hostname, "urls": self.urls})
        # In a preview those that it would create have no id yet; the group has one after the first update.
        last = [self._group] if pulumi.runtime.is_dry_run() else [self._group, *self._made.values()]
        # Nothing depends on the result, so that it ends the program only after everything is registered.
        ids = pulumi.Output.all(*(ingress.id for ingress in last))
        self._carried_out: pulumi.Output[bool] = ids.apply(lambda _: self._must_be_carried_out())

    def _hooks(self, name: str) -> pulumi.ResourceHookBinding | None:
        """Notes which run has written an Ingress, and adds the controller's words to a write that does not end."""
        if self._access is None:
            return None

        def note(args: pulumi.ResourceHookArgs) -> None:
            self._written = self._written or _seen_by_controller(args.old_inputs) != _seen_by_controller(
                args.new_inputs
            )

        async def explain(_: pulumi.ErrorHookArgs) -> bool:
            problem = await self._problem(wait=False)
            if problem is not None:
                pulumi.log.error(problem.text, self)
            return False  # no second try: the next update is the engineer's to start

        written = pulumi.ResourceHook(f"{name}-written", note)
        return pulumi.ResourceHookBinding(
            after_create=[written], after_update=[written], on_error=[pulumi.ErrorHook(f"{name}-explain", explain)]
        )

    async def _must_be_carried_out(self) -> bool:
        """Ends an update in an error when the controller does not carry the Ingresses out; a preview warns."""
        problem = await self._problem(wait=not pulumi.runtime.is_dry_run())
        if problem is None:
            return True
        if pulumi.runtime.is_dry_run():
            pulumi.log.warn(problem.text, self)
        elif problem.leaving:
            pulumi.log.warn(
                f"{problem.text} The end of this update deletes Ingress {', '.join(problem.leaving)}, which may be the "
                "cause: `switchyard status` shows whether the load balancer is right afterwards.",
                self,
            )
        else:
            raise pulumi.RunError(problem.text)
        return False

    async def _problem(self, *, wait: bool) -> GroupProblem | None:
        if self._access is None or not self._access.exists or self._access.unreachable:
            return None
        group = BalancerGroup(self._access, self._cluster, self._services, lambda line: pulumi.log.info(line, self))
        try:
            return await (group.carried_out(written=self._written) if wait else group.now())
        except ClusterError as error:
            return GroupProblem(
                f"load balancer of {self._cluster.name}: whether it does what its Ingresses say is not known: the API "
                f"server does not say it: {error} ({Code.BALANCER_UNREADABLE}). Run `switchyard status` once it does."
            )

    def _write(self, part: Part, opts: pulumi.ResourceOptions) -> KubernetesObject:
        # Those of a service that is registered later cannot be waited for: between two services that both write their
        # own, a request of a new route may find the wider one for as long as the other takes.
        first = [self._made[other] for other in earlier(part, self._parts) if other in self._made]
        before = pulumi.ResourceOptions(depends_on=[self._group, *first])
        self._made[part.name] = made = register(
            f"{self._prefix}-{part.name}",
            ingress(self._cluster, part, self._services[part.service]),
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions.merge(self._here, before), opts),
            deleted_by="provider",
        )
        return made


def _seen_by_controller(inputs: Any) -> Any:
    """The inputs of an Ingress whose change the controller reconciles; it ignores labels."""
    if inputs is None:
        return None
    metadata = inputs.get("metadata") or {}
    return inputs.get("spec"), metadata.get("annotations")


def _hostname(status: Any) -> str:
    """The name in an Ingress's status; empty while there is none."""
    points = ((status or {}).get("loadBalancer") or {}).get("ingress")
    return str(points[0].get("hostname") or "") if points else ""


def _urls(alb: LoadBalancerSettings, found: list[Part], hostname: str) -> dict[str, list[str]]:
    urls: dict[str, list[str]] = {}
    for part in found:
        urls.setdefault(part.service, []).extend(url(alb, route, hostname) for route in part.routes)
    return urls
