"""Tags of the resources in AWS."""

from switchyard.config.models.ec2 import Ec2Cluster

CLUSTER_TAG_PREFIX = "kubernetes.io/cluster/"
"""The key of the cluster's tag, before the name of the cluster."""


def tags(cluster: Ec2Cluster, resource: str) -> dict[str, str]:
    """The tags of the settings, and the name of the resource."""
    return {**cluster.tags, "Name": f"{cluster.name}-{resource}"}


def cluster_tag(cluster: Ec2Cluster) -> dict[str, str]:
    """Returns the tag by which the AWS Load Balancer Controller finds the subnets and the security group."""
    return {f"{CLUSTER_TAG_PREFIX}{cluster.name}": "owned"}
