"""Rules between the load balancer of an EC2 cluster, the cluster, and the services behind it."""

from collections.abc import Iterator, Mapping
from itertools import count

from switchyard.config.aws_partition import partition
from switchyard.config.commands import below, remove_command, remove_value, set_command
from switchyard.config.errors import shown
from switchyard.config.examples import typing_error
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import AWS_PREFIXES, Ec2Cluster
from switchyard.config.models.load_balancer import LoadBalancerSettings
from switchyard.config.models.pod_settings import PORT
from switchyard.config.models.service import CanarySettings, ServiceSettings
from switchyard.config.types.listener_rules import RULES_LIMIT
from switchyard.config.validation.related import RelatedProblem, related_problem
from switchyard.config.validation.services import SERVICES

ALB_PREFIX = 27
"""Longest prefix of a subnet with a load balancer, which needs 8 free addresses (user guide of the ALB)."""

ALB_ZONES = 2
"""A load balancer is in two zones at least (user guide of the ALB)."""

NODE_PORT = 30080
"""The first port that is proposed to a service."""


ACCOUNT, CERTIFICATE = "123456789012", "11111111-2222-3333-4444-555555555555"
"""Account and certificate of AWS's documentation, for an example of an ARN."""


def load_balancer_problems(
    cluster: Ec2Cluster, alb: LoadBalancerSettings, services: Mapping[str, ServiceSettings], *, production: bool
) -> Iterator[RelatedProblem]:
    """All errors of a load balancer whose single fields are valid.

    Args:
        cluster: the cluster that has the load balancer.
        alb: settings of the load balancer.
        services: services of the stack.
        production: whether the stack is marked production.
    """
    if cluster.load_balancer_controller is None:
        at = f"{CLUSTER}.loadBalancerController"
        rule = f"no controller would create the load balancer of {CLUSTER}.loadBalancer"
        yield related_problem(
            at, "null", rule, "Remove the key, whose default is a pinned chart, or remove loadBalancer."
        )
    yield from _certificate_problems(cluster, alb, production=production)
    yield from _subnet_problems(cluster)
    if alb.health_timeout_seconds >= alb.health_interval_seconds:
        own, other = (f"{CLUSTER}.loadBalancer.{key}" for key in ("healthTimeoutSeconds", "healthIntervalSeconds"))
        rule = f"must be less than healthIntervalSeconds ({alb.health_interval_seconds})"
        remedy = set_command(own, str(max(2, alb.health_interval_seconds // 2)))
        yield related_problem(own, alb.health_timeout_seconds, rule, remedy, [other])
    yield from _route_problems(alb, services)
    yield from _target_problems(alb, services)
    yield from _weight_problems(alb, services)


def _certificate_problems(
    cluster: Ec2Cluster, alb: LoadBalancerSettings, *, production: bool
) -> Iterator[RelatedProblem]:
    at, own_partition = f"{CLUSTER}.loadBalancer", partition(cluster.region)
    hosts = sorted({route.host for route in alb.routes if route.host is not None})
    if production and hosts and alb.certificate is None:
        rule = f"production serves {', '.join(hosts)} with TLS, which needs a certificate"
        remedy = set_command(
            f"{at}.certificate", f"arn:{own_partition}:acm:{cluster.region}:{ACCOUNT}:certificate/{CERTIFICATE}"
        )
        yield related_problem(f"{at}.certificate", "missing", rule, remedy)
    for key, arn in (("certificate", alb.certificate), ("waf", alb.waf)):
        if arn is None:
            continue
        _, arn_partition, _, region, account, _ = arn.split(":", 5)
        if region != cluster.region:
            rule = f"must be in the load balancer's region, {cluster.region}"
            yield related_problem(
                f"{at}.{key}", shown(arn), rule, "Create one there, and set its ARN.", [f"{CLUSTER}.region"]
            )
        elif arn_partition != own_partition:
            rule = (
                f"is of partition {arn_partition}, and {cluster.region} is in {own_partition}: its ARNs begin with "
                f"arn:{own_partition}:"
            )
            yield related_problem(
                f"{at}.{key}",
                shown(arn),
                rule,
                f"Copy the ARN that AWS shows, or remove it: {remove_value(f'{at}.{key}')}",
                [f"{CLUSTER}.region"],
            )
        elif cluster.account not in {None, account}:
            rule = (
                f"is of account {account}, and the load balancer is in {cluster.account}: AWS takes no other one there"
            )
            remedy = f"Create one there, or remove it: {remove_value(f'{at}.{key}')}"
            yield related_problem(f"{at}.{key}", shown(arn), rule, remedy, [f"{CLUSTER}.account"])


def _subnet_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    at, subnets = f"{CLUSTER}.network.subnets", cluster.network.subnets
    if len(subnets) < ALB_ZONES:
        rule = f"a load balancer needs subnets in {ALB_ZONES} zones"
        yield related_problem(at, f"of {len(subnets)}", rule, "Add a zone with a subnet.")
    for zone, subnet in subnets.items():
        if ALB_PREFIX < subnet.prefixlen <= AWS_PREFIXES[1]:
            rule = f"a load balancer needs a /{ALB_PREFIX} or more in its subnets"
            yield related_problem(below(at, zone), subnet, rule, "Give it more addresses.")


def _route_problems(alb: LoadBalancerSettings, services: Mapping[str, ServiceSettings]) -> Iterator[RelatedProblem]:
    at = f"{CLUSTER}.loadBalancer"
    if not alb.routes:
        remedy = "Add one, - {service: NAME}, or remove loadBalancer."
        yield related_problem(f"{at}.routes", "missing", "a load balancer needs at least one route", remedy)
    if len(alb.routes) > RULES_LIMIT:
        rule = f"a listener takes {RULES_LIMIT} rules, and each route is one"
        remedy = "Remove some: routes of one service and host that a shorter path covers need no rule of their own."
        yield related_problem(f"{at}.routes", f"{len(alb.routes)} routes", rule, remedy)
    numbers: dict[tuple[str | None, str], int] = {}
    for number, route in enumerate(alb.routes):
        # A path with / behind it and one without are one prefix to an Ingress.
        first = numbers.setdefault((route.host, route.path.rstrip("/")), number)
        if first != number:
            rule = f"has the host and path of routes.{first}"
            value = f"{route.host or 'every host'}, {route.path}"
            yield related_problem(
                f"{at}.routes.{number}", value, rule, "Remove one of the two.", [f"{at}.routes.{first}"]
            )
        if route.service not in services:
            own = f"{at}.routes.{number}.service"
            close = typing_error(route.service, list(services))
            remedy = f"Did you mean {close}? {set_command(own, close)}" if close else f"Known: {', '.join(services)}."
            reads = [f"{SERVICES}.{route.service}"]
            yield related_problem(own, shown(route.service), f"is no key of {SERVICES}", remedy, reads)


def _target_problems(alb: LoadBalancerSettings, services: Mapping[str, ServiceSettings]) -> Iterator[RelatedProblem]:
    delay, delay_at = alb.deregistration_delay_seconds, f"{CLUSTER}.loadBalancer.deregistrationDelaySeconds"
    ports = {service.node_port for service in services.values()}
    free = (port for port in count(NODE_PORT) if port not in ports)
    for name in _routed(alb, services):
        service, path = services[name], f"{SERVICES}.{name}"
        if service.node_port is None:
            own = f"{path}.nodePort"
            rule = "the load balancer has a route to it, and finds it by its port on the nodes"
            yield related_problem(own, "missing", rule, set_command(own, str(next(free))))
        yield from _reachability_problems(path, service)
        if service.drain.pre_stop_seconds <= delay:
            own = f"{path}.drain.preStopSeconds"
            rule = f"must be more than {delay_at} ({delay}), or pods end before their node is deregistered"
            remedy = set_command(own, str(delay + 5))
            yield related_problem(own, service.drain.pre_stop_seconds, rule, remedy, [delay_at])


def _reachability_problems(path: str, service: ServiceSettings) -> Iterator[RelatedProblem]:
    """Refuses settings with which instance targets, which are nodes, do not reach the pods, or cannot be checked."""
    options = service.service_options
    if options.type == "ClusterIP":
        rule = "the load balancer has a route to it, and its targets are ports on the nodes"
        yield related_problem(
            f"{path}.service.type", "'ClusterIP'", rule, set_command(f"{path}.service.type", "NodePort")
        )
    if options.external_traffic_policy == "Local":
        rule = (
            "a node answers for its own pods alone then, and the load balancer learns of a switch only by its health "
            "checks: until these have passed, requests fail"
        )
        remedy = set_command(f"{path}.service.externalTrafficPolicy", "Cluster")
        yield related_problem(f"{path}.service.externalTrafficPolicy", "'Local'", rule, remedy)
    if options.session_affinity == "ClientIP":
        rule = "all requests come from the few addresses of the load balancer, so that a few pods would get them all"
        yield related_problem(
            f"{path}.service.sessionAffinity", "'ClientIP'", rule, remove_command(f"{path}.service.sessionAffinity")
        )
    readiness = service.readiness
    own_port = readiness.is_http and readiness.port in {None, PORT, service.port} and readiness.scheme == "HTTP"
    if not own_port and service.health_check_path is None:
        rule = "is missing, and the readiness probe is no HTTP request to the service's port that targets could answer"
        yield related_problem(
            f"{path}.healthCheckPath",
            "missing",
            rule,
            set_command(f"{path}.healthCheckPath", "/health"),
            [f"{path}.readiness"],
        )


def _weight_problems(alb: LoadBalancerSettings, services: Mapping[str, ServiceSettings]) -> Iterator[RelatedProblem]:
    """Refuses a canary that sets weights of an Ingress of this stack, whose rules target the Service itself."""
    routed = _routed(alb, services)
    for name, service in services.items():
        if not isinstance(service, CanarySettings) or service.canary.traffic != "alb":
            continue
        at, ingress = f"{SERVICES}.{name}.canary", service.canary.alb.ingress or ""
        # The widest Ingress of a service has its name, another one a number behind it.
        owner, _, number = ingress.partition(".")
        is_of_stack = (
            owner in routed and services[owner].namespace == service.namespace and (not number or number.isdigit())
        )
        if name in routed:
            rule = f"sets weights of an Ingress, and what the stack makes for {CLUSTER}.loadBalancer.routes has none"
            remedy = f"Remove its routes there and name an Ingress of your own in {at}.alb.ingress"
        elif is_of_stack:
            rule = f"sets weights of an Ingress, and {ingress}, which the stack makes for its routes, has none"
            remedy = f"Name an Ingress of your own in {at}.alb.ingress"
        else:
            continue
        remedy += f"; or let the number of pods be the share. {set_command(f'{at}.traffic', 'replicas')}"
        yield related_problem(f"{at}.traffic", shown("alb"), rule, remedy)


def _routed(alb: LoadBalancerSettings, services: Mapping[str, ServiceSettings]) -> list[str]:
    """Services that have a route."""
    return list(dict.fromkeys(route.service for route in alb.routes if route.service in services))
