"""A release by Argo Rollouts' own blue/green: the promotion, and the analyses before and after it."""

from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.models.canary import Analysis
from switchyard.config.models.rollout_wait import DeadlineAbort, UpdateEnd, WaitSeconds

Delay = Annotated[Int, Field(ge=0, le=7 * 24 * 3600)]


class AutoPromotion(Model):
    """Whether the controller promotes a new version automatically."""

    enabled: Bool = Field(
        default=True,
        description=(
            "Whether the new version is promoted as soon as it is ready. With false it waits for `kubectl "
            "argo rollouts promote`."
        ),
    )
    delay_seconds: Delay = Field(
        default=0, description="Seconds that the new version waits, ready, before it is promoted.", examples=[300]
    )


class ArgoBlueGreen(Model):
    """A release under `strategy: argoBlueGreen`, which Argo Rollouts switches to the new version all at once."""

    auto_promotion: AutoPromotion = Field(
        default=AutoPromotion.model_construct(),
        description="Whether the controller promotes a new version automatically, and after which delay.",
    )
    pre_promotion: Analysis | None = Field(
        default=None,
        description=(
            "Analysis that must succeed before the new version takes the traffic. Without it nothing is measured."
        ),
        examples=[{"count": 5, "intervalSeconds": 60}],
    )
    post_promotion: Analysis | None = Field(
        default=None,
        description=(
            "Analysis of the new version while it serves. When it fails, the controller rolls back to the old version."
        ),
        examples=[{"count": 5, "intervalSeconds": 60}],
    )
    preview_replica_count: Annotated[Int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description=(
            "Pods of the new version until it is promoted. Without it the new version has all of its pods "
            "from the start."
        ),
        examples=[1],
    )
    scale_down_delay_seconds: Delay = Field(
        default=30,
        description=(
            "Seconds for which the old version keeps its pods after the promotion and its analysis. A "
            "rollback within that time starts no new pods. Below 30 s a node may still send new connections "
            "to the old pods."
        ),
    )
    abort_scale_down_delay_seconds: Delay = Field(
        default=30, description="Seconds for which an aborted version keeps its pods. 0 keeps them without a limit."
    )
    progress_deadline_abort: DeadlineAbort = True
    wait: UpdateEnd = "progressing"
    wait_seconds: WaitSeconds = 3600
