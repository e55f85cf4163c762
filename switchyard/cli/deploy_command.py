"""Runs `deploy`, `resume`, `abort` and `retire`, from the settings to the exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import typer

from switchyard.cli.configuration import access_to, read_settings_at_once, warn_of_ignored_errors
from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.detached_end import end_detached
from switchyard.cli.detachment import detach, is_detached, report_begun
from switchyard.cli.due_services import perhaps_due
from switchyard.cli.due_text import DueReport, end_due
from switchyard.cli.fast_lane import STATE_SECONDS, read_settings_for, service_of
from switchyard.cli.group_command import GroupCommand
from switchyard.cli.group_members import going_together
from switchyard.cli.release_cluster import check_cluster
from switchyard.cli.service_release import ServiceRelease, aborter
from switchyard.config.loader import StackSettings
from switchyard.errors import ClusterError, ExitCode, GateRefusedError, SwitchyardError
from switchyard.gates.base import raise_refusal
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.deploy.journal import LeasedDeployJournal
from switchyard.release.deploy.runner import Runner
from switchyard.release.engine.engine import EngineCommand
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Observation
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release.refusals import refuse_other_than_confirmed, refuse_strategy
from switchyard.release_errors import LeaseHeldError


def run(request: DeployRequest, state: EngineCommand) -> None:
    """Runs a command from its settings to its exit code.

    Args:
        request: what the operator has typed.
        state: the engine, which reads the outputs of the stack.
    """
    stack, settings = read_settings_for(request.act, request.stack, request.keys)
    for key in request.keys:
        service_of(key, request.act, stack, settings)  # before anything that the cluster may lack
    access = access_to(stack, settings)
    command: _Command | GroupCommand
    if request.together:
        command = GroupCommand(request, stack, settings, access, request.keys)
    else:
        command = _Command(request, stack, settings, access)
        warn_of_ignored_errors(settings, command.report.warn)
    code = asyncio.run(command.run(state))
    if code:
        raise typer.Exit(code)


def run_due(request: DeployRequest, state: EngineCommand) -> None:
    """Retires the old colour of every service whose release has baked long enough.

    Args:
        request: the request of `retire --due`, whose service is empty.
        state: the engine, which reads the outputs of the stack.
    """
    stack, settings = read_settings_at_once(request.stack)
    code = asyncio.run(_retire_due(request, stack, settings, access_to(stack, settings), state))
    if code:
        raise typer.Exit(code)


async def _retire_due(
    request: DeployRequest, stack: str, settings: StackSettings, access: ClusterAccess, state: EngineCommand
) -> ExitCode:
    worst, entries, is_any_due = ExitCode.OK, list[dict[str, Any]](), False
    # A service that is released in another way is left out; the other services are still due.
    services = {key: own for key, own in settings.services.items() if refuse_strategy(key, own, Act.RETIRE) is None}
    for key in await perhaps_due(access, services):
        own = replace(request, service=key)
        report = DueReport(own, stack, access.described, entries)
        command = _Command(own, stack, settings, access, report)
        try:
            if await command.is_due():
                is_any_due = True
                worst = max(worst, await _retire(command, report, state))
        except SwitchyardError as error:  # the other services are still due
            report.failed(error)
            is_any_due, worst = True, ExitCode.FAILED
    end_due(entries, is_any_due=is_any_due, as_json=request.as_json)
    return worst


async def _retire(command: "_Command", report: DueReport, state: EngineCommand) -> ExitCode:
    """Retires the old colour of one service, unless a window without releases is open, or another command does it."""
    if (window := await command.open_window()) is not None:
        report.waits(window)
        return ExitCode.OK
    try:
        return await command.run(state)
    except (GateRefusedError, LeaseHeldError):
        if await command.is_due():
            raise
        return ExitCode.OK


class _Command(ServiceRelease):
    """A run of one command on one service."""

    async def run(self, state: EngineCommand) -> ExitCode:
        """Runs the command, and returns its exit code."""
        cluster, request = await Cluster.connect(self.access), self.request
        journal = self.journal(cluster)
        if request.act is not Act.ABORT:  # which interrupts a detached command before it waits for the Lease
            await journal.wait_until_free()
        await self._read_again(journal)
        observation = await self.observe(cluster)
        unreachable = self.report.state_unreachable
        seconds = STATE_SECONDS[request.act]
        await check_cluster(cluster, self.access, self.stack, state, seconds, unreachable)
        releases = await journal.without_abandoned(observation.serving)
        self.refuse(releases, observation)
        if keys := await going_together(cluster.api, self.settings, request, releases.current):
            return await GroupCommand(request, self.stack, self.settings, self.access, keys).run(None)
        await self.pass_freeze(cluster, releases, observation)
        if not request.yes and not self.report.confirmed(observation):
            return ExitCode.FAILED
        if request.detach:
            return await self._detach()
        if request.act is Act.ABORT:
            await end_detached({request.service: journal}, self.report.warn)
        async with journal.sending():
            back = self.rollback_plan(releases, observation)
            async with journal.held(request.act, detached=is_detached(), back=back):
                confirmed = observation
                await self._read_again(journal)
                observation = await self.observe(cluster)
                releases = await journal.without_abandoned(observation.serving)
                self.refuse(releases, observation)  # the Lease may have been waited for
                await self.pass_freeze(cluster, releases, observation)
                if not request.yes:
                    raise_refusal(refuse_other_than_confirmed(confirmed, observation))
                record = await self._act(self.runner(cluster, journal), journal, releases, observation)
            serving = None  # the earlier reading may be outdated
            with suppress(ClusterError):
                serving = await self.observe(cluster)
            return self.report.end(record, serving, self.service.release.bake_seconds)

    async def _read_again(self, journal: LeasedDeployJournal) -> None:
        """Reads the configuration again after the wait for another command, which may have changed it."""
        if journal.waited:
            request = self.request
            self.take(*await asyncio.to_thread(read_settings_for, request.act, self.stack, request.keys))

    async def _detach(self) -> ExitCode:
        """Continues in a background process, after the steps that need the operator's terminal."""
        detached = await detach([self.request.service], self.request.confirmed_arguments(self.stack))
        self.report.detached(detached)
        return ExitCode.OK

    async def _act(
        self, runner: Runner, journal: LeasedDeployJournal, releases: RecordedReleases, observation: Observation
    ) -> ReleaseRecord:
        request = self.request
        if request.act is Act.DEPLOY:
            record = self.new_record(journal, observation)
            await journal.write(record)
            report_begun({record.service: record.id})
            return await runner.run(record, None if request.hold_after is None else Phase(request.hold_after))
        current = self.continued(releases)
        report_begun({current.service: current.id})
        acts: dict[Act, Callable[[ReleaseRecord], Awaitable[ReleaseRecord]]] = {
            Act.RESUME: runner.resume,
            Act.RETIRE: runner.retire,
            Act.ABORT: lambda record: runner.abort(record, aborter(request)),
        }
        return await acts[request.act](current)
