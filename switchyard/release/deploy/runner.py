"""Drives a release through its phases, and writes the record before and after each of them.

`ReleaseSteps` has the actions of the phases, and `switchyard.release.phases` the consequences of their outcomes. If the
command dies, the phase in the record and the colour that the Service selects determine how to continue.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from switchyard.errors import ClusterError, EngineError, GateRefusedError
from switchyard.gates.base import Warn, raise_refusal
from switchyard.release import retries
from switchyard.release.deploy.hooks import NO_HOOKS, ReleaseHooks
from switchyard.release.deploy.progress import Progress
from switchyard.release.deploy.protocol import DeployJournal, Ended, ReleaseSteps
from switchyard.release.deploy.refusals import no_abort, no_retirement
from switchyard.release.deploy.reverted import SERVES_AGAIN
from switchyard.release.deploy.rollback import Rollback
from switchyard.release.deploy.switch_doubt import receipt_in_doubt
from switchyard.release.hooks.hooks import accepted
from switchyard.release.hooks.refusals import refuse_abort
from switchyard.release.phases import Event, Phase, Result, State, apply
from switchyard.release.record.release_record import ABORTED, PhaseRecord, ReleaseRecord
from switchyard.release.record.standing import Standing, baked_until, held_after, standing, waiting
from switchyard.release_errors import TransitionError

__all__ = ["DeployJournal", "Ended", "ReleaseSteps", "Runner"]

_SETBACKS = {Phase.DRAIN: Event.FAILED, Phase.WATCH: Event.NO_VERDICT}
"""The outcomes that replace a refusal or a failure in phases that do not have these outcomes."""

OnPhase = Callable[[PhaseRecord, Sequence[str]], None]
"""Called at the end of each phase, with the lines of the receipt at the end of the drain."""


class Runner:
    """Runs one release from its present state to its end, or until it waits for an operator.

    Args:
        journal: the record and the Lease.
        steps: the actions of the phases.
        on_phase: is called at the end of each phase.
        bake_seconds: seconds for which the old colour stays ready once the watch has passed.
        hooks: hooks of the release.
        warn: reports a warning.
    """

    def __init__(
        self,
        journal: DeployJournal,
        steps: ReleaseSteps,
        on_phase: OnPhase,
        bake_seconds: int,
        hooks: ReleaseHooks = NO_HOOKS,
        warn: Warn = lambda _: None,
    ) -> None:
        self._hooks = hooks
        self._journal = journal
        self._steps = steps
        self._on_phase = on_phase
        self._progress = Progress(journal, steps, warn)
        self._bake_seconds = bake_seconds
        self._warn = warn
        self._converges = True
        self._rollback = Rollback(journal, steps, hooks, warn)

    async def run(self, record: ReleaseRecord, hold_after: Phase | None = None) -> ReleaseRecord:
        """Runs a new release.

        Args:
            record: record of the release, which was already written.
            hold_after: the phase after which the release waits for an operator.
        """
        return await self._run_phases(record, State(phase=record.phase), hold_after)

    async def resume(self, record: ReleaseRecord) -> ReleaseRecord:
        """Continues a release whose command has died, or that is held."""
        stands = await self.standing(record)
        if stands.is_rolled_back:
            return await self._reverted(record)
        if stands.condemned:
            return await self._rollback.run(
                record, record.phases[-1].detail or "the new version is worse than accepted"
            )
        state = apply(stands.state, Event.RESUME)
        return await self._run_phases(_continued(record), state)

    async def abort(self, record: ReleaseRecord, by: str) -> ReleaseRecord:
        """Aborts a release, so that its old colour serves; `by` is the operator, with the reason if there is one.

        Raises:
            switchyard.release_errors.TransitionError: the old colour no longer has pods.
            GateRefusedError: a hook has run after which the old version no longer works.
        """
        stands = await self.standing(record)
        reason = f"{ABORTED} {by}"
        try:
            self.check_abort(record, stands)
        except TransitionError as error:
            raise TransitionError(no_abort(record, str(error))) from None
        if stands.is_rolled_back or (state := apply(stands.state, Event.ABORT)).result is Result.ROLLED_BACK:
            return await self._rollback.run(record, reason)
        await self._journal.confirm()
        remains = await self._steps.withdraw(record)
        return await self._progress.end(record, state, f"{reason}. {remains}".strip())

    def check_abort(self, record: ReleaseRecord, stands: Standing) -> None:
        """Raises the errors of `abort` for a release that cannot be aborted, before anything is changed.

        Args:
            record: record of the release.
            stands: state of the release.
        """
        if stands.is_rolled_back:
            return
        if stands.state.irreversible:
            raise_refusal(refuse_abort(record))
        apply(stands.state, Event.ABORT)

    async def roll_back(self, record: ReleaseRecord, reason: str) -> ReleaseRecord:
        """Aborts a release of a group, or holds it if its old version cannot serve."""
        stands = await self.standing(record)
        if stands.state.can_roll_back:
            return await self._rollback.run(record, reason)
        unready = f"not all pods of {record.source} are ready"
        problem = str(refuse_abort(record)) if stands.state.irreversible else unready
        return await self._rollback.held(record, reason, problem)

    async def retire(self, record: ReleaseRecord) -> ReleaseRecord:
        """Ends the bake of a release now, or continues its retirement.

        Raises:
            switchyard.errors.TransitionError: the release is not in its bake.
        """
        stands = await self.standing(record)
        if stands.is_rolled_back:
            return await self._reverted(record)
        event = Event.RESUME if stands.state.phase is Phase.RETIRE else Event.RETIRE
        try:
            state = apply(stands.state, event)
        except TransitionError:
            raise TransitionError(no_retirement(record, stands.state.phase)) from None
        return await self._run_phases(_continued(record), state)

    async def standing(self, record: ReleaseRecord) -> Standing:
        """The state of a release, from its record and the colour that serves."""
        return standing(record, await self._steps.live())

    async def _run_phases(self, record: ReleaseRecord, state: State, hold_after: Phase | None = None) -> ReleaseRecord:
        while not state.ended and not state.held:
            record = self._progress.entering(await self._converge(record, state), state.phase)
            problem = await self._progress.enter(record, state)
            if state.phase is Phase.BAKE:
                if not self._is_baked(record):
                    return record
                ended = Ended(Event.PASSED)
            else:
                record, ended = await self._with_hooks(state, record, problem)
                if record.irreversible is not None and state.phase is Phase.RETIRE:
                    state = apply(state, Event.IRREVERSIBLE)
            if ended.event in {Event.LOST, Event.LOST_AFTER_CHANGE}:
                return replace(record, detail=ended.detail)
            record = self._left(record, ended)
            if ended.event is Event.BREACHED:
                await self._rollback.condemn(record)
                return await self._rollback.run(record, ended.detail or "the new version is worse than accepted")
            if ended.event is Event.REVERTED:
                return await self._reverted(record)
            state = apply(state, ended.event)
            record = await self._written(record, state, ended, hold_after)
            if record.held:
                return record
        return record

    async def _converge(self, record: ReleaseRecord, state: State) -> ReleaseRecord:
        """Updates configuration and state before a phase after the watch, if the drain could not. Tries that once.

        Meanwhile the record and the Lease have phase bake, in which a rollback does not wait for this command. A
        configuration that had the new colour and was changed since is left as it is.
        """
        if not self._converges or state.phase not in {Phase.BAKE, Phase.RETIRE}:
            return record
        self._converges = False
        if not record.configured and not self._steps.is_configured(record):
            bakes = state.phase is Phase.BAKE
            record = self._progress.entering(record, Phase.BAKE) if bakes else replace(record, phase=Phase.BAKE)
            await self._progress.enter(record, state)
            self._warn(await self._steps.converge(record))
        return self._configured(record)

    def _configured(self, record: ReleaseRecord) -> ReleaseRecord:
        """The record after the switch, with whether the configuration has had the new colour."""
        return replace(record, configured=record.configured or self._steps.is_configured(record))

    async def _with_hooks(
        self, state: State, record: ReleaseRecord, problem: ClusterError | None
    ) -> tuple[ReleaseRecord, Ended]:
        """Runs a phase and the hooks around it. Returns the record with the hooks that were run.

        Args:
            state: state of the release.
            record: record of the release.
            problem: why the start of the phase could not be recorded; None if it was.
        """

        async def step(current: ReleaseRecord) -> Ended:
            if problem is not None and state.phase is Phase.DRAIN:  # somebody else may have taken the Lease
                return Ended(Event.FAILED, f"not done, because the phase cannot be recorded: {problem}")
            return await self._outcome(state, current)

        return await self._hooks.around(self._steps, state, record, step, lambda call: self._settled(state.phase, call))

    async def _outcome(self, state: State, record: ReleaseRecord) -> Ended:
        """Runs a phase, and turns its errors into outcomes that the phase can have."""
        steps = self._steps
        does = {
            Phase.WARM: steps.warm,
            Phase.PROVE: steps.prove,
            Phase.SWITCH: steps.switch,
            Phase.DRAIN: steps.drain,
            Phase.WATCH: steps.watch,
            Phase.RETIRE: steps.retire,
        }
        if state.phase is not Phase.SWITCH:
            return await self._settled(state.phase, does[state.phase](record))
        try:
            return await self._settled(state.phase, steps.switch(record), lost=True)
        except (ClusterError, EngineError) as error:
            return await self._after_lost_patch(record, error)

    async def _settled(self, phase: Phase, call: Awaitable[Ended], *, lost: bool = False) -> Ended:
        """The outcome of a call in a phase, with its errors as outcomes.

        Args:
            phase: the phase.
            call: the call.
            lost: whether an error may mean a lost answer, and is raised.
        """
        try:
            return await call
        except GateRefusedError as error:
            return Ended(_SETBACKS.get(phase, Event.REFUSED), str(error))
        except (ClusterError, EngineError) as error:
            if lost:
                raise
            return Ended(_SETBACKS.get(phase, Event.FAILED), str(error))

    async def _after_lost_patch(self, record: ReleaseRecord, error: Exception) -> Ended:
        """The outcome of a switch whose answer was lost: the API server may have accepted it."""
        try:
            live = await retries.until_answered(
                self._steps.live, self._progress.waits(record, "the check of what serves")
            )
        except (ClusterError, GateRefusedError):
            return Ended(Event.LOST, f"whether the Service was changed is not known: {error}")
        if live.split or live.serving != record.target:
            return Ended(Event.LOST if live.split else Event.FAILED, str(error))
        return Ended(Event.PASSED, str(error), receipt_in_doubt(record, error))

    async def _reverted(self, record: ReleaseRecord) -> ReleaseRecord:
        """Ends a release whose old colour serves again. Only a version that failed its watch is marked."""
        return await self._rollback.run(record, SERVES_AGAIN, marks=record.has_failed_watch)

    def _left(self, record: ReleaseRecord, ended: Ended) -> ReleaseRecord:
        record = record.leaving(ended.event.value, self._journal.now(), ended.detail, ended.numbers)
        if ended.receipt is not None:
            content = ended.receipt.get("content") or record.content
            record = replace(record, receipt=ended.receipt, content=content)
        if record.phase is Phase.DRAIN:
            record = self._configured(record)
        self._on_phase(record.phases[-1], ended.lines)
        return record

    async def _written(
        self, record: ReleaseRecord, state: State, ended: Ended, hold_after: Phase | None
    ) -> ReleaseRecord:
        """Writes the record after a phase, and returns it."""
        if state.ended:
            return await self._progress.end(record, state, ended.detail)
        if state.held:
            held = waiting(record, held=True, detail=ended.detail)
        elif self._holds(record, ended, hold_after):
            apply(state, Event.HOLD)
            held = replace(waiting(record, held=True, detail=held_after(hold_after)), phase=state.phase)
        else:
            return record  # the next phase writes it, with its own beginning
        return held if await self._progress.hold(held, state) else record

    def _holds(self, record: ReleaseRecord, ended: Ended, hold_after: Phase | None) -> bool:
        """Whether the operator wants the release to wait after this phase. A bad version does not wait."""
        return record.phase is hold_after and ended.event is Event.PASSED and not self._steps.is_condemned()

    def _is_baked(self, record: ReleaseRecord) -> bool:
        until = baked_until(record, self._bake_seconds)
        return until is None or self._journal.now() >= until


def _continued(record: ReleaseRecord) -> ReleaseRecord:
    """The record of a release that an operator continues; a hook that held the release no longer does."""
    return waiting(accepted(record) if record.held else record, held=False)
