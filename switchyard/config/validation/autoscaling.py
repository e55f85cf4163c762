"""Rules across the fields of an autoscaler's settings."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from switchyard.config.commands import below, remove_command
from switchyard.config.errors import Problem, set_command
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.service import ServiceSettings
from switchyard.config.validation.related import RelatedProblem, related_problem

if TYPE_CHECKING:
    from switchyard.config.models.ec2 import Ec2Cluster

METRICS_LAG_SECONDS = 60
"""Shortest window of scaling down.

metrics-server reports averages of up to a minute ago. Right after a switch they show the pods that now serve as idle,
and with a shorter window the autoscaler would remove them under full traffic.
"""


def autoscaling_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """Rules within the `autoscaling` of one service.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
    """
    scaling, at = service.autoscaling, f"{path}.autoscaling"
    if scaling is None:
        return
    if scaling.min > scaling.max:
        yield Problem(
            f"{at}.min",
            str(scaling.min),
            f"must not be above max, {scaling.max}",
            set_command(f"{at}.min", str(scaling.max)),
        )
    down = scaling.behavior.scale_down if scaling.behavior is not None else None
    window = down.stabilization_window_seconds if down is not None else None
    if window is not None and window < METRICS_LAG_SECONDS and down is not None and down.select_policy != "Disabled":
        key = f"{at}.behavior.scaleDown.stabilizationWindowSeconds"
        rule = (
            f"must be at least {METRICS_LAG_SECONDS}: right after a switch the metrics still show the pods that serve "
            "as idle, and a shorter window removes them under full traffic"
        )
        yield Problem(key, str(window), rule, set_command(key, "300"))


def metrics_problems(cluster: "Ec2Cluster", services: Mapping[str, ServiceSettings]) -> Iterator[RelatedProblem]:
    """Refuses an autoscaler on an EC2 cluster without metrics-server."""
    if cluster.metrics_server is not None:
        return
    for name, service in services.items():
        if service.autoscaling is not None:
            at = f"{CLUSTER}.metricsServer"
            rule = f"services.{name}.autoscaling measures by the metrics API, which the cluster would not have"
            remedy = f"The pinned chart of metrics-server is the default. {remove_command(at)}"
            yield related_problem(at, "null", rule, remedy, [below("switchyard:services", name, "autoscaling")])
