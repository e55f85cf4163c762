"""CPU, memory and other resources of a container, as Kubernetes quantities."""

import re
from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model, redefined
from switchyard.config.types.text import matching
from switchyard.config.types.values import Quantity

_DOMAIN = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"

EXTENDED = re.compile(
    rf"(?!(?:[^/]*\.)?kubernetes\.io/)(?!requests\.){_DOMAIN}/[A-Za-z0-9](?:[-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
)

ExtendedResource = Annotated[
    str,
    matching(
        EXTENDED.pattern,
        "must be the name of an extended resource: a domain other than kubernetes.io, / and a name | "
        "Example: nvidia.com/gpu",
    ),
]


class Requests(Model):
    """What a container requests. The scheduler counts it."""

    cpu: Quantity = Field(default="100m", description="CPU that the container requests, in cores.", examples=["250m"])
    memory: Quantity = Field(
        default="256Mi", description="Memory that the container requests, in bytes.", examples=["256Mi"]
    )
    ephemeral_storage: Quantity | None = Field(
        default=None,
        description="Disk of the node that the container requests, in bytes. Without it nothing is requested.",
        examples=["1Gi"],
    )


class Limits(Model):
    """What a container may use at most."""

    cpu: Quantity | None = Field(
        default="500m",
        description=(
            "CPU that the container may use, in cores. With null there is no limit, and the container is "
            "never throttled."
        ),
        examples=["1", None],
    )
    memory: Quantity = Field(
        default="512Mi",
        description=(
            "Memory that the container may use, in bytes. There is always a limit, because a container "
            "without one can exhaust its node."
        ),
        examples=["512Mi"],
    )
    ephemeral_storage: Quantity | None = Field(
        default=None,
        description=(
            "Disk of the node that the container may use, in bytes. Above it the pod is evicted. Without it "
            "there is no limit."
        ),
        examples=["2Gi"],
    )


class Resources(Model):
    """Requests and limits of a container."""

    requests: Requests = Field(default=Requests.model_construct(), description="What the container requests.")
    limits: Limits = Field(default=Limits.model_construct(), description="What the container may use at most.")
    extended: dict[ExtendedResource, Annotated[Int, Field(ge=1, le=1000)]] = Field(
        default={},
        description="Number of whole devices by resource name. Request and limit are equal, as Kubernetes demands.",
        examples=[{"nvidia.com/gpu": 1}],
    )


class SmallRequests(Requests):
    """What a container beside the application requests."""

    cpu: Quantity = redefined(Requests, "cpu", "10m")
    memory: Quantity = redefined(Requests, "memory", "32Mi")


class SmallLimits(Limits):
    """What a container beside the application may use at most."""

    cpu: Quantity | None = redefined(Limits, "cpu", "100m")
    memory: Quantity = redefined(Limits, "memory", "128Mi")


class SmallResources(Resources):
    """Requests and limits of a container beside the application."""

    requests: SmallRequests = redefined(Resources, "requests", SmallRequests.model_construct())
    limits: SmallLimits = redefined(Resources, "limits", SmallLimits.model_construct())
