"""Tags of everything in AWS."""

from switchyard.config.models.ec2 import Ec2Cluster


def tags(cluster: Ec2Cluster, what: str) -> dict[str, str]:
    """The settings' own tags, and the name of what has them."""
    return {**cluster.tags, "Name": f"{cluster.name}-{what}"}
