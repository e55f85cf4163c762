"""Rules across the fields of an EC2 cluster."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations

from switchyard.config.commands import below, remove_command, remove_value, set_command
from switchyard.config.errors import Problem, shown
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import AWS_PREFIXES, CONTROL_PLANE_LIMIT, DISK_GB, KUBERNETES_MINORS, Ec2Cluster
from switchyard.config.models.instance_types import is_instance_type
from switchyard.config.models.nodes import NodeSettings, Role
from switchyard.config.models.service import ServiceSettings
from switchyard.config.validation.autoscaling import metrics_problems
from switchyard.config.validation.load_balancer import load_balancer_problems
from switchyard.config.validation.related import RelatedProblem, related_problem

SERVICE_PREFIXES = (12, 28)
"""Shortest and longest prefix of the network of Services: kubeadm takes at most 20 bits, and at least 10 addresses."""

NODE_POD_PREFIX = 24
"""Prefix of a node's share of the pod network: the default of the controller manager, which kubeadm keeps."""

POD_PREFIXES = (NODE_POD_PREFIX - 16, NODE_POD_PREFIX)
"""Shortest and longest prefix of the pod network: the controller manager hands out at most 2^16 shares."""

WIDEST_ADMINISTRATORS = 8
"""Prefix of the widest network of administrators in production: two halves of all addresses are all addresses."""

RESERVED_TAGS = ("aws:", "kubernetes.io/", "k8s.io/", "elbv2.k8s.aws/", "ingress.k8s.aws/", "switchyard:")
"""Beginnings of keys of tags that AWS, Kubernetes' controllers or this program set, and act on."""

ARCHITECTURE = "amd64"
"""Architecture of the machines' image, and so of every node of an EC2 cluster."""

KUBEADM_MEMORY_MIB = 1700
"""Least memory of a control plane: kubeadm's preflight check (kubeadm/app/constants, ControlPlaneMem)."""

TAG_LIMIT = 40
"""Most tags in the settings: AWS takes 50 on a resource, and the program and its controllers set the others."""

UNUSABLE = {
    IPv4Network("0.0.0.0/8"): "no address of a machine",
    IPv4Network("127.0.0.0/8"): "of each machine itself",
    IPv4Network("169.254.0.0/16"): "link-local: the metadata service, the name server and the clock of AWS are there",
    IPv4Network("224.0.0.0/4"): "for multicast",
}
"""Networks in which no machine, pod or Service can have an address, with what they are for (RFC 6890, RFC 5771)."""

PROPOSED = {
    "vpc": ("10.0.0.0/16", "10.64.0.0/16", "172.31.0.0/16"),
    "pods": ("192.168.0.0/16", "10.244.0.0/16", "172.16.0.0/16"),
    "services": ("10.96.0.0/12", "10.48.0.0/16", "172.20.0.0/16"),
}
"""Networks that the remedies name, of which none overlaps another."""


def ec2_problems(
    cluster: Ec2Cluster, services: Mapping[str, ServiceSettings], *, production: bool
) -> Iterator[RelatedProblem]:
    """All errors of a cluster whose single fields are valid, including those of its load balancer."""
    yield from _network_problems(cluster)
    yield from _subnet_problems(cluster)
    yield from _administrator_problems(cluster, production=production)
    yield from _node_problems(cluster)
    yield from _version_problems(cluster)
    yield from _certificate_problems(cluster)
    yield from _tag_problems(cluster)
    yield from metrics_problems(cluster, services)
    yield from _argo_rollouts_problems(cluster)
    if cluster.load_balancer is not None:
        yield from load_balancer_problems(cluster, cluster.load_balancer, services, production=production)


