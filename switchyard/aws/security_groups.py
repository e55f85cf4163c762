"""The security groups of an EC2 cluster and every rule in them, as data.

A rule that names a group applies to private addresses only: a node that connects to the public address of another node
has its own public address as the source, which belongs to no group. So nodes must reach the API server by a private
address.
The VPC's name server, the time service and the metadata of a machine need no rule: AWS does not filter them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from types import MappingProxyType

from switchyard.aws.tags import cluster_tag
from switchyard.config.errors import Problem
from switchyard.config.kubernetes import API_SERVER_PORT, KUBE_PROXY_HEALTH_PORT
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.node_ports import FIRST, LAST
from switchyard.config.models.nodes import Role

GROUPS_PER_INTERFACE = 5
"""Security groups that AWS lets an interface have."""

RULES_PER_GROUP = 60
"""Rules that AWS lets a security group have, in each direction."""

ANYWHERE = IPv4Network("0.0.0.0/0")


class Group(StrEnum):
    """A security group. All machines are in NODES; the control plane is in its own as well."""

    NODES = "nodes"
    CONTROL_PLANE = "control-plane"
    LOAD_BALANCER = "load-balancer"


GROUPS_OF: Mapping[Role, tuple[Group, ...]] = MappingProxyType(
    {Role.CONTROL_PLANE: (Group.NODES, Group.CONTROL_PLANE), Role.WORKER: (Group.NODES,)}
)
"""The groups of a machine, by what it does."""

DESCRIPTIONS: Mapping[Group, str] = MappingProxyType(
    {
        Group.NODES: "All machines of the cluster",
        Group.CONTROL_PLANE: "API server and etcd",
        Group.LOAD_BALANCER: "The load balancer before the services",
    }
)
"""Description of each group. AWS cannot change a description: another text replaces the group."""


class Direction(StrEnum):
    """The direction in which a connection is opened, seen from the group."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True)
class Ports:
    """Ports of one purpose, from first to last."""

    purpose: str
    protocol: str
    first: int
    last: int
    former: str | None = None
    """Purpose that an earlier version gave these ports, if it is another."""


API_SERVER = Ports("api-server", "tcp", API_SERVER_PORT, API_SERVER_PORT)
"""Port of the API server, which kubelets, pods and administrators use."""

ETCD = Ports("etcd", "tcp", 2379, 2380)
"""Clients of etcd (2379) and its members among themselves (2380)."""

KUBELET = Ports("kubelet", "tcp", 10250, 10250)
"""Port of the kubelet, from which the API server reads logs and opens shells, and metrics-server and Prometheus read
metrics."""

KUBE_PROXY = Ports("kube-proxy", "tcp", KUBE_PROXY_HEALTH_PORT, KUBE_PROXY_HEALTH_PORT)
"""Health of kube-proxy, which the gates read through the API server.

See `switchyard/gates/rules/node_routing.py`.
"""

VXLAN = Ports("vxlan", "udp", 4789, 4789)
"""VXLAN of Calico, which carries all traffic between pods on different nodes."""

TYPHA = Ports("typha", "tcp", 5473, 5473)
"""Port of Typha, which Calico's operator runs on the network of some nodes, and to which Calico on every node
connects."""

NODE_PORTS = Ports("node-ports", "tcp", FIRST, LAST)
"""Range of the node ports of Kubernetes."""

WEBHOOK = Ports("webhook", "tcp", 9443, 9443)
"""Port of the webhook of the AWS Load Balancer Controller, on the network of its node. The API server calls it for each
Ingress."""

HTTP = Ports("http", "tcp", 80, 80)
"""HTTP. To the load balancer: requests, which it may redirect to HTTPS. From a node: Ubuntu's mirrors, whose packages
are signed."""

HTTPS = Ports("https", "tcp", 443, 443)
"""HTTPS. To a load balancer: requests. From a node: registries, package sources and the APIs of AWS."""


@dataclass(frozen=True)
class GroupRule:
    """One rule of a security group.

    Attributes:
        group: the group that has the rule.
        direction: into the group or out of it.
        ports: ports at the destination of the connection.
        peer: the other side: a group, or a network.
        description: purpose of the rule, in characters that AWS accepts.
    """

    group: Group
    direction: Direction
    ports: Ports
    peer: Group | IPv4Network
    description: str

    @property
    def name(self) -> str:
        """Name of the rule, unique in the cluster, for example ``nodes-ingress-vxlan-from-nodes``."""
        return self._named(self.ports.purpose)

    @property
    def former_name(self) -> str | None:
        """Name that an earlier version gave the rule; None if it is the same."""
        return None if self.ports.former is None else self._named(self.ports.former)

    def _named(self, purpose: str) -> str:
        side = "from" if self.direction is Direction.INGRESS else "to"
        peer = str(self.peer).replace("/", "-")
        return f"{self.group}-{self.direction}-{purpose}-{side}-{peer}"


