"""The application load balancer before the services."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.networking.v1 import Ingress

from components.manifest import register
from render.ingress import group_ingress, ingress, load_balancer_attributes, protected, url
from render.routes import Part, earlier, parts
from settings.ec2 import Ec2Cluster, LoadBalancer
from settings.service import ServiceSettings

TIMEOUT_SECONDS = 600
"""Bound on the load balancer's coming and going: AWS takes two to five minutes for each."""


class AlbIngress(pulumi.ComponentResource):
    """Asks the AWS Load Balancer Controller for one ALB before all services that have a route.

    It must come after the controller and the services, so that at a `destroy` it goes before them. The ALB's own
    Ingress is made first and goes last: the controller makes the ALB with it, and deletes the ALB while it goes. Those
    of the services come and go, and the ALB stays.
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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the Ingresses.

        Args:
            name: of the component.
            cluster: its settings, with a load balancer.
            services: settings of all services.
            production: whether the stack is marked so.
            security_group_id: the ALB's own group.
            access_log_bucket: where access logs go, if the settings ask for them.
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
        bound = f"{TIMEOUT_SECONDS}s"
        here = pulumi.ResourceOptions(
            parent=self, custom_timeouts=pulumi.CustomTimeouts(create=bound, update=bound, delete=bound)
        )
        # Pulumi refuses it in the preview of a `destroy`, before the services lose their routes for nothing.
        keep = pulumi.ResourceOptions(protect=protected(alb, production=production))
        group = register(
            Ingress,
            f"{name}.group",
            group_ingress(cluster, security_group_id, attributes),
            pulumi.ResourceOptions.merge(here, keep),
        )
        found = parts(alb.routes)
        made: dict[str, Ingress] = {}
        for part in found:
            before = [group, *(made[other] for other in earlier(part, found))]
            made[part.name] = register(
                Ingress,
                f"{name}-{part.name}",
                ingress(cluster, part, services[part.service]),
                pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(depends_on=before)),
            )
        self.hostname = group.status.apply(_hostname)
        self.urls = self.hostname.apply(lambda hostname: _urls(alb, found, hostname))
        self.register_outputs({"hostname": self.hostname, "urls": self.urls})


def _hostname(status: Any) -> str:
    """The name in an Ingress's status; empty while there is none."""
    points = status.load_balancer.ingress if status is not None and status.load_balancer is not None else None
    return (points[0].hostname or "") if points else ""


def _urls(alb: LoadBalancer, found: list[Part], hostname: str) -> dict[str, list[str]]:
    urls: dict[str, list[str]] = {}
    for part in found:
        urls.setdefault(part.service, []).extend(url(alb, route, hostname) for route in part.routes)
    return urls
