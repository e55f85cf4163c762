"""The Ingresses of one application load balancer (ALB) for the services.

The AWS Load Balancer Controller joins Ingresses with one group name into one load balancer. Health checks and target
nodes are annotations of the Ingress, and differ from service to service: so each service has an Ingress of its own.
Annotations of the load balancer as a whole are on one more Ingress and on no other (docs/adr/0012): two values, which
an update would write one after the other, are a conflict for which the controller changes nothing.
Annotations: kubernetes-sigs.github.io/aws-load-balancer-controller, guide/ingress/annotations.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from switchyard.config.kubernetes import ALB_ANNOTATIONS, NETWORKING
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.load_balancer import LoadBalancerRoute, LoadBalancerSettings
from switchyard.config.models.service import BlueGreenSettings, ServiceSettings
from switchyard.manifests.addons import INGRESS_CLASS
from switchyard.manifests.ingress_routes import RoutePart
from switchyard.manifests.labels import APPLY, MANAGED, SKIP_AWAIT
from switchyard.manifests.pods import PORT, Manifest, metadata
from switchyard.manifests.weights import BY_ANNOTATION, action, switched_by_weights

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2, nothing older (docs.aws.amazon.com, Security policies for your Application Load Balancer)."""

LOG_PREFIX = "alb"
"""First part of the key of every access log in its bucket."""

GROUP_INGRESS = "load-balancer.group"
"""Name of the load balancer's own Ingress. A service's name has no dot, so that no service's Ingress has this one."""

GROUP_NAMESPACE = "default"
"""Namespace of the load balancer's own Ingress.

A group spans namespaces. The namespace of a service may be deleted with it, and another Ingress in its place would be a
second one with a default backend, which the controller refuses; the default namespace cannot be deleted.
"""

LAST = 1000
"""The largest order that the controller takes."""

NO_ROUTE = "no-route"
"""Name of the action that answers requests without a route."""

NO_ROUTE_RESPONSE = {"contentType": "text/plain", "statusCode": "404", "messageBody": "No route leads here."}


def ingress(cluster: Ec2Cluster, part: RoutePart, service: ServiceSettings) -> Manifest:
    """The Ingress of a service, or one of several.

    The Kubernetes provider does not wait for it. If the provider's cache is behind, such a wait would record the
    Ingress as it was before the write, so that the next preview shows a change that does not exist. It would also delay
    every update by 10 s until "endpoints have settled". Whether the load balancer has the rules of the Ingress is
    checked at the end of the update (`switchyard.gates.load_balancer`).

    Args:
        cluster: settings of the cluster, with a load balancer.
        part: the routes of the Ingress.
        service: settings of the service.
    """
    alb, name = _load_balancer(cluster), service.kubernetes_name(part.service)
    own = _membership(cluster, alb, part.order) | _targets(alb, service)
    port = PORT
    if isinstance(service, BlueGreenSettings) and switched_by_weights(service):
        own[f"actions.{name}"] = action(name, service)
        port = BY_ANNOTATION
    by_host: dict[str | None, list[LoadBalancerRoute]] = {}
    for route in part.routes:
        by_host.setdefault(route.host, []).append(route)
    return {
        "apiVersion": NETWORKING,
        "kind": "Ingress",
        "metadata": metadata(part.name, name, service, SKIP_AWAIT | _prefixed(own)),
        "spec": {
            "ingressClassName": INGRESS_CLASS,
            "rules": [_rule(host, routes, name, port) for host, routes in by_host.items()],
        },
    }


def group_ingress(cluster: Ec2Cluster, security_group: object, attributes: object) -> Manifest:
    """The load balancer's own Ingress, which is created before the others and deleted after them.

    It has no rules; its default backend answers what no rule takes. With the first certificate, 80 redirects to 443 as
    soon as this one is written, and it answers all requests until the services' Ingresses are written as well.

    Args:
        cluster: settings of the cluster, with a load balancer.
        security_group: ID of the load balancer's group, which may be an output of Pulumi.
        attributes: attributes from `load_balancer_attributes`, unchanged. The controller refuses to delete an Ingress
            that says ``deletion_protection.enabled=true``, and does nothing for the group while somebody tries.
    """
    alb = _load_balancer(cluster)
    action = {"type": "fixed-response", "fixedResponseConfig": NO_ROUTE_RESPONSE}
    own = _membership(cluster, alb, LAST) | {
        "scheme": "internet-facing",
        "ip-address-type": "ipv4",
        "security-groups": security_group,
        # The stack has the rules between the load balancer and the nodes in groups of its own.
        "manage-backend-security-group-rules": "false",
        "load-balancer-attributes": attributes,
        f"actions.{NO_ROUTE}": json.dumps(action),
    }
    if alb.certificate is not None:
        own |= {"ssl-policy": TLS_POLICY, "ssl-redirect": "443"}
    if alb.waf is not None:
        own["wafv2-acl-arn"] = alb.waf
    if cluster.tags:
        # Of the load balancer and its listeners; target groups and rules have the controller's defaultTags.
        own["tags"] = _pairs(cluster.tags)
    return {
        "apiVersion": NETWORKING,
        "kind": "Ingress",
        "metadata": {
            "name": GROUP_INGRESS,
            "namespace": GROUP_NAMESPACE,
            "labels": dict(MANAGED),
            "annotations": APPLY | _prefixed(own),
        },
        "spec": {
            "ingressClassName": INGRESS_CLASS,
            "defaultBackend": {"service": {"name": NO_ROUTE, "port": {"name": BY_ANNOTATION}}},
        },
    }


