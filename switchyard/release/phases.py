"""The phases of a release as one state machine, without any I/O.

::

    warm -> prove -> switch -> drain -> watch -> bake -> retire
      |       |        |         |        |       |        |
      |       |        |         +--------+-------+--------+--> rolledBack   (the old colour serves again)
      +-------+--------+-----------------------------------> refused, failed (the old colour never stopped serving)
                                                                           -> succeeded (after retire)

A release that runs is attended by a command, held, or unattended because its command has died. What an operator may do
in each of them is in `apply`, and an act that does not fit is a `TransitionError`. In every state one colour has all of
its pods and serves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from switchyard.release_errors import TransitionError


class Phase(StrEnum):
    """A phase of a release."""

    WARM = "warm"
    PROVE = "prove"
    SWITCH = "switch"
    DRAIN = "drain"
    WATCH = "watch"
    BAKE = "bake"
    RETIRE = "retire"


class Result(StrEnum):
    """The result of a release, or that it still runs."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolledBack"
    REFUSED = "refused"
    FAILED = "failed"


class Side(StrEnum):
    """One of the two colours, by its role in the release."""

    OLD = "old"
    NEW = "new"


class Event(StrEnum):
    """The outcome of a phase, an act of an operator, or the loss of the command.

    Attributes:
        PASSED: the phase succeeded.
        REFUSED: a gate, a hook or a check did not permit the step; nothing was changed by it.
        FAILED: the phase failed.
        BREACHED: the new version is worse than its limits, or another release of its group is rolled back.
        REVERTED: the old colour serves again, because somebody else has changed the selector.
        NO_VERDICT: the evidence is not enough for a verdict, for example without requests.
        LOST: the command has died in this phase before its change, or the change makes no difference.
        LOST_AFTER_CHANGE: the command has died after the change of this phase, and before it recorded it.
        HOLD: the operator, or `--hold-after`, stops the release at the end of a phase.
        RESUME: the operator continues the release.
        ABORT: the operator aborts the release.
        RETIRE: the operator ends the bake early.
        IRREVERSIBLE: a hook has started after which the old version no longer works, or may not work.
    """

    PASSED = "passed"
    REFUSED = "refused"
    FAILED = "failed"
    BREACHED = "breached"
    REVERTED = "reverted"
    NO_VERDICT = "noVerdict"
    LOST = "lost"
    LOST_AFTER_CHANGE = "lostAfterChange"
    HOLD = "hold"
    RESUME = "resume"
    ABORT = "abort"
    RETIRE = "retire"
    IRREVERSIBLE = "irreversible"


ACTS = frozenset({Event.HOLD, Event.RESUME, Event.ABORT, Event.RETIRE})
"""Events that an operator causes."""

BEFORE_SWITCH = frozenset({Phase.WARM, Phase.PROVE, Phase.SWITCH})
"""Phases in which the old colour serves."""

BOTH = frozenset(Side)


@dataclass(frozen=True)
class State:
    """The state of a release.

    Attributes:
        phase: the present phase, or the last one of a release that has ended.
        result: the result of the release, or that it is running.
        attended: whether a command runs it. A release that has ended needs none.
        held: whether the release waits for an operator.
        serving: the side that the Service selects; the new one also after a switch that was cut off, as long as a load
            balancer may send requests to it.
        full: the sides that have all of their pods, ready.
        irreversible: whether a hook has started after which the old version no longer works.
    """

    phase: Phase = Phase.WARM
    result: Result = Result.RUNNING
    attended: bool = True
    held: bool = False
    serving: Side = Side.OLD
    full: frozenset[Side] = frozenset({Side.OLD})
    irreversible: bool = False

    @property
    def ended(self) -> bool:
        """Whether the release has ended."""
        return self.result is not Result.RUNNING

    @property
    def can_roll_back(self) -> bool:
        """Whether the old colour can serve at once."""
        return self.serving is Side.NEW and Side.OLD in self.full and not self.irreversible


