"""How connections that clients keep open to the old colour are closed after a switch."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model
from switchyard.config.types.text import matching

DrainPath = Annotated[
    str, matching(r"/[^\s?#]*", "must be a URL path without a query that starts with / | Example: /drain-connections")
]


class DrainMethod(StrEnum):
    """How connections that clients keep open to the pods of the old colour are closed.

    Attributes:
        ENDPOINT: the application closes them, when an endpoint of each pod is called.
        RENEW: each pod is replaced by a new pod of the same version, which closes its connections.
        NONE: they stay until the clients close them or the colour is retired.
    """

    ENDPOINT = "endpoint"
    RENEW = "renew"
    NONE = "none"


class Drain(Model):
    """How kept connections are closed after a switch or a rollback."""

    method: DrainMethod = Field(
        default=DrainMethod.RENEW,
        description=(
            "How kept connections to the old colour are closed: `renew` replaces its pods one at a time by new pods of "
            "the same version and needs nothing from the application, `endpoint` calls an endpoint of each pod, "
            "`none` leaves the connections open."
        ),
    )
    path: DrainPath = Field(
        default="/drain-connections",
        description="Path of the endpoint. It is called with the query `?state=on` or `?state=off`.",
    )
    port: Annotated[Int, Field(ge=1, le=65535)] = Field(
        default=8001,
        description="Port of the pods on which the endpoint listens. It must not be a port of the Service.",
    )
    grace_seconds: Annotated[Int, Field(ge=0, le=3600)] = Field(
        default=30,
        description="Seconds for connections to end after a switch. The receipt counts those that are left then.",
    )
    rollback_seconds: Annotated[Int, Field(ge=1, le=3600)] | None = Field(
        default=2,
        description=(
            "With `renew`: seconds after a rollback until all pods of the version that was rolled back get SIGTERM; "
            "requests in progress then have 2 s to end. With `null`, these pods are replaced as after a switch."
        ),
    )