def refuse_skipped_minor(live: str, wanted: str) -> Problem | None:
    """Refuses an upgrade of the control plane that skips a minor version or goes back one.

    Args:
        live: version that the API server reports, for example ``v1.34.1``.
        wanted: version in the settings.

    Returns:
        The error; None for the same minor version and the next one.

    Raises:
        ValueError: one of the two is not a version.
    """
    from_major, from_minor = _minor(live)
    to_major, to_minor = _minor(wanted)
    if from_major == to_major and from_minor <= to_minor <= from_minor + 1:
        return None
    at, next_minor = f"{CLUSTER}.kubernetes", f"{from_major}.{from_minor + 1}"
    if (to_major, to_minor) < (from_major, from_minor):
        rule = f"the cluster runs {live}, and kubeadm does not go back a minor"
        return Problem(at, shown(wanted), rule, set_command(at, live.removeprefix("v")))
    rule = f"the cluster runs {live}, and kubeadm skips no minor"
    return Problem(at, shown(wanted), rule, f"Go to a release of {next_minor} first.")


def _minor(version: str) -> tuple[int, int]:
    if (match := re.match(r"v?(\d+)\.(\d+)\.\d+", version)) is None:
        raise ValueError(f"{version!r} is not a version of Kubernetes")
    return int(match[1]), int(match[2])


def _network_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    network, at = cluster.network, f"{CLUSTER}.network"
    whole = {"vpc": network.vpc, "pods": network.pods, "services": network.services}
    for (first_key, first_network), (second_key, second_network) in combinations(whole.items(), 2):
        if first_network.overlaps(second_network):
            free_networks = (
                proposed
                for proposed in PROPOSED[second_key]
                if not any(map(IPv4Network(proposed).overlaps, whole.values()))
            )
            rule = f"overlaps {at}.{first_key} ({first_network}), and an address in both has two routes"
            remedy = set_command(f"{at}.{second_key}", next(free_networks, PROPOSED[second_key][0]))
            yield related_problem(f"{at}.{second_key}", second_network, rule, remedy, [f"{at}.{first_key}"])
    for key, block in whole.items():
        for unusable, purpose in UNUSABLE.items():
            if block.overlaps(unusable):
                rule, remedy = f"overlaps {unusable}, which is {purpose}", set_command(f"{at}.{key}", PROPOSED[key][0])
                yield related_problem(f"{at}.{key}", block, rule, remedy)
    yield from _prefix(f"{at}.vpc", network.vpc, AWS_PREFIXES, "AWS takes", "10.0.0.0/16")
    yield from _prefix(f"{at}.services", network.services, SERVICE_PREFIXES, "kubeadm takes", "10.96.0.0/12")
    yield from _prefix(f"{at}.pods", network.pods, POD_PREFIXES, "the controller manager takes", "192.168.0.0/16")
    shares = network.pods.num_addresses // 2 ** (32 - NODE_POD_PREFIX)
    if 0 < shares < len(cluster.nodes):
        rule = f"has a /{NODE_POD_PREFIX} for {shares} nodes, and there are {len(cluster.nodes)}"
        remedy = set_command(f"{at}.pods", "192.168.0.0/16")
        yield related_problem(f"{at}.pods", network.pods, rule, remedy, [f"{CLUSTER}.nodes"])


def _prefix(at: str, network: IPv4Network, limits: tuple[int, int], who: str, example: str) -> Iterator[RelatedProblem]:
    shortest, longest = limits
    if not shortest <= network.prefixlen <= longest:
        yield related_problem(at, network, f"{who} a prefix from /{shortest} to /{longest}", set_command(at, example))


