"""The desired state that Ingresses ask the AWS Load Balancer Controller for.

It follows the controller's guide (kubernetes-sigs.github.io/aws-load-balancer-controller, guide/ingress) and its code.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from devtools.rehearsal.load_balancer.actions import default_action
from devtools.rehearsal.load_balancer.target_groups import (
    DesiredTargetGroup,
    Name,
    annotation,
    annotations,
    digest,
    letters,
    pairs,
    target_group,
    written,
)
from devtools.rehearsal.values import Values
from switchyard.aws.iam import CLUSTER_TAG
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.manifests.addons import INGRESS_CLASS
from switchyard.manifests.pods import Manifest
from switchyard.manifests.weights import BY_ANNOTATION

STACK_TAG = "ingress.k8s.aws/stack"
"""Tag of the controller with the name of the group."""

RESOURCE_TAG = "ingress.k8s.aws/resource"
"""Tag of the controller that names the part of the group's load balancer that a resource belongs to."""

BALANCER_RESOURCE = "LoadBalancer"

ATTRIBUTES = "load-balancer-attributes"
PROTECTION = "deletion_protection.enabled"

KNOWN = frozenset(
    f"{ALB_ANNOTATIONS}/{name}"
    for name in (
        *("group.name", "group.order", "scheme", "ip-address-type", "manage-backend-security-group-rules"),
        *("listen-ports", "certificate-arn", "ssl-policy", "ssl-redirect", "wafv2-acl-arn", "tags", "target-type"),
        *("backend-protocol", "target-group-attributes", "target-node-labels", "security-groups", ATTRIBUTES),
        *("healthcheck-protocol", "healthcheck-path", "healthcheck-port", "healthcheck-interval-seconds"),
        *("healthcheck-timeout-seconds", "healthy-threshold-count", "unhealthy-threshold-count", "success-codes"),
    )
)
"""Annotations that this fake supports. The controller supports more, and ignores a misspelt one."""

ACTION = f"{ALB_ANNOTATIONS}/actions."
"""Prefix of the annotations that define a named action."""

ORDERS = range(-1000, 1001)
"""Values that the controller accepts as the order of an Ingress in its group."""

NOTHING = {"Type": "fixed-response", "FixedResponseConfig": {"ContentType": "text/plain", "StatusCode": "404"}}
"""The controller's default action for requests that match no rule."""


@dataclass(frozen=True)
class DesiredRule:
    """A rule that forwards requests to a target group by host (None for every host) and path patterns."""

    host: str | None
    paths: tuple[str, ...]
    target_group: str


@dataclass(frozen=True)
class DesiredListener:
    """A listener: port, certificates and policy for TLS, default action, and rules in their order.

    Attributes:
        certificate: the default certificate, from the first Ingress.
        listed: the additional certificates. The controller also lists the default one if a second Ingress names it.
    """

    port: int
    protocol: str
    certificate: str | None
    listed: tuple[str, ...]
    policy: str | None
    action: Values
    rules: tuple[DesiredRule, ...]


@dataclass(frozen=True)
class Desired:
    """The load balancer that the Ingresses of a group describe together.

    Attributes:
        notes: parts that cannot be created, although the rest can.
    """

    group: str
    name: str
    scheme: str
    ip_address_type: str
    security_groups: tuple[str, ...]
    attributes: dict[str, str]
    tags: dict[str, str]
    listeners: tuple[DesiredListener, ...]
    target_groups: tuple[DesiredTargetGroup, ...]
    notes: tuple[str, ...]


def groups(ingresses: Iterable[Manifest]) -> dict[str, list[Manifest]]:
    """The Ingresses of the controller's class by group."""
    by_name: dict[str, list[Manifest]] = {}
    for ingress in ingresses:
        if ingress["spec"].get("ingressClassName") == INGRESS_CLASS:
            by_name.setdefault(group_of(ingress), []).append(ingress)
    return by_name


