"""The state of a release, from its record and from the cluster, which takes precedence. Pure functions."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from switchyard.kube.clock import from_text
from switchyard.release.phases import BEFORE_SWITCH, Phase, Side, State
from switchyard.release.record.release_record import ReleaseRecord


@dataclass(frozen=True)
class Live:
    """The facts about a release on the cluster.

    Attributes:
        serving: the colour that the Service selects.
        ready: the colours that have ready pods.
        split: whether a load balancer still sends requests to the other colour by its weights.
        unconfigured: the colours to which the configuration gives no pods, whether they have some or not.
    """

    serving: str
    ready: Collection[str]
    split: bool = False
    unconfigured: Collection[str] = ()


@dataclass(frozen=True)
class Standing:
    """The state of a release whose command has ended.

    Attributes:
        state: the state for the state machine of the phases.
        is_rolled_back: whether the old colour serves again after the switch of the release.
        condemned: whether the new version failed its watch, and the rollback has not been done.
    """

    state: State
    is_rolled_back: bool = False
    condemned: bool = False


def standing(record: ReleaseRecord, live: Live) -> Standing:
    """Determines the state of a release.

    Args:
        record: record of a release that runs.
        live: the facts on the cluster.
    """
    phase, serving = record.phase, Side.NEW if live.serving == record.target else Side.OLD
    if live.split and phase is Phase.SWITCH:
        serving = Side.NEW  # for the users of the load balancer, whatever the Service selects
    sides = {Side.OLD: record.source, Side.NEW: record.target}
    full = frozenset({serving, *(side for side, colour in sides.items() if colour in live.ready)})
    if serving is Side.NEW and phase in BEFORE_SWITCH:
        phase = Phase.SWITCH  # the selector is changed, and the command has died before it wrote so
    if serving is Side.OLD and phase is Phase.SWITCH:
        phase = Phase.PROVE  # what was proved may be long ago
    if serving is Side.OLD and phase is Phase.PROVE and record.target in live.unconfigured:
        phase = Phase.WARM  # an abort has died that had taken the pods out of the configuration
    irreversible = record.irreversible is not None
    state = State(phase, attended=False, held=record.held, serving=serving, full=full, irreversible=irreversible)
    return Standing(
        state,
        is_rolled_back=serving is Side.OLD and phase not in BEFORE_SWITCH,
        condemned=serving is Side.NEW and record.has_failed_watch,
    )


def baked_until(record: ReleaseRecord, bake_seconds: int) -> datetime | None:
    """The end of the bake of a release; None before the bake begins."""
    bakes = [phase for phase in record.phases if phase.phase is Phase.BAKE]
    return from_text(bakes[0].started) + timedelta(seconds=bake_seconds) if bakes else None


def waiting(record: ReleaseRecord, *, held: bool, detail: str | None = None) -> ReleaseRecord:
    """The record with `held` set, and the reason as `detail`; or with both cleared."""
    return replace(record, held=held, detail=detail if held else None)


def held_after(phase: str | None) -> str:
    """The reason of a hold by `--hold-after`."""
    return f"held after {phase}"
