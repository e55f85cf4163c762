"""CPU, memory and other resources of a container, as Kubernetes quantities."""

import re
from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model
from switchyard.config.types.text import matching
from switchyard.config.types.values import Quantity

_DOMAIN = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"

EXTENDED = re.compile(
    rf"(?!(?:[^/]*\.)?kubernetes\.io/)(?!requests\.){_DOMAIN}/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
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
    """What the container asks for; the scheduler counts it.

    Attributes:
        cpu: in cores.
        memory: in bytes.
        ephemeral_storage: of the node's disk, in bytes; None asks for none.
    """

    cpu: Quantity = "100m"
    memory: Quantity = "256Mi"
    ephemeral_storage: Quantity | None = None


class Limits(Model):
    """What the container may use at most.

    Attributes:
        cpu: in cores; null sets no limit, so that the container is never throttled.
        memory: in bytes. There always is one: a container without it can take the node down.
        ephemeral_storage: of the node's disk, in bytes; the pod is evicted above it. None sets no limit.
    """

    cpu: Quantity | None = "500m"
    memory: Quantity = "512Mi"
    ephemeral_storage: Quantity | None = None


class Resources(Model):
    """Resources of a container.

    Attributes:
        requests: what it asks for.
        limits: what it may use at most.
        extended: whole devices, such as ``nvidia.com/gpu``; request and limit are equal, as Kubernetes demands.
    """

    requests: Requests = Requests()
    limits: Limits = Limits()
    extended: dict[ExtendedResource, Annotated[Int, Field(ge=1, le=1000)]] = {}


class SmallRequests(Requests):
    """What a container beside the application asks for."""

    cpu: Quantity = "10m"
    memory: Quantity = "32Mi"


class SmallLimits(Limits):
    """What a container beside the application may use at most."""

    cpu: Quantity | None = "100m"
    memory: Quantity = "128Mi"


class SmallResources(Resources):
    """Resources of a container beside the application."""

    requests: SmallRequests = SmallRequests()
    limits: SmallLimits = SmallLimits()