def group_of(ingress: Manifest) -> str:
    """Name of an Ingress's group. An Ingress without a group name forms its own group."""
    return annotation(ingress, "group.name") or written(ingress)


def finalizer(ingress: Manifest) -> str:
    """The finalizer that keeps an Ingress until its part of the load balancer is deleted."""
    named = annotation(ingress, "group.name")
    return "ingress.k8s.aws/resources" if named is None else f"group.ingress.k8s.aws/{named}"


def is_protected(ingress: Manifest) -> bool:
    """Whether the controller prevents the deletion of an Ingress, by the annotation of that Ingress."""
    return pairs(annotation(ingress, ATTRIBUTES)).get(PROTECTION) == "true"


def balancer_name(cluster: str, group: str, scheme: str) -> str:
    """A name of at most 32 characters, unique for each cluster, group and scheme."""
    return f"k8s-{letters(group)[:17]}-{digest(cluster, group, scheme)}"


def desired(
    cluster: str, group: str, members: Sequence[Manifest], services: Mapping[Name, Manifest], nodes: Iterable[Manifest]
) -> Desired:
    """The desired load balancer of the Ingresses of a group.

    Args:
        cluster: name of the cluster.
        group: name of the group.
        members: Ingresses of the group without those that are being deleted.
        services: all Services.
        nodes: all nodes.

    Raises:
        ValueError: they contradict each other, or the controller or its simulation does not support them.
    """
    members, seen = sorted(members, key=_order), list(nodes)
    notes: list[str] = []
    target_groups: dict[str, DesiredTargetGroup] = {}
    rules: dict[str, list[DesiredRule]] = {}
    defaults: dict[str, Values] = {}
    for member in members:
        notes += [f"Ingress {written(member)}: {key} is unknown here" for key in _unknown(member)]
        default, missing = default_action(member)
        notes += missing
        if default is not None:
            defaults[written(member)] = default
        for host, paths, backend in _paths(member):
            wanted, without = target_group(cluster, group, member, services, seen, backend)
            target_groups[wanted.name] = wanted
            notes += without
            rules.setdefault(written(member), []).append(DesiredRule(host, paths, wanted.name))
    security_groups = _agreed(members, "security-groups")
    if not security_groups:
        raise ValueError("no Ingress names a security group, and the simulated controller makes none")
    scheme = _agreed(members, "scheme") or "internal"
    return Desired(
        group=group,
        name=balancer_name(cluster, group, scheme),
        scheme=scheme,
        ip_address_type=_agreed(members, "ip-address-type") or "ipv4",
        security_groups=tuple(security_groups.split(",")),
        attributes=_merged(members, ATTRIBUTES),
        tags=_merged(members, "tags") | {CLUSTER_TAG: cluster, STACK_TAG: group},
        listeners=tuple(_listeners(members, rules, defaults)),
        target_groups=tuple(target_groups.values()),
        notes=tuple(dict.fromkeys(notes)),
    )


def _order(ingress: Manifest) -> tuple[int, str]:
    order = int(annotation(ingress, "group.order") or 0)
    if order not in ORDERS:
        raise ValueError(f"Ingress {written(ingress)}: group.order {order} is not from {ORDERS[0]} to {ORDERS[-1]}")
    return order, written(ingress)


def _unknown(ingress: Manifest) -> list[str]:
    """Annotations with the controller's prefix that it does not know."""
    own = sorted(key for key in annotations(ingress) if key.startswith(f"{ALB_ANNOTATIONS}/"))
    return [key for key in own if key not in KNOWN and not key.startswith(ACTION)]


def _merged(members: Iterable[Manifest], name: str) -> dict[str, str]:
    """The pairs of an annotation of all Ingresses, merged. Two Ingresses must not have different values of one pair."""
    merged: dict[str, str] = {}
    for member in members:
        for key, value in pairs(annotation(member, name)).items():
            if merged.setdefault(key, value) != value:
                raise ValueError(f"conflicting {key}: {merged[key]} and {value}")
    return merged


