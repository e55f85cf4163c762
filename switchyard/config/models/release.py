"""The release of a service by `switchyard deploy`."""

from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int, Model
from switchyard.config.models.drain import Drain
from switchyard.config.models.hooks import Hooks
from switchyard.config.models.receipt import ReceiptProbe
from switchyard.config.models.watch import Watch


class Release(Model):
    """What a release does besides the switch. It does not apply to Rollouts, which Argo Rollouts releases."""

    drain: Drain = Field(
        default=Drain.model_construct(), description="How connections that clients keep to the old colour are closed."
    )
    watch: Watch = Field(default=Watch.model_construct(), description="How the new version is judged after a switch.")
    bake_seconds: Annotated[Int, Field(ge=0, le=30 * 86400)] = Field(
        default=3600, description="Seconds that the old colour stays ready for a rollback once the watch has passed."
    )
    hooks: Hooks = Field(
        default=Hooks.model_construct(),
        description="Jobs and HTTP calls at defined points of a release, for example database migrations.",
    )
    receipt: ReceiptProbe = Field(
        default=ReceiptProbe.model_construct(),
        description="How the receipt of a switch determines which version answered on each node.",
    )