def _subnet_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    vpc, subnets, at = cluster.network.vpc, cluster.network.subnets, f"{CLUSTER}.network.subnets"
    for zone, subnet in subnets.items():
        if not _is_zone(zone, cluster.region):
            rule, remedy = _zone_rule(cluster.region), "Rename the key in the stack file."
            yield related_problem(below(at, zone), shown(zone), rule, remedy, [f"{CLUSTER}.region"])
        if not subnet.subnet_of(vpc):
            rule, remedy = f"is not in {CLUSTER}.network.vpc ({vpc})", "Take a part of the VPC's addresses."
            yield related_problem(below(at, zone), subnet, rule, remedy, [f"{CLUSTER}.network.vpc"])
        yield from _prefix(below(at, zone), subnet, AWS_PREFIXES, "AWS takes", "10.0.1.0/24")
    for (first_zone, first_subnet), (second_zone, second_subnet) in combinations(subnets.items(), 2):
        if first_subnet.overlaps(second_subnet):
            rule = f"overlaps the subnet of {first_zone} ({first_subnet})"
            remedy = "Take a part of the VPC that no other subnet has."
            yield related_problem(below(at, second_zone), second_subnet, rule, remedy, [below(at, first_zone)])


def _is_zone(zone: str, region: str) -> bool:
    return re.fullmatch(rf"{re.escape(region)}[a-z]", zone) is not None


def _zone_rule(region: str) -> str:
    return f"is not an availability zone of {CLUSTER}.region, which are {region}a, {region}b and so on"


def _administrator_problems(cluster: Ec2Cluster, *, production: bool) -> Iterator[RelatedProblem]:
    at = f"{CLUSTER}.network.administrators"
    if not cluster.network.administrators:
        # The kubeconfig has the public address of the API server, so a client's source address is always a
        # public one, also inside the VPC.
        rule = "no address may reach the API server, `pulumi up` included"
        remedy = f"Use the address from which you reach it. {set_command(f'{at}.0', '203.0.113.7/32')}"
        yield related_problem(at, "missing", rule, remedy)
    for number, network in enumerate(cluster.network.administrators):
        if production and network.prefixlen < WIDEST_ADMINISTRATORS:
            rule = f"the API server of a production stack is open to at most a /{WIDEST_ADMINISTRATORS}"
            remedy = f"Use your own address. {set_command(f'{at}.{number}', '203.0.113.7/32')}"
            yield related_problem(f"{at}.{number}", network, rule, remedy)


def _node_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    yield from _control_plane_problems(cluster)
    for name, node in cluster.nodes.items():
        at, subnets = below(CLUSTER, "nodes", name), f"{CLUSTER}.network.subnets"
        known = ", ".join(cluster.network.subnets) or "none"
        if not _is_zone(node.zone, cluster.region):
            remedy = f"Take one that has a subnet: {known}."
            yield related_problem(
                f"{at}.zone", shown(node.zone), _zone_rule(cluster.region), remedy, [f"{CLUSTER}.region"]
            )
        elif node.zone not in cluster.network.subnets:
            remedy = f"Give it one in {subnets}, or take a zone that has one: {known}."
            yield related_problem(f"{at}.zone", shown(node.zone), "this zone has no subnet", remedy, [subnets])
        yield from _machine_problems(f"{at}.type", node)
        if node.disk_gb < DISK_GB[node.role]:
            least = DISK_GB[node.role]
            content = "the image, the images of pods" + (", etcd" if node.role is Role.CONTROL_PLANE else "")
            remedy = set_command(f"{at}.diskGb", str(least))
            yield related_problem(f"{at}.diskGb", node.disk_gb, f"{content} and logs need {least} GB", remedy)


def _machine_problems(at: str, node: NodeSettings) -> Iterator[RelatedProblem]:
    machine = node.machine
    if not is_instance_type(node.type):
        yield related_problem(at, shown(node.type), "is not an EC2 instance type", another_type(at, node, "t3.medium"))
    elif machine.architecture != ARCHITECTURE:
        rule = f"is {machine.architecture}, and the machines' image is {ARCHITECTURE}: one image is for all machines"
        yield related_problem(at, shown(node.type), rule, another_type(at, node, "t3.medium"))
    elif node.role is Role.CONTROL_PLANE and (machine.vcpu < 2 or machine.memory_mib < KUBEADM_MEMORY_MIB):
        rule = f"kubeadm refuses a control plane with less than 2 vCPU or {KUBEADM_MEMORY_MIB} MiB"
        yield related_problem(at, shown(node.type), rule, another_type(at, node, "t3.large"))


