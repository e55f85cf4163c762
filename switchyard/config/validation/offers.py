"""Whether AWS has the instance types of the node table in their zones."""

from collections.abc import Collection, Iterator, Mapping

from switchyard.config.commands import below, set_value
from switchyard.config.errors import Problem, shown
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.validation.ec2 import another_type

Offers = Mapping[str, Collection[str]]
"""Availability zones in which AWS has an instance type, by the name of the type."""


def offer_problems(cluster: Ec2Cluster, offers: Offers) -> Iterator[tuple[str, Problem]]:
    """Errors for nodes whose instance type AWS does not have in their zone, each with the name of its node.

    Args:
        cluster: settings of the cluster.
        offers: where AWS has the instance types of the nodes.
    """
    for name, node in cluster.nodes.items():
        zones = offers.get(node.type, ())
        if node.zone in zones:
            continue
        at = below(CLUSTER, "nodes", name)
        remedy = another_type(f"{at}.type", node, "t3.medium")
        if others := sorted(zone for zone in zones if zone in cluster.network.subnets):
            remedy = f"{remedy}, or a zone that has it: {set_value(f'{at}.zone', others[0])}"
        yield name, Problem(f"{at}.type", shown(node.type), f"AWS has no such instances in {node.zone}", remedy)