def _agreed(members: Iterable[Manifest], name: str) -> str | None:
    """The value of an annotation of the load balancer. Two Ingresses must not have different values."""
    values = sorted({value for member in members if (value := annotation(member, name)) is not None})
    if len(values) > 1:
        raise ValueError(f"conflicting {name}: {' and '.join(values)}")
    return values[0] if values else None


def _paths(ingress: Manifest) -> Iterator[tuple[str | None, tuple[str, ...], Manifest]]:
    """Host, path patterns and backend of each path, within a host the longest prefix first."""
    for rule in ingress["spec"].get("rules") or ():
        paths = rule.get("http", {}).get("paths") or ()
        for path in sorted(paths, key=lambda path: len(path.get("path", "")), reverse=True):
            if path["pathType"] != "Prefix" or "service" not in path["backend"]:
                raise ValueError(f"Ingress {written(ingress)}: only prefixes that route to Services are supported here")
            if path["backend"]["service"]["port"] == {"name": BY_ANNOTATION}:
                raise ValueError(f"Ingress {written(ingress)}: a rule that routes to an action is not supported here")
            if set(path["path"]) & set("*?"):
                raise ValueError(f"Ingress {written(ingress)}: prefix path {path['path']} has a wildcard")
            prefix = path["path"].rstrip("/")
            # As in the controller, /api matches /api and paths below it, but not /apis.
            yield rule.get("host"), (prefix, f"{prefix}/*") if prefix else ("/*",), path["backend"]["service"]


def _listeners(
    members: Sequence[Manifest], rules: Mapping[str, list[DesiredRule]], defaults: Mapping[str, Values]
) -> Iterator[DesiredListener]:
    redirect = _agreed(members, "ssl-redirect")
    ports: dict[int, tuple[str, list[Manifest]]] = {}
    for member in members:
        certificate = annotation(member, "certificate-arn")
        default = '[{"HTTP": 80}]' if certificate is None else '[{"HTTPS": 443}]'
        listed = json.loads(annotation(member, "listen-ports") or default)
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise ValueError(f"Ingress {written(member)}: listen-ports {listed} is no list of objects")
        for entry in listed:
            for protocol, port in entry.items():
                there, users = ports.setdefault(port, (protocol, []))
                if there != protocol:
                    raise ValueError(f"conflicting protocol of port {port}: {there} and {protocol}")
                users.append(member)
    if redirect is not None and ports.get(int(redirect), ("", []))[0] != "HTTPS":
        raise ValueError(f"ssl-redirect goes to port {redirect}, where no listener speaks HTTPS")
    for port, (protocol, users) in sorted(ports.items()):
        secure = protocol == "HTTPS"
        for user in users if secure else ():
            if not annotation(user, "certificate-arn"):
                # The controller discovers certificates for the hosts of an Ingress that names none.
                raise ValueError(
                    f"Ingress {written(user)}: no certificate for port {port}; the simulated controller looks for none"
                )
        certificates = [annotation(user, "certificate-arn") or "" for user in users] if secure else []
        if redirect is not None and not secure:
            target = {"Protocol": "HTTPS", "Port": redirect, "StatusCode": "HTTP_301"}
            yield DesiredListener(port, protocol, None, (), None, {"Type": "redirect", "RedirectConfig": target}, ())
            continue
        saying = [written(user) for user in users if written(user) in defaults]
        if len(saying) > 1:
            raise ValueError(f"multiple ingress defined default backend: {' and '.join(saying)}")
        yield DesiredListener(
            port,
            protocol,
            certificates[0] if certificates else None,
            tuple(dict.fromkeys(certificates[1:])),
            (_agreed(users, "ssl-policy") or "ELBSecurityPolicy-2016-08") if secure else None,
            defaults[saying[0]] if saying else NOTHING,
            tuple(rule for user in users for rule in rules.get(written(user), [])),
        )
