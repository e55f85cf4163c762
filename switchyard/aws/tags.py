"""Tags of the resources in AWS."""

from switchyard.config.models.ec2 import Ec2Cluster

CLUSTER_TAG_PREFIX = "kubernetes.io/cluster/"
"""The key of the cluster's tag, before the name of the cluster."""


def tags(cluster: Ec2Cluster, what: str) -> dict[str, str]:
    """The settings' own tags, and the name of what has them."""
    return {**cluster.tags, "Name": f"{cluster.name}-{what}"}


def cluster_tag(cluster: Ec2Cluster) -> dict[str, str]:
    """Returns the tag by which the AWS Load Balancer Controller finds the subnets and the security group."""
    return {f"{CLUSTER_TAG_PREFIX}{cluster.name}": "owned"}
