"""The application load balancer (ALB) of the services."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.cluster.load_balancer_check import ControllerCheck
from components.manifest import KubernetesObject, register
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.load_balancer import LoadBalancerSettings
from switchyard.config.models.service import ServiceSettings
from switchyard.kube.access import ClusterAccess
from switchyard.manifests.ingress import group_ingress, load_balancer_attributes, protected, url
from switchyard.manifests.ingress_routes import RoutePart, parts

TIMEOUT_SECONDS = 600
"""Bound on the creation and the deletion of the load balancer: AWS takes two to five minutes for each."""


class AlbIngress(pulumi.ComponentResource):
    """Asks the AWS Load Balancer Controller for one ALB for all services that have a route.

    It comes after the controller and the services, so that a `destroy` deletes it before them; where a service switches
    by the weights of its Ingresses, it comes before the services. The ALB's own Ingress is created first and deleted
    last: the controller creates the ALB with it, and deletes the ALB with it. The Ingresses of the services, which
    `Routes` registers, are created and deleted while the ALB stays.
    """

    name: str
    """The name of the component."""

    settings: LoadBalancerSettings
    """The settings of the load balancer."""

    parts: list[RoutePart]
    """The parts of its routes, of which each is an Ingress."""

    group: KubernetesObject
    """The ALB's own Ingress."""

    check: ControllerCheck
    """Waits for the controller at the end of an update."""

    of_ingresses: pulumi.ResourceOptions
    """The options that the load balancer's own Ingress and those of the services share."""

    hostname: pulumi.Output[str]
    """Name of the ALB in DNS, which the names of the routes point to."""

    urls: pulumi.Output[dict[str, list[str]]]
    """URLs of each service behind the load balancer."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Ec2Cluster,
        services: Mapping[str, ServiceSettings],
        production: bool,
        security_group_id: pulumi.Input[str],
        access_log_bucket: pulumi.Input[str] | None = None,
        access: ClusterAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the load balancer's own Ingress.

        Args:
            name: name of the component.
            cluster: settings of the cluster, with a load balancer.
            services: settings of all services.
            production: whether the stack is marked production.
            security_group_id: ID of the ALB's security group.
            access_log_bucket: bucket for access logs, if the settings ask for them.
            access: access to the cluster of the Ingresses; None to not wait for the controller.
            opts: options of the component.

        Raises:
            ValueError: the settings have no load balancer, or ask for logs without a bucket.
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
        self.name = name
        self.settings = alb
        self.parts = parts(alb.routes)
        self.check = ControllerCheck(self, cluster, services, access)
        bound = f"{TIMEOUT_SECONDS}s"
        self.of_ingresses = pulumi.ResourceOptions(
            parent=self,
            custom_timeouts=pulumi.CustomTimeouts(create=bound, update=bound, delete=bound),
            hooks=self.check.hooks(name),
        )
        # Pulumi refuses it in the preview of a `destroy`, before the services lose their routes for nothing.
        keep = pulumi.ResourceOptions(protect=protected(alb, production=production))
        self.group = register(
            f"{name}.group",
            group_ingress(cluster, security_group_id, attributes),
            pulumi.ResourceOptions.merge(self.of_ingresses, keep),
            deleted_by="provider",
            outputs=("status",),
        )
        self.hostname = self.group.status.apply(_hostname)
        self.urls = self.hostname.apply(lambda hostname: _urls(alb, self.parts, hostname))
        self.register_outputs({"hostname": self.hostname, "urls": self.urls})


def _hostname(status: Any) -> str:
    """Returns the hostname in an Ingress's status; an empty text before there is one."""
    points = ((status or {}).get("loadBalancer") or {}).get("ingress")
    return str(points[0].get("hostname") or "") if points else ""


def _urls(alb: LoadBalancerSettings, of_routes: list[RoutePart], hostname: str) -> dict[str, list[str]]:
    urls: dict[str, list[str]] = {}
    for part in of_routes:
        urls.setdefault(part.service, []).extend(url(alb, route, hostname) for route in part.routes)
    return urls