def load_balancer_attributes(cluster: Ec2Cluster, bucket: str | None, *, production: bool) -> str:
    """Attributes of the load balancer. All are set, because an attribute that is not set keeps its old value.

    Args:
        cluster: settings of the cluster, with a load balancer.
        bucket: name of the bucket for access logs; None for no logs.
        production: whether the stack is marked production.
    """
    alb = _load_balancer(cluster)
    logs = alb.access_logs and bucket is not None
    attributes = {
        "idle_timeout.timeout_seconds": str(alb.idle_timeout_seconds),
        "deletion_protection.enabled": _flag(protected(alb, production=production)),
        # Invalid headers can bypass filters of requests.
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": _flag(logs),
    }
    if logs:
        attributes |= {"access_logs.s3.bucket": str(bucket), "access_logs.s3.prefix": LOG_PREFIX}
    return _pairs(attributes)


def protected(alb: LoadBalancerSettings, *, production: bool) -> bool:
    """Whether the load balancer is protected against deletion by AWS, by the controller and by Pulumi."""
    return production if alb.deletion_protection is None else alb.deletion_protection


def url(alb: LoadBalancerSettings, route: LoadBalancerRoute, hostname: str) -> str:
    """The URL at which users reach the service of a route.

    Args:
        alb: settings of the load balancer.
        route: the route.
        hostname: hostname of the load balancer, for a route that takes every host.
    """
    return f"{'http' if alb.certificate is None else 'https'}://{route.host or hostname}{route.path}"


def _membership(cluster: Ec2Cluster, alb: LoadBalancerSettings, order: int) -> dict[str, Any]:
    """The annotations of every Ingress of the group, with the ports to which its rules apply."""
    own: dict[str, Any] = {
        "group.name": cluster.name,
        "group.order": str(order),
        "listen-ports": json.dumps([{"HTTP": 80}] if alb.certificate is None else [{"HTTP": 80}, {"HTTPS": 443}]),
    }
    if alb.certificate is not None:
        # For an Ingress that names a port with TLS and no certificate the controller looks for one by its hosts. Two
        # certificates are no conflict: while one takes the other's place, the listener has both.
        own["certificate-arn"] = alb.certificate
    return own


def _targets(alb: LoadBalancerSettings, service: ServiceSettings) -> dict[str, Any]:
    """The annotations about targets and health checks."""
    targets = {
        "target-type": "instance",
        "backend-protocol": "HTTP",
        "target-group-attributes": _pairs({"deregistration_delay.timeout_seconds": alb.deregistration_delay_seconds}),
        # A node's NodePort reaches ready pods on any node: the check covers the path to them, and that there are any.
        "healthcheck-protocol": "HTTP",
        "healthcheck-path": service.health_check_path or service.readiness.path,
        "healthcheck-port": "traffic-port",
        "healthcheck-interval-seconds": str(alb.health_interval_seconds),
        "healthcheck-timeout-seconds": str(alb.health_timeout_seconds),
        "healthy-threshold-count": str(alb.healthy_threshold),
        "unhealthy-threshold-count": str(alb.unhealthy_threshold),
        # As the kubelet has it (kubernetes, pkg/probe/http). With 200 alone, a readiness probe that gets a 204 makes
        # pods ready and every target unhealthy.
        "success-codes": "200-399",
    }
    if service.node_selector:
        targets["target-node-labels"] = _pairs(service.node_selector)
    return targets


def _rule(host: str | None, routes: Iterable[LoadBalancerRoute], service: str, port: str) -> Manifest:
    paths = [
        {
            "path": route.path,
            "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"name": port}}},
        }
        for route in routes
    ]
    return ({} if host is None else {"host": host}) | {"http": {"paths": paths}}


def _prefixed(annotations: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{ALB_ANNOTATIONS}/{key}": value for key, value in annotations.items()}


def _pairs(values: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


def _flag(on: bool) -> str:
    return "true" if on else "false"


def _load_balancer(cluster: Ec2Cluster) -> LoadBalancerSettings:
    if cluster.load_balancer is None:
        raise ValueError("the cluster has no load balancer")
    return cluster.load_balancer
