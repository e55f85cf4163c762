"""How long an update waits for a Rollout of Argo Rollouts, and whether a Rollout without progress is aborted."""

from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Bool, Int

DeadlineAbort = Annotated[
    Bool,
    Field(description="Whether a version whose pods do not become ready within `progressDeadlineSeconds` is aborted."),
]

UpdateEnd = Annotated[
    Literal["progressing", "finished"],
    Field(
        description=(
            "When an update ends: `progressing` as soon as the Rollout has started, `finished` when it has "
            "succeeded or was aborted."
        )
    ),
]

WaitSeconds = Annotated[
    Int,
    Field(
        ge=1,
        le=7 * 24 * 3600,
        description="Seconds that an update waits for the end of the Rollout, under `wait: finished`.",
    ),
]
