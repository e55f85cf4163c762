"""The application load balancer before the services."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.networking.v1 import Ingress

from components.front import WeightedFront
from components.manifest import register
from gate.weighted import Front
from render.ingress import group_ingress, ingress, load_balancer_attributes, protected, url
from render.routes import Part, earlier, parts
from render.weights import goes_by_weights
from settings.ec2 import Ec2Cluster, LoadBalancer
from settings.service import ServiceSettings

TIMEOUT_SECONDS = 600
"""Bound on the load balancer's coming and going: AWS takes two to five minutes for each."""


class AlbIngress(pulumi.ComponentResource):
    """Asks the AWS Load Balancer Controller for one ALB before all services that have a route.

    It must come after the controller and the services, so that at a `destroy` it goes before them. The ALB's own
    Ingress is made first and goes last: the controller makes the ALB with it, and deletes the ALB while it goes. Those
    of the services come and go, and the ALB stays.

    Where a service leaves its switch to the load balancer, its Ingress is written in the middle of it: so the component
    itself comes before the services then (``whole=False``), each such service writes its own by way of `front`, and
    `complete` adds the others. They are this component's in any case, so that another engine changes one object and
    makes no other.
    """

    hostname: pulumi.Output[str]
    """Name of the ALB in DNS, which the names of the routes point to."""

    urls: pulumi.Output[dict[str, list[str]]]
    """Where users find each service."""

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
            whole: whether all Ingresses are made at once; else they come by `front` and `complete`.
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
        bound = f"{TIMEOUT_SECONDS}s"
        self._here = pulumi.ResourceOptions(
            parent=self, custom_timeouts=pulumi.CustomTimeouts(create=bound, update=bound, delete=bound)
        )
        # Pulumi refuses it in the preview of a `destroy`, before the services lose their routes for nothing.
        keep = pulumi.ResourceOptions(protect=protected(alb, production=production))
        self._group = register(
            Ingress,
            f"{name}.group",
            group_ingress(cluster, security_group_id, attributes),
            pulumi.ResourceOptions.merge(self._here, keep),
            deleted_by="provider",
        )
        self._prefix = name
        self._parts = parts(alb.routes)
        self._made: dict[str, Ingress] = {}
        if whole:
            self.complete()

    def front(self, service: str) -> WeightedFront | None:
        """What a service is to write of the load balancer itself; None for one that need not."""
        if not goes_by_weights(self._services[service]):
            return None
        own = [part for part in self._parts if part.service == service]
        front = Front(
            region=self._cluster.region,
            ingresses=tuple(part.name for part in own),
            health_seconds=self._alb.health_interval_seconds * self._alb.healthy_threshold,
        )
        return WeightedFront(front, lambda opts: [self._write(part, opts) for part in own])

    def complete(self, after: Sequence[pulumi.Resource] = ()) -> None:
        """Registers the Ingresses that no service writes, and the outputs.

        Args:
            after: the services.

        Raises:
            ValueError: a service has not written its own.
        """
        for part in self._parts:
            if not goes_by_weights(self._services[part.service]):
                self._write(part, pulumi.ResourceOptions(depends_on=after))
            elif part.name not in self._made:
                raise ValueError(f"service {part.service} has not written Ingress {part.name}")
        self.hostname = self._group.status.apply(_hostname)
        self.urls = self.hostname.apply(lambda hostname: _urls(self._alb, self._parts, hostname))
        self.register_outputs({"hostname": self.hostname, "urls": self.urls})

    def _write(self, part: Part, opts: pulumi.ResourceOptions) -> Ingress:
        # Those of a service that is registered later cannot be waited for: between two services that both write their
        # own, a request of a new route may find the wider one for as long as the other takes.
        first = [self._made[other] for other in earlier(part, self._parts) if other in self._made]
        before = pulumi.ResourceOptions(depends_on=[self._group, *first])
        self._made[part.name] = made = register(
            Ingress,
            f"{self._prefix}-{part.name}",
            ingress(self._cluster, part, self._services[part.service]),
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions.merge(self._here, before), opts),
            deleted_by="provider",
        )
        return made


def _hostname(status: Any) -> str:
    """The name in an Ingress's status; empty while there is none."""
    points = status.load_balancer.ingress if status is not None and status.load_balancer is not None else None
    return (points[0].hostname or "") if points else ""


def _urls(alb: LoadBalancer, found: list[Part], hostname: str) -> dict[str, list[str]]:
    urls: dict[str, list[str]] = {}
    for part in found:
        urls.setdefault(part.service, []).extend(url(alb, route, hostname) for route in part.routes)
    return urls
