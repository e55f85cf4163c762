"""The Ingresses that make one application load balancer before the services.

The AWS Load Balancer Controller joins Ingresses with one group name into one load balancer. How targets are looked at
and which nodes they are is said on the Ingress, and differs from service to service: so each has an Ingress of its own.
Annotations: kubernetes-sigs.github.io/aws-load-balancer-controller, guide/ingress/annotations.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from render.addons import INGRESS_CLASS
from render.pods import PORT, Manifest, metadata
from render.weights import ACTIONS, BY_ANNOTATION, action, goes_by_weights
from settings.ec2 import Ec2Cluster, LoadBalancer, Route
from settings.service import BlueGreenSettings, ServiceSettings

PREFIX = "alb.ingress.kubernetes.io"
"""Of the controller's annotations."""

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2, nothing older (docs.aws.amazon.com, Security policies for your Application Load Balancer)."""

LOG_PREFIX = "alb"
"""First part of the key of every access log in its bucket."""


@dataclass(frozen=True)
class Part:
    """What one Ingress has of the load balancer.

    Attributes:
        name: of the Ingress.
        service: where it leads.
        order: of its rules among those of the others; the smallest is looked at first.
        routes: its own.
    """

    name: str
    service: str
    order: int
    routes: tuple[Route, ...]


def parts(routes: Iterable[Route]) -> list[Part]:
    """One Ingress a service, in an order in which the closest route of a request wins.

    The controller puts paths in order within an Ingress, and not across Ingresses. Where a route of another service
    lies between two of one service (``/api/v1``, ``/api`` and ``/``), that one gets a second Ingress.
    """
    found: list[Part] = []
    left = sorted(routes, key=_closeness, reverse=True)
    while left:
        free = [route for number, route in enumerate(left) if not _hides(route, left[:number])]
        services = list(dict.fromkeys(route.service for route in free))
        whole = (name for name in services if all(route in free for route in left if route.service == name))
        service = next(whole, services[0])
        earlier = sum(part.service == service for part in found)
        # A service's name has no dot, so that no other service's Ingress has this one's name.
        name = f"{service}.{earlier + 1}" if earlier else service
        own = tuple(route for route in free if route.service == service)
        found.append(Part(name, service, len(found) + 1, own))
        left = [route for route in left if route not in own]
    return found


def ingress(
    cluster: Ec2Cluster, part: Part, service: ServiceSettings, security_group: object, attributes: object
) -> Manifest:
    """One Ingress.

    Args:
        cluster: settings of the cluster, with a load balancer.
        part: what it has of the load balancer.
        service: settings of the service.
        security_group: id of the load balancer's group; goes in as it is, so that AWS need not have given it yet.
        attributes: those of `load_balancer_attributes`; go in as they are.
    """
    alb = _load_balancer(cluster)
    own = _shared(cluster, alb) | _targets(alb, service)
    own |= {
        "group.order": str(part.order),
        "security-groups": security_group,
        "load-balancer-attributes": attributes,
    }
    annotations: dict[str, Any] = {f"{PREFIX}/{key}": value for key, value in own.items()}
    port = PORT
    if isinstance(service, BlueGreenSettings) and goes_by_weights(service):
        annotations[f"{ACTIONS}{part.service}"] = action(part.service, service)
        port = BY_ANNOTATION
    by_host: dict[str | None, list[Route]] = {}
    for route in part.routes:
        by_host.setdefault(route.host, []).append(route)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(part.name, part.service, service, annotations),
        "spec": {
            "ingressClassName": INGRESS_CLASS,
            "rules": [_rule(host, there, port) for host, there in by_host.items()],
        },
    }


def load_balancer_attributes(cluster: Ec2Cluster, bucket: str | None, *, production: bool) -> str:
    """Attributes of the load balancer itself. All are given: one that is not keeps the value that it had.

    Args:
        cluster: settings of the cluster, with a load balancer.
        bucket: name of the bucket for access logs; None goes without.
        production: whether the stack is marked so.
    """
    alb = _load_balancer(cluster)
    logs = alb.access_logs and bucket is not None
    attributes = {
        "idle_timeout.timeout_seconds": str(alb.idle_timeout_seconds),
        "deletion_protection.enabled": _flag(protected(alb, production=production)),
        # A header that HTTP does not allow is a way past what looks at requests.
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": _flag(logs),
    }
    if logs:
        attributes |= {"access_logs.s3.bucket": str(bucket), "access_logs.s3.prefix": LOG_PREFIX}
    return _pairs(attributes)


def protected(alb: LoadBalancer, *, production: bool) -> bool:
    """Whether AWS refuses to delete the load balancer; then `pulumi destroy` waits for it in vain."""
    return production if alb.deletion_protection is None else alb.deletion_protection


def url(alb: LoadBalancer, route: Route, hostname: str) -> str:
    """Where users find what a route leads to.

    Args:
        alb: settings of the load balancer.
        route: the route.
        hostname: of the load balancer, for a route that takes every host.
    """
    return f"{'http' if alb.certificate is None else 'https'}://{route.host or hostname}{route.path}"


def _shared(cluster: Ec2Cluster, alb: LoadBalancer) -> dict[str, Any]:
    """What has to be the same on all Ingresses of the group."""
    shared: dict[str, Any] = {
        "group.name": cluster.name,
        "scheme": "internet-facing",
        "ip-address-type": "ipv4",
        # The stack has the rules between the load balancer and the nodes in groups of its own.
        "manage-backend-security-group-rules": "false",
        "listen-ports": json.dumps([{"HTTP": 80}] if alb.certificate is None else [{"HTTP": 80}, {"HTTPS": 443}]),
    }
    if alb.certificate is not None:
        shared |= {"certificate-arn": alb.certificate, "ssl-policy": TLS_POLICY, "ssl-redirect": "443"}
    if alb.waf is not None:
        shared["wafv2-acl-arn"] = alb.waf
    if cluster.tags:
        shared["tags"] = _pairs(cluster.tags)
    return shared


def _targets(alb: LoadBalancer, service: ServiceSettings) -> dict[str, Any]:
    """Which nodes the targets are, and how they are looked at."""
    targets = {
        "target-type": "instance",
        "backend-protocol": "HTTP",
        "target-group-attributes": _pairs({"deregistration_delay.timeout_seconds": alb.deregistration_delay_seconds}),
        # A node's NodePort leads to ready pods on any node: what is looked at is the way there, and that someone is.
        "healthcheck-protocol": "HTTP",
        "healthcheck-path": service.readiness.path,
        "healthcheck-port": "traffic-port",
        "healthcheck-interval-seconds": str(alb.health_interval_seconds),
        "healthcheck-timeout-seconds": str(alb.health_timeout_seconds),
        "healthy-threshold-count": str(alb.healthy_threshold),
        "unhealthy-threshold-count": str(alb.unhealthy_threshold),
        "success-codes": "200",
    }
    if service.node_selector:
        targets["target-node-labels"] = _pairs(service.node_selector)
    return targets


def _rule(host: str | None, routes: Iterable[Route], port: str) -> Manifest:
    paths = [
        {
            "path": route.path,
            "pathType": "Prefix",
            "backend": {"service": {"name": route.service, "port": {"name": port}}},
        }
        for route in routes
    ]
    return ({} if host is None else {"host": host}) | {"http": {"paths": paths}}


def _closeness(route: Route) -> tuple[bool, int]:
    return route.host is not None, len(_elements(route.path))


def _hides(route: Route, closer: Iterable[Route]) -> bool:
    """Whether a route would take requests that belong to closer ones of other services."""
    return any(other.service != route.service and _overlap(route, other) for other in closer)


def _overlap(one: Route, other: Route) -> bool:
    """Whether there is a request that both would take."""
    if None not in (one.host, other.host) and one.host != other.host:
        return False
    shorter, longer = sorted((_elements(one.path), _elements(other.path)), key=len)
    return longer[: len(shorter)] == shorter


def _elements(path: str) -> list[str]:
    """Parts of a path between slashes, of which a prefix in Kubernetes is made: /api is no prefix of /apis."""
    return [element for element in path.split("/") if element]


def _pairs(values: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


def _flag(on: bool) -> str:
    return "true" if on else "false"


def _load_balancer(cluster: Ec2Cluster) -> LoadBalancer:
    if cluster.load_balancer is None:
        raise ValueError("the cluster has no load balancer")
    return cluster.load_balancer
