"""Drives a release through its phases, and writes the record before and after each of them.

What a phase does is in `Steps`; what follows from its outcome is in `switchyard.release.phases`. Whenever the command
dies, the record says which phase had begun, the Service says which colour serves, and both together say how to go on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from switchyard.errors import ClusterError, EngineError, GateRefusedError
from switchyard.release.phases import Event, Phase, Result, State, apply
from switchyard.release.record import PhaseRecord, ReleaseRecord
from switchyard.release.standing import Live, Standing, baked_until, held_after, standing, waiting


@dataclass(frozen=True)
class Ended:
    """How a phase ended.

    Attributes:
        event: the outcome.
        detail: the numbers, or the reason, in words.
        receipt: of the switch, where the phase has one.
    """

    event: Event
    detail: str | None = None
    receipt: dict[str, Any] | None = None


class Ledger(Protocol):
    """The record of a release under the Lease of its service. Each call ends the command if the Lease is lost."""

    def now(self) -> datetime:
        """The time by the API server's clock."""

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease."""

    async def enter(self, record: ReleaseRecord) -> None:
        """Writes that a phase has begun, to the record and to the Lease."""

    async def write(self, record: ReleaseRecord) -> None:
        """Writes the record; one that has ended enters the history."""


class Steps(Protocol):
    """What each phase does. A step may be done again after it was interrupted anywhere."""

    async def live(self) -> Live:
        """Reads what serves, and which colours have ready pods."""

    async def warm(self, record: ReleaseRecord) -> Ended:
        """Creates the pods of the new version in the idle colour, and waits until they are ready."""

    async def prove(self, record: ReleaseRecord) -> Ended:
        """Has the gates judge the new version before it serves."""

    async def switch(self, record: ReleaseRecord) -> Ended:
        """Has the Service select the new colour."""

    async def drain(self, record: ReleaseRecord) -> Ended:
        """Ends the connections to the old colour, and brings configuration and state to what serves."""

    async def watch(self, record: ReleaseRecord) -> Ended:
        """Judges the new version by its requests and its pods."""

    async def retire(self, record: ReleaseRecord) -> Ended:
        """Deletes the pods of the old colour, which gets no more requests."""

    async def roll_back(self, record: ReleaseRecord, reason: str) -> Ended:
        """Has the Service select the old colour again, if it does not, and writes which version was rolled back."""

    async def withdraw(self, record: ReleaseRecord) -> str:
        """Deletes the pods of a new version that has not served. Returns what remains, in words."""


_SETBACKS = {Phase.DRAIN: Event.FAILED, Phase.WATCH: Event.NO_VERDICT}
"""The outcome of an error in a phase that has no refusal, or no failure."""

OnPhase = Callable[[PhaseRecord], None]
"""Is called at the end of each phase."""


class Runner:
    """One release, from the state that it is in to its end, or to where it waits for an operator.

    Args:
        ledger: the record and the Lease.
        steps: what the phases do.
        on_phase: is called at the end of each phase.
        bake_seconds: how long the old colour stays ready once the watch has passed.
    """

    def __init__(self, ledger: Ledger, steps: Steps, on_phase: OnPhase, bake_seconds: int) -> None:
        self._ledger = ledger
        self._steps = steps
        self._on_phase = on_phase
        self._bake_seconds = bake_seconds

    async def run(self, record: ReleaseRecord, hold_after: Phase | None = None) -> ReleaseRecord:
        """Runs a new release.

        Args:
            record: that has been written already.
            hold_after: the phase after which it waits for an operator.
        """
        return await self._go_on(record, State(phase=record.phase), hold_after)

    async def resume(self, record: ReleaseRecord) -> ReleaseRecord:
        """Continues a release whose command has died, or that is held."""
        stands = await self._standing(record)
        if stands.taken_back:
            return await self._roll_back(record, "the old colour serves again")
        if stands.condemned:
            return await self._roll_back(record, record.phases[-1].detail or "the new version was condemned")
        state = apply(stands.state, Event.RESUME)
        return await self._go_on(waiting(record, held=False), state)

    async def abort(self, record: ReleaseRecord, by: str) -> ReleaseRecord:
        """Takes a release back: its old colour serves.

        Raises:
            switchyard.errors.TransitionError: the old colour has no pods any more.
        """
        stands = await self._standing(record)
        reason = f"aborted by {by}"
        if stands.taken_back:
            return await self._roll_back(record, reason)
        after = apply(stands.state, Event.ABORT)
        if after.result is Result.ROLLED_BACK:
            return await self._roll_back(record, reason)
        await self._ledger.confirm()
        remains = await self._steps.withdraw(record)
        return await self._end(record, Result.FAILED, f"{reason}. {remains}".strip())

    async def retire(self, record: ReleaseRecord) -> ReleaseRecord:
        """Ends the bake of a release now, or continues its retirement.

        Raises:
            switchyard.errors.TransitionError: it does not bake.
        """
        stands = await self._standing(record)
        if stands.taken_back:
            return await self._roll_back(record, "the old colour serves again")
        event = Event.RESUME if stands.state.phase is Phase.RETIRE else Event.RETIRE
        return await self._go_on(waiting(record, held=False), apply(stands.state, event))

    async def _standing(self, record: ReleaseRecord) -> Standing:
        return standing(record, await self._steps.live())

    async def _go_on(self, record: ReleaseRecord, state: State, hold_after: Phase | None = None) -> ReleaseRecord:
        while not state.ended and not state.held:
            record = await self._entered(record, state.phase)
            if state.phase is Phase.BAKE:
                if not self._is_baked(record):
                    return record
                ended = Ended(Event.PASSED)
            else:
                ended = await self._outcome(state, record)
            if ended.event in {Event.LOST, Event.LOST_AFTER_CHANGE}:
                return replace(record, detail=ended.detail)
            record = self._left(record, ended)
            if ended.event is Event.BREACHED:
                await self._ledger.write(record)
                return await self._roll_back(record, ended.detail or "the new version was condemned")
            state = apply(state, ended.event)
            record = await self._written(record, state, ended, hold_after)
            if record.held:
                return record
        return record

    async def _entered(self, record: ReleaseRecord, phase: Phase) -> ReleaseRecord:
        last = record.phases[-1] if record.phases else None
        if last is None or last.phase is not phase or last.ended is not None:
            record = record.entering(phase, self._ledger.now())
        await self._ledger.enter(record)
        return record

    async def _outcome(self, state: State, record: ReleaseRecord) -> Ended:
        """Runs a phase, and turns its errors into outcomes that fit it."""
        steps = self._steps
        does = {
            Phase.WARM: steps.warm,
            Phase.PROVE: steps.prove,
            Phase.SWITCH: steps.switch,
            Phase.DRAIN: steps.drain,
            Phase.WATCH: steps.watch,
            Phase.RETIRE: steps.retire,
        }
        await self._ledger.confirm()
        try:
            return await does[state.phase](record)
        except GateRefusedError as error:
            return Ended(_SETBACKS.get(state.phase, Event.REFUSED), str(error))
        except (ClusterError, EngineError) as error:
            if state.phase is Phase.SWITCH:
                return await self._after_lost_patch(record, error)
            return Ended(_SETBACKS.get(state.phase, Event.FAILED), str(error))

    async def _after_lost_patch(self, record: ReleaseRecord, error: Exception) -> Ended:
        """The outcome of a switch whose answer was lost: the API server may have accepted it."""
        try:
            live = await self._steps.live()
        except ClusterError:
            detail = f"whether the Service was changed is not known: {error}"
            return Ended(Event.LOST, detail)
        return Ended(Event.PASSED if live.serving == record.target else Event.FAILED, str(error))

    def _left(self, record: ReleaseRecord, ended: Ended) -> ReleaseRecord:
        record = record.leaving(ended.event.value, self._ledger.now(), ended.detail)
        if ended.receipt is not None:
            content = ended.receipt.get("content") or record.content
            record = replace(record, receipt=ended.receipt, content=content)
        self._on_phase(record.phases[-1])
        return record

    async def _written(
        self, record: ReleaseRecord, state: State, ended: Ended, hold_after: Phase | None
    ) -> ReleaseRecord:
        """The record after a phase, as it was written."""
        if state.ended:
            return await self._end(record, state.result, ended.detail)
        if state.held:
            record = waiting(record, held=True, detail=ended.detail)
        elif hold_after is not None and record.phase is hold_after and ended.event is Event.PASSED:
            apply(state, Event.HOLD)
            record = replace(waiting(record, held=True, detail=held_after(hold_after)), phase=state.phase)
        else:
            return record  # the next phase writes it, with its own beginning
        await self._ledger.write(record)
        return record

    async def _end(self, record: ReleaseRecord, result: Result, detail: str | None) -> ReleaseRecord:
        record = record.ending(result, self._ledger.now(), detail)
        await self._ledger.write(record)
        return record

    async def _roll_back(self, record: ReleaseRecord, reason: str) -> ReleaseRecord:
        """Goes back to the old colour. Where that fails, the release is held, and `abort` tries again."""
        await self._ledger.confirm()
        try:
            ended = await self._steps.roll_back(record, reason)
        except (ClusterError, GateRefusedError) as error:
            record = waiting(record, held=True, detail=f"{reason}. The rollback is not done: {error}")
            await self._ledger.write(record)
            return record
        record = replace(record, receipt=ended.receipt or record.receipt)
        return await self._end(record, Result.ROLLED_BACK, f"{reason}. {ended.detail or ''}".strip())

    def _is_baked(self, record: ReleaseRecord) -> bool:
        until = baked_until(record, self._bake_seconds)
        return until is None or self._ledger.now() >= until
