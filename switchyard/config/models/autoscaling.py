"""Settings of the HorizontalPodAutoscaler of a service."""

from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Int, Model

MAX_REPLICAS = 100
"""Largest number of replicas of one colour. A higher number is taken for a typing error."""

DEFAULT_CPU_PERCENT = 80
"""Default target of the average CPU utilization, in percent of the requests. It is Kubernetes' own default."""

Pods = Annotated[Int, Field(ge=1, le=MAX_REPLICAS)]
Utilization = Annotated[Int, Field(ge=1, le=1000)]


class ScalingPolicy(Model):
    """One limit on the speed of scaling, as a HorizontalPodAutoscaler has it."""

    type: Literal["Pods", "Percent"] = Field(
        description="Unit of `value`: a number of pods, or a percentage of the present pods.", examples=["Pods"]
    )
    value: Annotated[Int, Field(ge=1, le=2**31 - 1)] = Field(
        description="Largest number, or percentage, of the present pods that may be added or removed in one period.",
        examples=[2],
    )
    period_seconds: Annotated[Int, Field(ge=1, le=1800)] = Field(
        default=60, description="Length of the period in seconds. Kubernetes allows at most 1800."
    )


class ScalingRules(Model):
    """How fast the autoscaler scales in one direction. A key that is not given keeps Kubernetes' default."""

    stabilization_window_seconds: Annotated[Int, Field(ge=0, le=3600)] | None = Field(
        default=None,
        description=(
            "Seconds of past recommendations that are taken into account. For scaling down it must be at least 60, "
            "because metrics lag behind a switch by up to a minute."
        ),
        examples=[300],
    )
    select_policy: Literal["Max", "Min", "Disabled"] | None = Field(
        default=None,
        description="Which of the policies decides when several apply. `Disabled` never scales in this direction.",
        examples=["Max"],
    )
    policies: tuple[ScalingPolicy, ...] = Field(
        default=(),
        description="Limits on the speed of scaling in this direction.",
        examples=[[{"type": "Pods", "value": 2, "periodSeconds": 60}]],
    )


class ScalingBehavior(Model):
    """How fast the autoscaler adds and removes pods."""

    scale_up: ScalingRules | None = Field(
        default=None, description="Limits on how fast pods are added. Without it Kubernetes' defaults apply."
    )
    scale_down: ScalingRules | None = Field(
        default=None,
        description="Limits on how fast pods are removed. Without it Kubernetes' defaults apply.",
        examples=[{"stabilizationWindowSeconds": 300}],
    )


class Autoscaling(Model):
    """Limits and targets of the HorizontalPodAutoscaler of a service."""

    min: Pods = Field(
        description="Smallest number of pods of the version that serves. It must not be above `max`.", examples=[3]
    )
    max: Pods = Field(description="Largest number of pods of the version that serves.", examples=[10])
    cpu_percent: Utilization | None = Field(
        default=None,
        description=(
            "Target of the average CPU utilization, in percent of the CPU requests. When neither target is "
            "given, it is 80."
        ),
        examples=[70],
    )
    memory_percent: Utilization | None = Field(
        default=None,
        description="Target of the average memory utilization, in percent of the memory requests.",
        examples=[80],
    )
    behavior: ScalingBehavior | None = Field(
        default=None, description="How fast the autoscaler scales. Without it Kubernetes' defaults apply."
    )

    @property
    def targets(self) -> dict[str, int]:
        """Target utilization by resource, in percent of the requests."""
        percents = {"cpu": self.cpu_percent, "memory": self.memory_percent}
        targets = {resource: percent for resource, percent in percents.items() if percent is not None}
        return targets or {"cpu": DEFAULT_CPU_PERCENT}
