"""How the connections that the old colour still holds are closed after a switch."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model
from switchyard.config.types.text import matching

DrainPath = Annotated[
    str, matching(r"/[^\s?#]*", "must be a URL path without a query that starts with / | Example: /drain-connections")
]


class DrainMethod(StrEnum):
    """What closes the connections that clients keep to the pods of the old colour.

    Attributes:
        ENDPOINT: the application, which is asked to on each pod.
        RENEW: the end of each pod, after another of the same version has taken its place.
        NONE: their owners, or the retirement of the colour.
    """

    ENDPOINT = "endpoint"
    RENEW = "renew"
    NONE = "none"


class Drain(Model):
    """How kept connections follow a switch."""

    method: DrainMethod = Field(
        default=DrainMethod.RENEW,
        description=(
            "What closes kept connections to the old colour: `renew` replaces its pods one at a time by new ones of "
            "the same version and needs nothing of the application, `endpoint` asks the application on each pod, "
            "`none` leaves them."
        ),
    )
    path: DrainPath = Field(
        default="/drain-connections",
        description="Path of the endpoint. It gets the query `?state=on` or `?state=off`.",
    )
    port: Annotated[Int, Field(ge=1, le=65535)] = Field(
        default=8001,
        description="Port of the pods on which the endpoint listens: one that the Service does not have.",
    )
    grace_seconds: Annotated[Int, Field(ge=0, le=3600)] = Field(
        default=30,
        description="Seconds that connections may take to end after a switch before the receipt counts them.",
    )
    rollback_seconds: Annotated[Int, Field(ge=1, le=3600)] | None = Field(
        default=2,
        description=(
            "With `renew`, seconds after a rollback until pods of the version that was rolled back get SIGTERM, all "
            "of them at once; requests in progress have 2 s more. `null` replaces them as after a switch."
        ),
    )
