"""The hooks of a release around the steps of its phases."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from switchyard.config.models.hooks import HookPoint, OnFailure
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import ClusterError
from switchyard.kube.api import BoundedApi
from switchyard.release.deploy.protocol import DeployJournal, Ended, ReleaseSteps
from switchyard.release.deploy.reverted import unless_reverted
from switchyard.release.hooks.calls import ClusterHookCalls
from switchyard.release.hooks.hooks import HookRuns, PointEnded, abandoned
from switchyard.release.phases import Event, Phase, Side, State
from switchyard.release.record.hook import HookRecord
from switchyard.release.record.release_record import ReleaseRecord

Step = Callable[[ReleaseRecord], Awaitable[Ended]]
"""Runs a phase, with its errors as outcomes."""

Settled = Callable[[Awaitable[Ended]], Awaitable[Ended]]
"""Awaits a call of a phase, with its errors as outcomes that fit the phase."""


class ReleaseHooks:
    """A release without hooks."""

    async def around(
        self,
        steps: ReleaseSteps,
        state: State,
        record: ReleaseRecord,
        step: Step,
        settled: Settled,  # noqa: ARG002 - of the interface
    ) -> tuple[ReleaseRecord, Ended]:
        """Runs a phase and the hooks around it.

        Args:
            steps: steps of the release.
            state: state of the release.
            record: record of the release.
            step: runs the phase.
            settled: awaits another call of the phase.

        Returns:
            The record with the hooks that were run, and how the phase ended.
        """
        ended = await step(record)
        return record, await unless_reverted(steps, record, ended) if state.phase is Phase.WATCH else ended

    async def after_rollback(self, record: ReleaseRecord) -> tuple[ReleaseRecord, str | None]:
        """Runs the hooks after a rollback. Returns the record with them, and a text about hooks that did not pass."""
        return record, None


NO_HOOKS = ReleaseHooks()


@dataclass
class DeployHooks(ReleaseHooks):
    """The hooks of a release by `switchyard deploy`.

    Attributes:
        runs: the hooks.
        journal: journal of the release.
        name: name of the service's objects.
    """

    runs: HookRuns
    journal: DeployJournal
    name: str

    async def around(
        self, steps: ReleaseSteps, state: State, record: ReleaseRecord, step: Step, settled: Settled
    ) -> tuple[ReleaseRecord, Ended]:
        """Runs a phase and the hooks around it."""
        if state.phase is Phase.WATCH:
            record, ended = await self._watched(steps, record, step)
            return record, await unless_reverted(steps, record, ended)
        hooks = PointEnded(record)
        before = await settled(self._before(steps, state, hooks))
        if before.event is not Event.PASSED:
            return hooks.record, before
        ended = await step(hooks.record)
        return hooks.record, replace(ended, detail=_joined(ended.detail, hooks.detail))

    async def after_rollback(self, record: ReleaseRecord) -> tuple[ReleaseRecord, str | None]:
        """Runs the hooks after a rollback."""
        hooks, unfinished = PointEnded(abandoned(record, self.journal.now())), None
        try:
            await self.runs.run(HookPoint.ON_ROLLBACK, self.name, hooks)
        except ClusterError as error:  # the rollback is done, and its end is written
            unfinished = _not_finished(error)
        return hooks.record, _joined(hooks.detail, unfinished)

    async def _before(self, steps: ReleaseSteps, state: State, hooks: PointEnded) -> Ended:
        """Runs the hooks that come before the step of a phase."""
        point = _point(state)
        if point is None or not self.runs.waiting(point, hooks.record):
            return Ended(Event.PASSED)
        if point is HookPoint.BEFORE_RETIRE:
            await steps.check_unused(hooks.record)  # the old version might not bear what the hooks do
        await self.runs.run(point, self.name, hooks)
        if hooks.follows is not None:
            return Ended(Event.REFUSED, hooks.detail)
        if point is HookPoint.BEFORE_SWITCH and hooks.ran:
            return await steps.prove(hooks.record)  # the hooks may have taken long, or changed what was proved
        return Ended(Event.PASSED)

    async def _watched(self, steps: ReleaseSteps, record: ReleaseRecord, step: Step) -> tuple[ReleaseRecord, Ended]:
        """Runs the hooks after a switch in parallel with the watch. The rollback of a bad version does not wait."""
        hooks = PointEnded(record)
        if steps.is_condemned() or not self.runs.waiting(HookPoint.AFTER_SWITCH, record):
            return record, await step(record)
        watching = asyncio.ensure_future(step(record))
        running = asyncio.create_task(self.runs.run(HookPoint.AFTER_SWITCH, self.name, hooks))
        condemned = asyncio.create_task(steps.until_condemned())
        try:
            await asyncio.wait({watching, running}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and watching.result().event is Event.BREACHED:
                return abandoned(hooks.record, self.journal.now()), watching.result()
            await asyncio.wait({running, condemned}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                return abandoned(hooks.record, self.journal.now()), condemned.result()
            unfinished = _unfinished(running)
            if hooks.follows is not None:
                follows = Event.BREACHED if hooks.follows is OnFailure.ROLLBACK else Event.NO_VERDICT
                return hooks.record, Ended(follows, hooks.detail)
            ended = await watching
            if unfinished is not None and ended.event is Event.PASSED:
                ended = replace(ended, event=Event.NO_VERDICT)
            return hooks.record, replace(ended, detail=_joined(ended.detail, hooks.detail, unfinished))
        finally:
            await _cancelled(running)
            await _cancelled(watching)
            await _cancelled(condemned)


class HookReport(Protocol):
    """Interface for reports about hooks."""

    def warn(self, line: str) -> None:
        """Reports a hook that did not pass."""

    def hook_ended(self, hook: HookRecord) -> None:
        """Reports the end of a hook."""


def release_hooks(
    service: BlueGreenSettings, name: str, api: BoundedApi, journal: DeployJournal, report: HookReport
) -> ReleaseHooks:
    """The hooks of a service on a cluster.

    Args:
        service: settings of the service.
        name: name of the service's objects.
        api: the API server.
        journal: journal of the release.
        report: receives the reports about hooks.
    """
    hooks = service.release.hooks
    if not any(hooks.all()):
        return NO_HOOKS
    calls = ClusterHookCalls(api, service, journal.now)
    return DeployHooks(HookRuns(hooks, calls, journal, report.warn, report.hook_ended), journal, name)


def _point(state: State) -> HookPoint | None:
    """The hook point before the step of a phase; None without one, or if it has passed."""
    if state.phase is Phase.SWITCH:
        return HookPoint.BEFORE_SWITCH if state.serving is Side.OLD else None
    return {Phase.WARM: HookPoint.BEFORE_WARM, Phase.RETIRE: HookPoint.BEFORE_RETIRE}.get(state.phase)


async def _cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancels a task whose result is no longer needed, and ignores its error."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _unfinished(running: "asyncio.Task[None]") -> str | None:
    """A text about hooks that ended with an error in parallel with the watch, which continues."""
    try:
        running.result()
    except ClusterError as error:
        return _not_finished(error)
    return None


def _not_finished(error: ClusterError) -> str:
    return f"the hooks are not finished: {error}"


def _joined(*texts: str | None) -> str | None:
    return ". ".join(text for text in texts if text) or None
