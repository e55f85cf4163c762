"""How a new version is judged after a switch."""

from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model


class Watch(Model):
    """What the requests of the new colour must be like after a switch."""

    seconds: Annotated[Int, Field(ge=0, le=86400)] = Field(
        default=300, description="Seconds that the new colour is watched after a switch. 0 watches nothing."
    )
