"""How Argo Rollouts brings a new version to the users all at once, and what must hold before and after."""

from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Bool, Int, Model
from switchyard.config.models.canary import Analysis

Delay = Annotated[Int, Field(ge=0, le=7 * 24 * 3600)]


class AutoPromotion(Model):
    """Whether the controller promotes by itself.

    Attributes:
        enabled: False waits for `kubectl argo rollouts promote`.
        delay_seconds: how long the new version waits, ready, before it is promoted, s.
    """

    enabled: Bool = True
    delay_seconds: Delay = 0


class ArgoBlueGreen(Model):
    """How a release goes.

    Attributes:
        auto_promotion: whether the controller promotes by itself, and when.
        pre_promotion: an analysis that must succeed before the new version takes the traffic; None measures nothing.
        post_promotion: an analysis of the new version while it serves; the old one comes back when it fails.
        preview_replica_count: pods of the new version until it is promoted; None takes all.
        scale_down_delay_seconds: how long the old version keeps its pods after the new one has proved itself, s.
            Within it the way back takes no new pods. Below 30 s a node may still send new connections to them.
        abort_scale_down_delay_seconds: how long a version that was given up keeps its pods, s; 0 keeps them.
        progress_deadline_abort: whether a version whose pods do not get ready is given up.
        wait: whether an update ends when the Rollout is on its way, or when it has ended, well or badly.
        wait_seconds: how long it waits for that end, s.
    """

    auto_promotion: AutoPromotion = AutoPromotion()
    pre_promotion: Analysis | None = None
    post_promotion: Analysis | None = None
    preview_replica_count: Annotated[Int, Field(ge=1, le=100)] | None = None
    scale_down_delay_seconds: Delay = 30
    abort_scale_down_delay_seconds: Delay = 30
    progress_deadline_abort: Bool = True
    wait: Literal["progressing", "finished"] = "progressing"
    wait_seconds: Annotated[Int, Field(ge=1, le=7 * 24 * 3600)] = 3600
