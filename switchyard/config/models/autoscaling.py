"""How a HorizontalPodAutoscaler sizes a service."""

from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Int, Model

MAX_REPLICAS = 100
"""Replicas of one colour: beyond the pods that one node of default kubelet settings takes, so a typing error."""

DEFAULT_CPU_PERCENT = 80
"""Average CPU utilization that is aimed at where no target is given: Kubernetes' own default, percent of requests."""

Pods = Annotated[Int, Field(ge=1, le=MAX_REPLICAS)]
Utilization = Annotated[Int, Field(ge=1, le=1000)]


class ScalingPolicy(Model):
    """One limit on the speed of scaling.

    Attributes:
        type: whether `value` counts pods or percent of the present pods.
        value: how much may change within a period.
        period_seconds: length of the period, s; Kubernetes allows at most 1800.
    """

    type: Literal["Pods", "Percent"]
    value: Annotated[Int, Field(ge=1)]
    period_seconds: Annotated[Int, Field(ge=1, le=1800)] = 60


class ScalingRules(Model):
    """How fast the autoscaler goes in one direction. What is not given keeps Kubernetes' default.

    Attributes:
        stabilization_window_seconds: how far back earlier recommendations count, s.
        select_policy: which of the policies decides; `Disabled` never scales in this direction.
        policies: the limits.
    """

    stabilization_window_seconds: Annotated[Int, Field(ge=0, le=3600)] | None = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: tuple[ScalingPolicy, ...] = ()


class ScalingBehavior(Model):
    """How fast the autoscaler adds and removes pods."""

    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


class Autoscaling(Model):
    """Limits and targets of the HorizontalPodAutoscaler of a service.

    Attributes:
        min: fewest pods of what serves.
        max: most pods of what serves.
        cpu_percent: average CPU utilization that is aimed at, percent of the CPU requests. 80 when no target is given.
        memory_percent: average memory utilization that is aimed at, percent of the memory requests.
        behavior: how fast it scales; None keeps Kubernetes' defaults.
    """

    min: Pods
    max: Pods
    cpu_percent: Utilization | None = None
    memory_percent: Utilization | None = None
    behavior: ScalingBehavior | None = None

    @property
    def targets(self) -> dict[str, int]:
        """The utilization that is aimed at, percent of requests, by resource."""
        given = {"cpu": self.cpu_percent, "memory": self.memory_percent}
        targets = {resource: percent for resource, percent in given.items() if percent is not None}
        return targets or {"cpu": DEFAULT_CPU_PERCENT}