def apply(state: State, event: Event) -> State:
    """The state of a release after an event.

    Raises:
        TransitionError: the event does not fit the state, for example an outcome of a phase that no command runs.
    """
    after = _transition(state, event)
    if after is None:
        raise TransitionError(f"{event} does not fit a release in phase {state.phase}: {_situation(state)}")
    return after


def fitting(state: State) -> Iterator[Event]:
    """The events that are possible in a state."""
    return (event for event in Event if _transition(state, event) is not None)


def _transition(state: State, event: Event) -> State | None:
    if state.ended:
        return None
    if event in ACTS:
        return _after_act(state, event)
    if not state.attended or state.held:
        return None
    match event:
        case Event.LOST:
            return replace(state, attended=False)
        case Event.LOST_AFTER_CHANGE:
            return _after_lost_change(state)
        case Event.IRREVERSIBLE:
            return replace(state, irreversible=True) if state.phase is Phase.RETIRE else None
        case Event.PASSED:
            return _after_passed(state)
        case Event.NO_VERDICT:
            return replace(state, held=True) if state.phase is Phase.WATCH else None
        case Event.BREACHED:
            return _rolled_back(state) if state.phase is not Phase.RETIRE else None
        case Event.REVERTED:
            return _rolled_back(state) if state.phase is Phase.WATCH else None
        case _:
            return _after_setback(state, event)


def _after_act(state: State, event: Event) -> State | None:
    match event:
        case Event.HOLD:
            return None if state.held or not state.attended else replace(state, held=True)
        case Event.RESUME:
            return replace(state, held=False, attended=True) if state.held or not state.attended else None
        case Event.RETIRE:
            return replace(state, phase=Phase.RETIRE, held=False, attended=True) if state.phase is Phase.BAKE else None
        case _:
            return _after_abort(state)


def _after_abort(state: State) -> State | None:
    if state.serving is Side.NEW:
        return _rolled_back(state) if state.can_roll_back else None
    return replace(state, result=Result.FAILED, held=False)


def _after_passed(state: State) -> State:
    match state.phase:
        case Phase.WARM:
            return replace(state, phase=Phase.PROVE, full=BOTH)
        case Phase.PROVE:
            return replace(state, phase=Phase.SWITCH)
        case Phase.SWITCH:
            return replace(state, phase=Phase.DRAIN, serving=Side.NEW)
        case Phase.DRAIN:
            return replace(state, phase=Phase.WATCH)
        case Phase.WATCH:
            return replace(state, phase=Phase.BAKE)
        case Phase.BAKE:
            return replace(state, phase=Phase.RETIRE)
        case Phase.RETIRE:
            return replace(state, result=Result.SUCCEEDED, full=frozenset({Side.NEW}))


def _after_setback(state: State, event: Event) -> State | None:
    """The state after a refusal or a failure: before the switch the release ends, after it the new colour serves."""
    if state.serving is Side.OLD:
        return replace(state, result=Result.REFUSED if event is Event.REFUSED else Result.FAILED)
    if state.phase is Phase.DRAIN:
        # Connections that did not follow are counted in the receipt, and are no reason to stop.
        return replace(state, phase=Phase.WATCH) if event is Event.FAILED else None
    if state.phase is Phase.WATCH:
        return None
    # Bake and retire, and a switch whose command died after it had changed the Service: an operator decides.
    return replace(state, held=True)


def _after_lost_change(state: State) -> State | None:
    match state.phase:
        case Phase.WARM:
            return replace(state, attended=False, full=BOTH)
        case Phase.SWITCH:
            return replace(state, attended=False, serving=Side.NEW)
        case Phase.RETIRE:
            return replace(state, attended=False, full=frozenset({Side.NEW}))
        case _:
            return None


def _rolled_back(state: State) -> State | None:
    return replace(state, result=Result.ROLLED_BACK, serving=Side.OLD, held=False) if state.can_roll_back else None


def _situation(state: State) -> str:
    fits = ", ".join(fitting(state)) or "nothing, a new release may begin"
    if state.ended:
        return f"it has ended ({state.result})"
    condition = "held" if state.held else "attended by a command" if state.attended else "without its command"
    return f"it is {condition}; what fits: {fits}"
