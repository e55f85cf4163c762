"""Rules across the fields of an EC2 cluster, and between it and the services behind its load balancer."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations

from settings.checks import SERVICES
from settings.cluster import CLUSTER
from settings.ec2 import CONTROL_PLANE_LIMIT, DISK_GB, KUBERNETES_MINORS, Ec2Cluster, LoadBalancer
from settings.nodes import Role
from settings.problems import Problem, set_command, shown
from settings.service import ServiceSettings

AWS_PREFIXES = (16, 28)
"""Of a VPC and of a subnet: API reference of EC2, CreateVpc and CreateSubnet."""

ALB_PREFIX = 27
"""Of a subnet with a load balancer: it asks for 8 free addresses, so a /27 at least (user guide of the ALB)."""

ALB_ZONES = 2
"""A load balancer is in two zones at least (user guide of the ALB)."""

SERVICE_PREFIXES = (12, 28)
"""Of the addresses of Services: kubeadm takes at most 20 bits, and at least 10 addresses."""

NODE_POD_PREFIX = 24
"""Of a node's share of the pod network: default of the controller manager, which kubeadm keeps."""

POD_PREFIXES = (NODE_POD_PREFIX - 16, NODE_POD_PREFIX)
"""Of the pod network: the controller manager hands out at most 2^16 shares."""

WIDEST_ADMINISTRATORS = 8
"""Prefix of the widest network that production takes for administrators: two halves of everything are everything."""

RESERVED_TAGS = ("aws:", "kubernetes.io/", "k8s.io/", "elbv2.k8s.aws/", "ingress.k8s.aws/", "switchyard:")
"""Beginnings of keys of tags that AWS, Kubernetes' controllers or this program set, and act on."""

TAG_LIMIT = 40
"""Of the 50 tags that AWS lets a resource have, those left beside the program's and its controllers'."""

PROPOSED = {
    "pods": ("192.168.0.0/16", "10.244.0.0/16", "172.16.0.0/16"),
    "services": ("10.96.0.0/12", "10.48.0.0/16", "172.20.0.0/16"),
}
"""Networks that the remedies name, of which none overlaps another."""


