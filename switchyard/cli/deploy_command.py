"""`deploy`, `resume`, `abort` and `retire` from the settings to the exit code."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import typer

from switchyard.cli.configuration import access_to, read_settings_at_once
from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import DeployReport
from switchyard.cli.detachment import detach, is_detached, report_begun
from switchyard.cli.fast_lane import STATE_SECONDS, service_of
from switchyard.cli.release_cluster import check_cluster, observe_service
from switchyard.config.loader import StackSettings
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import ClusterError, ExitCode, SwitchyardError
from switchyard.gates.base import raise_refusal
from switchyard.gates.freeze import read_open_window
from switchyard.gates.rules.freeze import report_not_retired
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.rolled_back import find_rolled_back
from switchyard.release.deploy import Runner
from switchyard.release.deploy_hooks import release_hooks
from switchyard.release.deploy_ledger import DeployLedger
from switchyard.release.deploy_refusals import refuse_no_release, refuse_returned, refuse_serves, refuse_unfinished
from switchyard.release.deploy_steps import ClusterSteps, ReleaseContext
from switchyard.release.detached_holder import interrupt
from switchyard.release.engine import Answer, Engine
from switchyard.release.freeze import combined, is_stopped, pass_freeze
from switchyard.release.hooks import holding
from switchyard.release.lease_holder import Holder
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Observation
from switchyard.release.record import ReleaseRecord
from switchyard.release.refusals import refuse_other_than_confirmed
from switchyard.release.standing import baked_until
from switchyard.release.store import Releases
from switchyard.release.subscriptions import Subscriptions

INTERRUPT_SECONDS = 120.0
"""How long an abort waits for the end of a detached command that it has interrupted: the engine ends in order."""


def run(request: DeployRequest, state: Answer) -> None:
    """Runs a command from its settings to its exit code.

    Args:
        request: what the operator has typed.
        state: the engine, which reads the outputs of the stack.
    """
    stack, settings = read_settings_at_once(request.stack)
    service = service_of(request.service, request.act, stack, settings)
    access = access_to(stack, settings)
    subscriptions = Subscriptions.of(stack, settings.releases, request.service)
    command = _Command(request, stack, service, access, subscriptions)
    command.freezes = settings.releases.freeze
    code = asyncio.run(command.run(state))
    if code:
        raise typer.Exit(code)


def run_due(request: DeployRequest, state: Answer) -> None:
    """Retires the old colour of every service whose release has baked long enough.

    Args:
        request: with an empty service.
        state: the engine, which reads the outputs of the stack.
    """
    stack, settings = read_settings_at_once(request.stack)
    code = asyncio.run(_retire_due(request, stack, settings, access_to(stack, settings), state))
    if code:
        raise typer.Exit(code)


async def _retire_due(
    request: DeployRequest, stack: str, settings: StackSettings, access: ClusterAccess, state: Answer
) -> ExitCode:
    worst, due = ExitCode.OK, 0
    for key, service in settings.services.items():
        if not isinstance(service, BlueGreenSettings):
            continue
        subscriptions = Subscriptions.of(stack, settings.releases, key)
        command = _Command(DeployRequest(**{**vars(request), "service": key}), stack, service, access, subscriptions)
        command.freezes = settings.releases.freeze
        try:
            if not await command.is_due():
                continue
            due += 1
            if await command.waits_for_window():
                continue
            worst = max(worst, await command.run(state))
        except SwitchyardError as error:  # the others are not less due
            command.report.failed(error)
            worst = ExitCode.FAILED
    if not due:
        DeployReport(request, stack, access.described).nothing_due()
    return worst


class _Command:
    """One command on one service."""

    freezes: tuple[Freeze, ...] = ()
    """The windows of the stack without releases."""
    _override: str | None = None
    """What the record is to have of an operator who goes on although releases are frozen."""

    def __init__(
        self,
        request: DeployRequest,
        stack: str,
        service: BlueGreenSettings,
        access: ClusterAccess,
        subscriptions: Subscriptions,
    ) -> None:
        self._request = request
        self._subscriptions = subscriptions
        self._stack = stack
        self._service = service
        self._name = service.named(request.service)
        self._access = access
        self.report = DeployReport(request, stack, access.described)

    async def is_due(self) -> bool:
        """Whether the release of the service has baked long enough. Messages of earlier commands are sent."""
        cluster = await Cluster.connect(self._access)
        ledger = self._ledger(cluster)
        async with ledger.sending():
            return await self._is_due(ledger)

    async def _is_due(self, ledger: DeployLedger) -> bool:
        current = (await ledger.read()).current
        if current is None or not current.running or current.kind != Act.DEPLOY:
            return False
        if current.held and holding(current) is not None:
            return False  # an operator decides what a hook that did not pass means
        if current.phase is Phase.RETIRE:
            return True
        if current.held:
            return False  # an operator decides, who may want the old colour back
        until = baked_until(current, self._service.release.bake_seconds)
        return until is not None and await ledger.ask_time() >= until

    async def waits_for_window(self) -> bool:
        """Whether the retirement that is due waits for the end of a window, which is reported."""
        cluster = await Cluster.connect(self._access)
        window = await read_open_window(cluster.api, self.freezes, self._request.service)
        if window is not None:
            self.report.warn(report_not_retired(self._request.service, window))
        return window is not None

    async def run(self, state: Answer) -> ExitCode:
        """Runs the command, and returns its exit code."""
        cluster = await Cluster.connect(self._access)
        ledger = self._ledger(cluster)
        if self._request.act is not Act.ABORT:  # which ends a command that can be ended before it waits for one
            await ledger.wait_until_free()
        await self._read_again(ledger)
        observation = await self._observe(cluster)
        unreachable = self.report.state_unreachable
        seconds = STATE_SECONDS[self._request.act]
        await check_cluster(cluster, self._access, self._stack, state, seconds, unreachable)
        releases = await ledger.read()
        self._refuse(releases, observation)
        await self._pass_freeze(cluster, releases, observation)
        if not self._request.yes and not self.report.confirmed(observation):
            return ExitCode.FAILED
        if self._request.detach:
            return await self._detach()
        if self._request.act is Act.ABORT:
            await self._end_detached(ledger)
        async with ledger.sending():
            async with ledger.held(self._request.act, detached=is_detached()):
                releases, confirmed = await ledger.read(), observation
                await self._read_again(ledger)
                observation = await self._observe(cluster)
                self._refuse(releases, observation)  # the Lease may have been waited for
                await self._pass_freeze(cluster, releases, observation)
                if not self._request.yes:
                    raise_refusal(refuse_other_than_confirmed(confirmed, observation))
                record = await self._act(self._runner(cluster, ledger), ledger, releases, observation)
            with suppress(ClusterError):
                observation = await self._observe(cluster)
            return self.report.end(record, observation, self._service.release.bake_seconds)

    async def _read_again(self, ledger: DeployLedger) -> None:
        """Reads the configuration again when another command was waited for, which writes it."""
        if ledger.waited:
            stack, settings = await asyncio.to_thread(read_settings_at_once, self._stack)
            self._service = service_of(self._request.service, self._request.act, stack, settings)
            self.freezes = settings.releases.freeze

    async def _detach(self) -> ExitCode:
        """Has a process without a terminal go on, once everything that needs an operator is done."""
        detached = await detach(self._request.service, self._request.confirmed_arguments(self._stack))
        self.report.detached(detached)
        return ExitCode.OK

    async def _end_detached(self, ledger: DeployLedger) -> None:
        """Ends a detached command that changes pods at present. One that does not loses its Lease at once."""
        held = await ledger.holder()
        if held is None or not interrupt(held):
            return
        self.report.warn(f"{self._request.service}: interrupts {held.described(ledger.now())}")
        if not held.may_be_interrupted:
            await ledger.wait_for_end(held, INTERRUPT_SECONDS)

    def _ledger(self, cluster: Cluster) -> DeployLedger:
        namespace, wait = self._service.namespace, self._request.wait
        return DeployLedger(
            cluster.api, namespace, self._name, self.report.warn, wait=wait, subscriptions=self._subscriptions
        )

    def _runner(self, cluster: Cluster, ledger: DeployLedger) -> Runner:
        place = ReleaseContext(
            access=self._access,
            cluster=cluster,
            engine=Engine(self._stack),
            stack=self._stack,
            observe=lambda: self._observe(cluster),
            warn=self.report.warn,
            on_tick=self.report.tick,
        )
        steps = ClusterSteps(place, ledger, self._service)
        hooks = release_hooks(self._service, self._name, cluster.api, ledger, self.report)
        return Runner(ledger, steps, self.report.phase_ended, self._service.release.bake_seconds, hooks)

    async def _observe(self, cluster: Cluster) -> Observation:
        return await observe_service(cluster, self._access, self._stack, self._name, self._service)

    def _refuse(self, releases: Releases, observation: Observation) -> None:
        request = self._request
        if request.act is not Act.DEPLOY:
            raise_refusal(refuse_no_release(releases.current, request.service, request.act))
            return
        raise_refusal(refuse_unfinished(releases.current, request.service))
        raise_refusal(refuse_serves(observation, request.tag))
        version = find_rolled_back(releases.rolled_back, observation.serving.other, request.tag)
        raise_refusal(None if version is None else refuse_returned(observation, request.tag, version))

    async def _pass_freeze(self, cluster: Cluster, releases: Releases, observation: Observation) -> None:
        """Refuses what gives traffic to another version, or retires the old one, while releases are frozen."""
        request, serving = self._request, observation.serving
        record = None if request.act is Act.DEPLOY else releases.current
        if is_stopped(request.act, record, serving):
            acts = {Act.DEPLOY: f"the deploy of {request.tag}", Act.RETIRE: f"the retirement of {serving.other}"}
            step = acts.get(request.act, f"the {request.act}")
            self._override = await pass_freeze(
                cluster.api, self.freezes, request.service, step, request.override, request.typed
            )

    async def _act(
        self, runner: Runner, ledger: DeployLedger, releases: Releases, observation: Observation
    ) -> ReleaseRecord:
        request = self._request
        if request.act is Act.DEPLOY:
            source, reason = observation.colours[observation.serving], request.reason
            record = ledger.new_record(request.service, source.colour, source.tag, request.tag, reason)
            record = replace(record, override=self._override)
            await ledger.write(record)
            report_begun(record.id)
            return await runner.run(record, None if request.hold_after is None else Phase(request.hold_after))
        if releases.current is None:
            raise RuntimeError("a release that does not run is refused before")
        report_begun(releases.current.id)
        current = replace(releases.current, override=combined(releases.current.override, self._override))
        acts: dict[Act, Callable[[ReleaseRecord], Awaitable[ReleaseRecord]]] = {
            Act.RESUME: runner.resume,
            Act.RETIRE: runner.retire,
            Act.ABORT: lambda record: runner.abort(record, _operator()),
        }
        return await acts[request.act](current)


def _operator() -> str:
    holder = Holder("", process=os.getpid())
    return f"{holder.user} on {holder.host}"