def rules(cluster: Ec2Cluster, node_ports: Collection[int] = ()) -> tuple[GroupRule, ...]:
    """Every rule of a cluster. All other connections are denied.

    Args:
        cluster: the cluster.
        node_ports: node ports of all services behind the load balancer, when all of them are fixed; empty opens
            Kubernetes' whole range to it.
    """
    return (
        *_inside(cluster),
        *_from_administrators(cluster),
        *_to_the_internet(),
        *_load_balancer(cluster, node_ports),
    )


def problems(rules: Iterable[GroupRule]) -> list[Problem]:
    """Errors for groups with more rules than AWS accepts."""
    counts = Counter((rule.group, rule.direction) for rule in rules)
    return [
        Problem(
            "switchyard:cluster",
            f"{count} {direction} rules in security group {group}",
            f"AWS takes at most {RULES_PER_GROUP}",
            "Name fewer and wider networks in network.administrators or loadBalancer.inbound.",
        )
        for (group, direction), count in counts.items()
        if count > RULES_PER_GROUP
    ]


def group_tags(cluster: Ec2Cluster, group: Group) -> dict[str, str]:
    """The cluster's tag for the one group that all machines have, nothing for the others.

    With the tag on two groups of an interface, or on none, the controller does not know where its rules go:
    https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/security_groups/
    """
    return cluster_tag(cluster) if group is Group.NODES else {}


def _inside(cluster: Ec2Cluster) -> Iterable[GroupRule]:
    nodes, control_plane = Group.NODES, Group.CONTROL_PLANE
    yield from _between(nodes, control_plane, API_SERVER, "Kubelets and pods to the API server")
    yield from _between(control_plane, control_plane, ETCD, "API server to etcd, and etcd to etcd")
    yield from _between(nodes, nodes, KUBELET, "API server and metrics-server to kubelets")
    yield from _between(control_plane, nodes, KUBE_PROXY, "API server to the health of kube-proxy")
    yield from _between(nodes, nodes, VXLAN, "Pods to pods on other nodes, in VXLAN")
    yield from _between(nodes, nodes, TYPHA, "Calico on each node to Typha")
    if cluster.load_balancer_controller is not None:
        yield from _between(control_plane, nodes, WEBHOOK, "API server to the webhook of the load balancer controller")


def _from_administrators(cluster: Ec2Cluster) -> Iterable[GroupRule]:
    for network in dict.fromkeys(cluster.network.administrators):
        yield GroupRule(Group.CONTROL_PLANE, Direction.INGRESS, API_SERVER, network, "Administrators to the API server")


def _to_the_internet() -> Iterable[GroupRule]:
    yield GroupRule(Group.NODES, Direction.EGRESS, HTTPS, ANYWHERE, "Nodes to registries, package sources and AWS")
    yield GroupRule(Group.NODES, Direction.EGRESS, HTTP, ANYWHERE, "Nodes to package mirrors; packages are signed")


def _load_balancer(cluster: Ec2Cluster, node_ports: Collection[int]) -> Iterable[GroupRule]:
    settings = cluster.load_balancer
    if settings is None:
        return
    served = [(HTTP, "Users over HTTP")]
    if settings.certificate is not None:
        served = [(HTTP, "Users over HTTP, to be led to HTTPS"), (HTTPS, "Users over HTTPS")]
    for ports, description in served:
        for network in dict.fromkeys(settings.inbound):
            yield GroupRule(Group.LOAD_BALANCER, Direction.INGRESS, ports, network, description)
    for ports in _fixed(node_ports) or [NODE_PORTS]:
        yield from _between(Group.LOAD_BALANCER, Group.NODES, ports, "Load balancer to services, and to their health")


def _fixed(node_ports: Collection[int]) -> list[Ports]:
    """The smallest number of ranges that have these ports and no other.

    A range is named by all its ports, so that another range is another rule, which is created before this one is
    deleted. A rule that is changed would close the port of a service that still has it.
    """
    ranges: list[Ports] = []
    for port in sorted(set(node_ports)):
        purpose, former, first = f"node-port-{port}", None, port
        if ranges and ranges[-1].last == port - 1:
            first = ranges.pop().first
            purpose, former = f"node-port-{first}-{port}", f"node-port-{first}"
        ranges.append(Ports(purpose, NODE_PORTS.protocol, first, port, former))
    return ranges


def _between(source: Group, target: Group, ports: Ports, description: str) -> tuple[GroupRule, GroupRule]:
    """Both rules of one connection: egress from one group, and ingress into the other."""
    return (
        GroupRule(source, Direction.EGRESS, ports, target, description),
        GroupRule(target, Direction.INGRESS, ports, source, description),
    )
