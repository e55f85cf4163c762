"""The load balancer that switches a service by weights, as the settings of the stack have it."""

from dataclasses import dataclass

from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.manifests.ingress_routes import parts


@dataclass(frozen=True)
class LoadBalancerRouting:
    """The load balancer that routes to a service.

    Attributes:
        region: the region of AWS.
        ingresses: names of the Ingresses of the service.
        health_seconds: how long a target takes at least to become healthy, s.
    """

    region: str
    ingresses: tuple[str, ...]
    health_seconds: int


def load_balancer_routing(cluster: Ec2Cluster, key: str) -> LoadBalancerRouting:
    """The routing of a load balancer to a service.

    Args:
        cluster: settings of the cluster, with a load balancer.
        key: the key of the service.

    Raises:
        ValueError: the cluster has no load balancer.
    """
    alb = cluster.load_balancer
    if alb is None:
        raise ValueError("the cluster has no load balancer")
    return LoadBalancerRouting(
        region=cluster.region,
        ingresses=tuple(part.name for part in parts(alb.routes) if part.service == key),
        health_seconds=alb.health_interval_seconds * alb.healthy_threshold,
    )


def switching_load_balancer(cluster: object, key: str, service: ServiceSettings) -> LoadBalancerRouting | None:
    """The load balancer whose weights a switch of a service changes; None where a switch changes the selector alone.

    Args:
        cluster: settings of the cluster.
        key: the key of the service.
        service: its settings.
    """
    if service.engine is not SwitchEngine.ALB_WEIGHTS or not isinstance(cluster, Ec2Cluster):
        return None
    return load_balancer_routing(cluster, key)
