"""Routes of the load balancer to services that are deleted: they are removed before the services."""

from collections.abc import Collection

from switchyard.config.models.cluster import CLUSTER, ExistingCluster
from switchyard.config.models.ec2 import Ec2Cluster


def removed_routes(cluster: ExistingCluster | Ec2Cluster | None, removed: Collection[str]) -> frozenset[str]:
    """Paths of the routes to a service that is deleted."""
    if not isinstance(cluster, Ec2Cluster) or cluster.load_balancer is None:
        return frozenset()
    return frozenset(
        f"{CLUSTER}.loadBalancer.routes.{number}.service"
        for number, route in enumerate(cluster.load_balancer.routes)
        if route.service in removed
    )


def without_routes(cluster: ExistingCluster | Ec2Cluster, removed: Collection[str]) -> ExistingCluster | Ec2Cluster:
    """Returns the cluster without the routes to services that are deleted."""
    if not isinstance(cluster, Ec2Cluster) or cluster.load_balancer is None:
        return cluster
    routes = tuple(route for route in cluster.load_balancer.routes if route.service not in removed)
    balancer = cluster.load_balancer.model_copy(update={"routes": routes})
    return cluster.model_copy(update={"load_balancer": balancer})
