"""Rules on services that the load balancer switches."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from switchyard.config.errors import set_command, shown
from switchyard.config.models.cluster import CLUSTER, ExistingCluster
from switchyard.config.models.service import ServiceSettings
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.config.validation.related import RelatedProblem, related_problem
from switchyard.config.validation.services import SERVICES

if TYPE_CHECKING:
    from switchyard.config.kinds import Cluster


def engine_problems(cluster: "Cluster", services: Mapping[str, ServiceSettings]) -> Iterator[RelatedProblem]:
    """Refuses a switch engine that needs a load balancer where there is none, or none with a route to the service."""
    alb = None if isinstance(cluster, ExistingCluster) else cluster.load_balancer
    routed = {route.service for route in alb.routes} if alb is not None else set()
    for name, service in services.items():
        if service.engine is SwitchEngine.SELECTOR or name in routed:
            continue
        at = f"{SERVICES}.{name}.switchEngine"
        remedy = set_command(at, SwitchEngine.SELECTOR)
        if alb is None:
            rule = f"needs {CLUSTER}.kind ec2 with a loadBalancer, whose target groups it is about"
        else:
            rule = "needs a route of the load balancer to the service"
            remedy = f"Add one to {CLUSTER}.loadBalancer.routes, - {{service: {name}}}, or take the default. {remedy}"
        reads = [f"{CLUSTER}.kind", f"{CLUSTER}.loadBalancer"]
        yield related_problem(at, shown(service.engine.value), rule, remedy, reads)
