"""Whether AWS has the instance types of the node table in their zones."""

from collections.abc import Collection, Iterator, Mapping

from switchyard.config.commands import below, set_value
from switchyard.config.errors import Problem, shown
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.validation.ec2 import another_type

Offers = Mapping[str, Collection[str]]
"""Availability zones in which AWS has an instance type, by the name of the type."""

ALTERNATIVES = ("t3.medium", "m5.large", "m6i.large", "m7i.large")
"""Types that every node can have, in the order in which they are proposed. Zone us-east-1e, for example, has no T3."""


def offer_problems(cluster: Ec2Cluster, offers: Offers) -> Iterator[tuple[str, Problem]]:
    """Errors for nodes whose instance type AWS does not have in their zone, each with the name of its node.

    Args:
        cluster: settings of the cluster.
        offers: where AWS has the instance types of the nodes, and `ALTERNATIVES`.
    """
    for name, node in cluster.nodes.items():
        zones = offers.get(node.type, ())
        if node.zone in zones:
            continue
        at = below(CLUSTER, "nodes", name)
        alternative = next((type_ for type_ in ALTERNATIVES if node.zone in offers.get(type_, ())), None)
        remedies = ["Choose another type" if alternative is None else another_type(f"{at}.type", node, alternative)]
        if others := sorted(zone for zone in zones if zone in cluster.network.subnets):
            remedies.append(f"a zone that has it: {set_value(f'{at}.zone', others[0])}")
        rule = f"AWS has no such instances in {node.zone}"
        yield name, Problem(f"{at}.type", shown(node.type), rule, ", or ".join(remedies))
