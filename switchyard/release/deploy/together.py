"""Releases several services together: each by its own runner, phase by phase with the others.

Changes by the engine and of selectors are made once for all services: one preview and one update warm all versions, one
sequence of patches switches all services or none, and one refresh updates the state to the colours that serve. See
`switchyard.release.deploy.group` for how the outcome of one service affects the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from switchyard.config.commands import typed
from switchyard.errors import ClusterError, GateRefusedError, SwitchyardError
from switchyard.release.deploy.group import ReleaseGroup
from switchyard.release.deploy.hooks import ReleaseHooks, Settled, Step
from switchyard.release.deploy.protocol import DeployJournal, Ended, ReleaseSteps
from switchyard.release.deploy.reverted import SERVES_AGAIN
from switchyard.release.deploy.runner import Runner
from switchyard.release.phases import Event, Phase, Result, Side, State
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.standing import Standing
from switchyard.release_errors import TransitionError

Outcomes = dict[str, ReleaseRecord | SwitchyardError]
"""The record of each service after a command, or the error that has ended its release in this command."""


@dataclass
class GroupHooks(ReleaseHooks):
    """The hooks of one service of a group. A phase ends for a service only when it has ended for all services.

    Attributes:
        key: key of the service.
        group: the services.
        journal: journal of the service.
        hooks: hooks of the service.
    """

    key: str
    group: ReleaseGroup
    journal: DeployJournal
    hooks: ReleaseHooks

    async def around(
        self, steps: ReleaseSteps, state: State, record: ReleaseRecord, step: Step, settled: Settled
    ) -> tuple[ReleaseRecord, Ended]:
        """Runs a phase and the hooks around it. The outcome depends on all services of the group.

        Raises:
            switchyard.release_errors.LeaseLostError: a rollback of this service alone has taken its Lease.
        """
        self.group.enter(self.key, state.phase)
        if state.phase is Phase.RETIRE:
            await self.group.until_all_bake(self.key)
        record, ended = await self.hooks.around(steps, state, record, step, settled)
        if ended.event is Event.REVERTED:
            with suppress(ClusterError):  # the rollback of the group confirms the Lease again
                await self.journal.confirm()
            self.group.condemn(self.key, ended.detail or "")
            return record, ended
        return record, await self.group.agree(self.key, state.phase, ended, new=state.serving is Side.NEW)

    async def after_rollback(self, record: ReleaseRecord) -> tuple[ReleaseRecord, str | None]:
        """Runs the hooks after a rollback."""
        self.group.condemn(self.key, record.phases[-1].detail or "" if record.phases else "")
        return await self.hooks.after_rollback(record)


@dataclass(frozen=True)
class GroupMember:
    """One service of a group at the start of a command.

    Attributes:
        runner: runner of its release.
        record: record of its release.
        standing: state of its release.
    """

    runner: Runner
    record: ReleaseRecord
    standing: Standing

    @property
    def bakes(self) -> bool:
        """Whether the watch has passed, so that the release is independent of the others."""
        return not self.standing.is_rolled_back and self.standing.state.phase in {Phase.BAKE, Phase.RETIRE}

    @property
    def serves_new(self) -> bool:
        """Whether the new version serves."""
        return self.standing.state.serving is Side.NEW


async def begin(group: ReleaseGroup, parts: Mapping[str, GroupMember], hold_after: Phase | None) -> Outcomes:
    """Runs new releases, whose records are written already."""
    return await _each(group, {key: partial(part.runner.run, part.record, hold_after) for key, part in parts.items()})


async def resume(group: ReleaseGroup, parts: Mapping[str, GroupMember]) -> Outcomes:
    """Continues releases that are held or whose command has died. Releases in phase bake wait for the others."""
    for key, part in parts.items():
        if part.standing.is_rolled_back:
            group.condemn(key, SERVES_AGAIN)
        elif part.standing.condemned:
            group.condemn(key, part.record.phases[-1].detail or "")
    for key, part in parts.items():
        if part.bakes:
            group.leave(key, None)
    first = {key: part for key, part in parts.items() if not part.bakes}
    outcomes = await _each(group, {key: partial(part.runner.resume, part.record) for key, part in first.items()})
    back = next((key for key, outcome in outcomes.items() if _result(outcome) is Result.ROLLED_BACK), None)
    reached = all(_bakes(outcome) for outcome in outcomes.values())
    for key, part in parts.items():
        if not part.bakes:
            continue
        if back is not None:
            reason = f"released together with {back}, which was rolled back"
            outcomes |= await _each(group, {key: partial(part.runner.roll_back, part.record, reason)})
        elif reached:
            outcomes |= await _each(group, {key: partial(part.runner.resume, part.record)})
        else:
            outcomes[key] = part.record
    return outcomes


async def abort(group: ReleaseGroup, parts: Mapping[str, GroupMember], by: str) -> Outcomes:
    """Aborts releases: first all that serve their new version, at once, and then all others, at once.

    Args:
        group: the group.
        parts: the releases, by the key of the service.
        by: who aborts them, with the reason if there is one.

    Raises:
        switchyard.release_errors.TransitionError: one of them cannot be rolled back.
        GateRefusedError: a hook has run after which an old version no longer works.
    """
    _check_abort(parts)
    back = {key: part for key, part in parts.items() if part.serves_new or part.standing.is_rolled_back}
    others = {key: part for key, part in parts.items() if key not in back}
    for key in others:
        group.leave(key, None)
    outcomes = await _each(group, {key: partial(part.runner.abort, part.record, by) for key, part in back.items()})
    group.rejoin(others)
    return outcomes | await _each(
        group, {key: partial(part.runner.abort, part.record, by) for key, part in others.items()}
    )


def _check_abort(parts: Mapping[str, GroupMember]) -> None:
    """Raises the errors of `abort` before anything is changed, with the command that rolls back the others."""
    problems = dict[str, SwitchyardError]()
    for key, part in parts.items():
        try:
            part.runner.check_abort(part.record, part.standing)
        except (TransitionError, GateRefusedError) as error:
            problems[key] = error
    if not problems:
        return
    remedy = ""
    if able := [key for key, part in parts.items() if part.serves_new and key not in problems]:
        names, together = ", ".join(able), " --together" if len(able) > 1 else ""
        back = typed(f"switchyard rollback {' '.join(able)}{together}")
        remedy = f". To roll back {names}, and leave {', '.join(problems)} as it is: {back}"
    key, problem = next(iter(problems.items()))
    if isinstance(problem, GateRefusedError):
        raise GateRefusedError(f"{problem}{remedy}")
    on = typed(f"switchyard resume {key}")
    raise TransitionError(f"{key}: {problem}. Nothing was changed. To continue: {on}{remedy}")


async def _each(group: ReleaseGroup, runs: Mapping[str, Callable[[], Awaitable[ReleaseRecord]]]) -> Outcomes:
    """Runs releases in parallel, each to its end or until it waits for an operator."""

    async def run(key: str) -> ReleaseRecord | SwitchyardError:
        try:
            record = await runs[key]()
        except SwitchyardError as error:
            group.leave(key, Ended(Event.LOST, str(error)))
            return error
        except BaseException as error:
            group.leave(key, Ended(Event.LOST, repr(error)))
            raise
        group.leave(key, _setback(record))
        return record

    outcomes = await asyncio.gather(*map(run, runs), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, SwitchyardError):
            raise outcome
    return dict(zip(runs, outcomes, strict=True))  # type: ignore[arg-type] # no other exception is left


def _setback(record: ReleaseRecord) -> Ended | None:
    """The reason why a release stopped without success, if it affects the others; None otherwise."""
    events = {Result.ROLLED_BACK: Event.BREACHED, Result.REFUSED: Event.REFUSED, Result.FAILED: Event.FAILED}
    if record.result in events:
        return Ended(events[record.result], record.detail)
    return Ended(Event.BREACHED, record.phases[-1].detail) if record.has_failed_watch else None


def _result(outcome: ReleaseRecord | SwitchyardError) -> Result | None:
    return outcome.result if isinstance(outcome, ReleaseRecord) else None


def _bakes(outcome: ReleaseRecord | SwitchyardError) -> bool:
    """Whether the watch of a release has passed."""
    if not isinstance(outcome, ReleaseRecord):
        return False
    return outcome.result is Result.SUCCEEDED or (outcome.running and outcome.phase in {Phase.BAKE, Phase.RETIRE})