def another_type(at: str, node: NodeSettings, name: str) -> str:
    """The remedy that sets another type, and removes the figures of the present type.

    Args:
        at: path of the type.
        node: the node.
        name: the other type.
    """
    figures = {"vcpu": node.vcpu, "memoryGb": node.memory_gb}
    removals = [remove_value(at.removesuffix("type") + key) for key, value in figures.items() if value is not None]
    return " && ".join([set_command(at, name), *removals])


def _control_plane_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    control_planes = [name for name, node in cluster.nodes.items() if node.role is Role.CONTROL_PLANE]
    at = f"{CLUSTER}.nodes"
    if not control_planes:
        yield related_problem(at, "no control plane", "a cluster has one", "Give one node the role controlPlane.")
    for name in control_planes[CONTROL_PLANE_LIMIT:]:
        even = len(control_planes) % 2 == 0
        reason = "an even number of etcd members tolerates no more failures than one member less, and " if even else ""
        rule = (
            f"{len(control_planes)} control planes: {reason}this program runs one, which is restored from its snapshots"
        )
        role = below(at, name, "role")
        yield related_problem(role, "'controlPlane'", rule, set_command(role, "worker"))


def _version_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    if cluster.kubernetes.rpartition(".")[0] not in KUBERNETES_MINORS:
        at, known = f"{CLUSTER}.kubernetes", ", ".join(KUBERNETES_MINORS)
        rule = f"its minor is not one that kubeadm's configuration is written for: {known}"
        yield related_problem(at, shown(cluster.kubernetes), rule, set_command(at, f"{KUBERNETES_MINORS[-1]}.1"))


def _certificate_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    pki, at = cluster.pki, f"{CLUSTER}.pki"
    for short, days, long, limit in (
        ("renewBeforeDays", pki.renew_before_days, "adminDays", pki.admin_days),
        ("adminDays", pki.admin_days, "caDays", pki.ca_days),
    ):
        if days >= limit:
            rule = f"must be less than {long} ({limit})"
            yield related_problem(
                f"{at}.{short}", days, rule, set_command(f"{at}.{short}", str(limit // 2)), [f"{at}.{long}"]
            )


def _tag_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    at = f"{CLUSTER}.tags"
    by_folded: dict[str, str] = {}
    for key in cluster.tags:
        # IAM ignores the case of keys (user guide, Tags for IAM resources), and AWS that of its own prefix.
        other = by_folded.setdefault(key.lower(), key)
        if other != key:
            own = below(at, key)
            rule = f"differs from {shown(other)} in case alone, which IAM takes for one key"
            yield related_problem(own, shown(key), rule, remove_command(own), [below(at, other)])
        if key.lower() == "name" or key.lower().startswith(RESERVED_TAGS):
            rule = "is reserved: AWS, Kubernetes' controllers and this program set such tags, and act on them"
            own = below(at, key)
            yield related_problem(own, shown(key), rule, f"Choose another key. {remove_command(own)}")
    if len(cluster.tags) > TAG_LIMIT:
        rule = f"AWS takes 50 tags a resource, and leaves {TAG_LIMIT} beside those of the program"
        yield related_problem(at, f"{len(cluster.tags)} tags", rule, "Remove some.")


def _argo_rollouts_problems(cluster: Ec2Cluster) -> Iterator[RelatedProblem]:
    if cluster.argo_rollouts is None or not cluster.argo_rollouts.aws_verify_target_group:
        return
    at = f"{CLUSTER}.argoRollouts.awsVerifyTargetGroup"
    rule = (
        "the controller would ask AWS, and its pods have no role here: the metadata service of the machines answers on "
        "the nodes' own network alone (hop limit 1), and every canary by weights would wait without an end"
    )
    yield related_problem(at, "true", rule, set_command(at, "false"))