@dataclass(frozen=True)
class Finding:
    """A mistake, and what else the rule looked at.

    Attributes:
        problem: the mistake.
        reads: paths of the other values that the rule compares; where one of them is wrong, it proves nothing.
    """

    problem: Problem
    reads: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all values that the rule looked at."""
        return (self.problem.path, *self.reads)


def _found(at: str, value: object, rule: str, remedy: str, reads: Iterable[str] = ()) -> Finding:
    return Finding(Problem(at, str(value), rule, remedy), tuple(reads))


def ec2_findings(
    cluster: Ec2Cluster, services: Mapping[str, ServiceSettings], *, production: bool
) -> Iterator[Finding]:
    """All mistakes of a cluster whose single fields are right."""
    yield from _network_findings(cluster)
    yield from _subnet_findings(cluster)
    yield from _administrator_findings(cluster, production=production)
    yield from _node_findings(cluster)
    yield from _version_findings(cluster)
    yield from _certificate_findings(cluster)
    yield from _tag_findings(cluster)
    if cluster.load_balancer is not None:
        yield from _load_balancer_findings(cluster, cluster.load_balancer, production=production)
        yield from _route_findings(cluster.load_balancer, services)


def refuse_skipped_minor(live: str, wanted: str) -> Problem | None:
    """Whether a control plane may go from the version that runs to the one that is wanted.

    Args:
        live: of the API server, as it says it: ``v1.34.1``.
        wanted: of the settings.

    Returns:
        The mistake; None for the same minor and the next one.

    Raises:
        ValueError: one of the two is no version.
    """
    from_major, from_minor = _minor(live)
    to_major, to_minor = _minor(wanted)
    if from_major == to_major and from_minor <= to_minor <= from_minor + 1:
        return None
    at, next_one = f"{CLUSTER}.kubernetes", f"{from_major}.{from_minor + 1}"
    if (to_major, to_minor) < (from_major, from_minor):
        rule = f"the cluster runs {live}, and kubeadm does not go back a minor"
        return Problem(at, shown(wanted), rule, set_command(at, live.removeprefix("v")))
    rule = f"the cluster runs {live}, and kubeadm skips no minor"
    return Problem(at, shown(wanted), rule, f"Go to a release of {next_one} first.")


def _minor(version: str) -> tuple[int, int]:
    if (match := re.match(r"v?(\d+)\.(\d+)\.\d+", version)) is None:
        raise ValueError(f"{version!r} is no version of Kubernetes")
    return int(match[1]), int(match[2])


def _network_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    network, at = cluster.network, f"{CLUSTER}.network"
    whole = {"vpc": network.vpc, "pods": network.pods, "services": network.services}
    for (first, one), (second, other) in combinations(whole.items(), 2):
        if one.overlaps(other):
            free = (to for to in PROPOSED[second] if not any(map(IPv4Network(to).overlaps, whole.values())))
            rule = f"overlaps {at}.{first} ({one}), and a packet to an address in both has two ways"
            remedy = set_command(f"{at}.{second}", next(free, "NETWORK"))
            yield _found(f"{at}.{second}", other, rule, remedy, [f"{at}.{first}"])
    yield from _prefix(f"{at}.vpc", network.vpc, AWS_PREFIXES, "AWS takes", "10.0.0.0/16")
    yield from _prefix(f"{at}.services", network.services, SERVICE_PREFIXES, "kubeadm takes", "10.96.0.0/12")
    yield from _prefix(f"{at}.pods", network.pods, POD_PREFIXES, "the controller manager takes", "192.168.0.0/16")
    shares = network.pods.num_addresses // 2 ** (32 - NODE_POD_PREFIX)
    if 0 < shares < len(cluster.nodes):
        rule = f"has a /{NODE_POD_PREFIX} for {shares} nodes, and there are {len(cluster.nodes)}"
        remedy = set_command(f"{at}.pods", "192.168.0.0/16")
        yield _found(f"{at}.pods", network.pods, rule, remedy, [f"{CLUSTER}.nodes"])


def _prefix(at: str, network: IPv4Network, limits: tuple[int, int], who: str, example: str) -> Iterator[Finding]:
    shortest, longest = limits
    if not shortest <= network.prefixlen <= longest:
        yield _found(at, network, f"{who} a prefix from /{shortest} to /{longest}", set_command(at, example))


def _subnet_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    vpc, subnets, at = cluster.network.vpc, cluster.network.subnets, f"{CLUSTER}.network.subnets"
    for zone, subnet in subnets.items():
        if not _is_zone(zone, cluster.region):
            rule, remedy = _zone_rule(cluster.region), "Rename the key in the stack file."
            yield _found(f"{at}.{zone}", shown(zone), rule, remedy, [f"{CLUSTER}.region"])
        if not subnet.subnet_of(vpc):
            rule, remedy = f"is not in {CLUSTER}.network.vpc ({vpc})", "Take a part of the VPC's addresses."
            yield _found(f"{at}.{zone}", subnet, rule, remedy, [f"{CLUSTER}.network.vpc"])
        yield from _prefix(f"{at}.{zone}", subnet, AWS_PREFIXES, "AWS takes", "10.0.1.0/24")
    for (first, one), (second, other) in combinations(subnets.items(), 2):
        if one.overlaps(other):
            rule = f"overlaps the subnet of {first} ({one})"
            remedy = "Take a part of the VPC that no other subnet has."
            yield _found(f"{at}.{second}", other, rule, remedy, [f"{at}.{first}"])


def _is_zone(zone: str, region: str) -> bool:
    return re.fullmatch(rf"{re.escape(region)}[a-z]", zone) is not None


def _zone_rule(region: str) -> str:
    return f"is no availability zone of {CLUSTER}.region, which are {region}a, {region}b and so on"


def _administrator_findings(cluster: Ec2Cluster, *, production: bool) -> Iterator[Finding]:
    for number, network in enumerate(cluster.network.administrators):
        if production and network.prefixlen < WIDEST_ADMINISTRATORS:
            at = f"{CLUSTER}.network.administrators"
            rule = f"the API server of production is not open to so many, at most to a /{WIDEST_ADMINISTRATORS}"
            remedy = set_command(f"{at}[{number}]", "203.0.113.7/32") + ", with your own address."
            yield _found(f"{at}.{number}", network, rule, remedy)


def _node_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    yield from _control_plane_findings(cluster)
    for name, node in cluster.nodes.items():
        at, subnets = f"{CLUSTER}.nodes.{name}", f"{CLUSTER}.network.subnets"
        known = ", ".join(cluster.network.subnets) or "none"
        if not _is_zone(node.zone, cluster.region):
            remedy = f"Take one that has a subnet: {known}."
            yield _found(f"{at}.zone", shown(node.zone), _zone_rule(cluster.region), remedy, [f"{CLUSTER}.region"])
        elif node.zone not in cluster.network.subnets:
            remedy = f"Give it one in {subnets}, or take a zone that has one: {known}."
            yield _found(f"{at}.zone", shown(node.zone), "this zone has no subnet", remedy, [subnets])
        if node.disk_gb < DISK_GB[node.role]:
            least = DISK_GB[node.role]
            what = "the image, the images of pods" + (", etcd" if node.role is Role.CONTROL_PLANE else "")
            remedy = set_command(f"{at}.diskGb", str(least))
            yield _found(f"{at}.diskGb", node.disk_gb, f"{what} and logs need {least} GB", remedy)


def _control_plane_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    masters = [name for name, node in cluster.nodes.items() if node.role is Role.CONTROL_PLANE]
    at = f"{CLUSTER}.nodes"
    if not masters:
        yield _found(at, "no control plane", "a cluster has one", "Give one node the role controlPlane.")
    for name in masters[CONTROL_PLANE_LIMIT:]:
        even = len(masters) % 2 == 0
        why = "an even number of members of etcd bears no more failures than one less, and " if even else ""
        rule = f"{len(masters)} control planes: {why}this program runs one, which is restored from its snapshots"
        yield _found(f"{at}.{name}.role", "'controlPlane'", rule, set_command(f"{at}.{name}.role", "worker"))


def _version_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    if cluster.kubernetes.rpartition(".")[0] not in KUBERNETES_MINORS:
        at, known = f"{CLUSTER}.kubernetes", ", ".join(KUBERNETES_MINORS)
        rule = f"its minor is not one that kubeadm's configuration is written for: {known}"
        yield _found(at, shown(cluster.kubernetes), rule, set_command(at, f"{KUBERNETES_MINORS[-1]}.1"))


def _certificate_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    pki, at = cluster.pki, f"{CLUSTER}.pki"
    for short, days, long, limit in (
        ("renewBeforeDays", pki.renew_before_days, "adminDays", pki.admin_days),
        ("adminDays", pki.admin_days, "caDays", pki.ca_days),
    ):
        if days >= limit:
            rule = f"must be less than {long} ({limit})"
            yield _found(f"{at}.{short}", days, rule, set_command(f"{at}.{short}", str(limit // 2)), [f"{at}.{long}"])


def _tag_findings(cluster: Ec2Cluster) -> Iterator[Finding]:
    at = f"{CLUSTER}.tags"
    for key in cluster.tags:
        # AWS takes its own prefix in any case.
        if key == "Name" or key.lower().startswith(RESERVED_TAGS):
            rule = "is reserved: AWS, Kubernetes' controllers and this program set such tags, and act on them"
            yield _found(f"{at}.{key}", shown(key), rule, "Take another key.")
    if len(cluster.tags) > TAG_LIMIT:
        rule = f"AWS takes 50 tags a resource, and leaves {TAG_LIMIT} beside those of the program"
        yield _found(at, f"{len(cluster.tags)} tags", rule, "Take some out.")


def _load_balancer_findings(cluster: Ec2Cluster, alb: LoadBalancer, *, production: bool) -> Iterator[Finding]:
    at, subnets = f"{CLUSTER}.loadBalancer", cluster.network.subnets
    if alb.health_timeout_seconds >= alb.health_interval_seconds:
        own, other = f"{at}.healthTimeoutSeconds", f"{at}.healthIntervalSeconds"
        rule = f"must be less than healthIntervalSeconds ({alb.health_interval_seconds})"
        remedy = set_command(own, str(max(2, alb.health_interval_seconds // 2)))
        yield _found(own, alb.health_timeout_seconds, rule, remedy, [other])
    hosts = sorted({route.host for route in alb.routes if route.host is not None})
    if production and hosts and alb.certificate is None:
        rule = f"production serves {', '.join(hosts)} with TLS, which needs a certificate"
        remedy = set_command(f"{at}.certificate", f"arn:aws:acm:{cluster.region}:ACCOUNT:certificate/ID")
        yield _found(f"{at}.certificate", "missing", rule, remedy)
    for key, arn in (("certificate", alb.certificate), ("waf", alb.waf)):
        if arn is not None and arn.split(":")[3] != cluster.region:
            rule = f"must be in the load balancer's region, {cluster.region}"
            yield _found(f"{at}.{key}", shown(arn), rule, "Make one there, and name that.", [f"{CLUSTER}.region"])
    if len(subnets) < ALB_ZONES:
        rule = f"a load balancer needs subnets in {ALB_ZONES} zones"
        yield _found(f"{CLUSTER}.network.subnets", f"of {len(subnets)}", rule, "Add a zone with a subnet.")
    for zone, subnet in subnets.items():
        if ALB_PREFIX < subnet.prefixlen <= AWS_PREFIXES[1]:
            rule = f"a load balancer needs a /{ALB_PREFIX} or more in its subnets"
            yield _found(f"{CLUSTER}.network.subnets.{zone}", subnet, rule, "Give it more addresses.")


def _route_findings(alb: LoadBalancer, services: Mapping[str, ServiceSettings]) -> Iterator[Finding]:
    at = f"{CLUSTER}.loadBalancer"
    if not alb.routes:
        remedy = "Add one, - {service: NAME}, or take loadBalancer out."
        yield _found(f"{at}.routes", "missing", "a load balancer leads somewhere", remedy)
    taken: dict[tuple[str | None, str], int] = {}
    for number, route in enumerate(alb.routes):
        # A path with / behind it and one without are one prefix to an Ingress.
        first = taken.setdefault((route.host, route.path.rstrip("/")), number)
        if first != number:
            rule = f"has the host and path of routes.{first}"
            value = f"{route.host or 'every host'}, {route.path}"
            yield _found(f"{at}.routes.{number}", value, rule, "Take one of the two out.", [f"{at}.routes.{first}"])
        if route.service not in services:
            close = difflib.get_close_matches(route.service, services, n=1)
            remedy = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(services) or 'none'}."
            reads = [f"{SERVICES}.{route.service}"]
            yield _found(
                f"{at}.routes.{number}.service", shown(route.service), f"is no key of {SERVICES}", remedy, reads
            )
    for name in dict.fromkeys(route.service for route in alb.routes if route.service in services):
        yield from _target_findings(at, name, services[name], alb.deregistration_delay_seconds)


def _target_findings(at: str, name: str, service: ServiceSettings, delay: int) -> Iterator[Finding]:
    path = f"{SERVICES}.{name}"
    if service.node_port is None:
        own = f"{path}.nodePort"
        rule = "the load balancer has a route to it, and finds it by its port on the nodes"
        yield _found(own, "missing", rule, set_command(own, "30080"))
    if service.drain.pre_stop_seconds <= delay:
        own = f"{path}.drain.preStopSeconds"
        rule = f"must be more than {at}.deregistrationDelaySeconds ({delay}), or pods end before their node is let go"
        remedy = set_command(own, str(delay + 5))
        yield _found(own, service.drain.pre_stop_seconds, rule, remedy, [f"{at}.deregistrationDelaySeconds"])
