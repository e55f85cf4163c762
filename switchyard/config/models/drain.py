"""How the connections that the old colour still holds are closed after a switch."""

from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model


class Drain(Model):
    """How kept connections follow a switch."""

    grace_seconds: Annotated[Int, Field(ge=0, le=3600)] = Field(
        default=30,
        description="Seconds that connections may take to end after a switch before the receipt counts them.",
    )
