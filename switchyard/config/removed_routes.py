"""Routes of the load balancer to services that are deleted: they are removed before the services."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from switchyard.config.models.cluster import CLUSTER, ExistingCluster

if TYPE_CHECKING:
    from switchyard.config.kinds import Cluster


def removed_routes(cluster: "Cluster | None", removed: Collection[str]) -> frozenset[str]:
    """Paths of the routes to a service that is deleted."""
    if cluster is None or isinstance(cluster, ExistingCluster) or cluster.load_balancer is None:
        return frozenset()
    return frozenset(
        f"{CLUSTER}.loadBalancer.routes.{number}.service"
        for number, route in enumerate(cluster.load_balancer.routes)
        if route.service in removed
    )


def without_routes(cluster: "Cluster", removed: Collection[str]) -> "Cluster":
    """Returns the cluster without the routes to services that are deleted."""
    if isinstance(cluster, ExistingCluster) or cluster.load_balancer is None:
        return cluster
    routes = tuple(route for route in cluster.load_balancer.routes if route.service not in removed)
    balancer = cluster.load_balancer.model_copy(update={"routes": routes})
    return cluster.model_copy(update={"load_balancer": balancer})
