"""The common part of `switchyard switch` and `switchyard rollback`: read, plan, confirm, act, report."""

import asyncio
import time
from collections.abc import Awaitable, Collection, Iterable, Mapping

import typer

from switchyard.cli.configuration import access_to, check_known, read_settings_at_once, warn_of_ignored_errors
from switchyard.cli.fast_lane_text import FastLaneReport
from switchyard.cli.release_cluster import check_cluster, observe_service
from switchyard.cli.release_request import ReleaseRequest
from switchyard.config.commands import options
from switchyard.config.loader import StackSettings
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.errors import (
    EngineError,
    ExitCode,
    GateRefusedError,
    SwitchyardError,
)
from switchyard.gates.base import raise_refusal
from switchyard.gates.weighted_routing import switching_load_balancer
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.engine.convergence import Convergence, converge
from switchyard.release.engine.engine import Engine, EngineCommand
from switchyard.release.notices.subscriptions import Subscriptions
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.refusals import (
    command,
    refuse_kubeconfig_unreachable,
    refuse_strategy,
)
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.protocol import SwitchSteps
from switchyard.release.switch.warming import warm

STATE_SECONDS = {**dict.fromkeys(Act, 15.0), Act.ROLLBACK: 5.0}
"""Seconds to wait for the state, which has the identity of the stack's cluster. The command continues without it."""


def run(request: ReleaseRequest, state: EngineCommand, begun: float) -> None:
    """Runs a command from its settings to its exit code.

    Args:
        request: what the operator has typed.
        state: the engine, which reads the outputs of the stack.
        begun: monotonic time at which the command started.
    """
    act = Act.ROLLBACK if request.rollback else Act.SWITCH
    stack, settings = read_settings_for(act, request.stack, {request.service})
    service = service_of(request.service, act, stack, settings)
    access = access_of(request, stack, settings, service)
    subscriptions = Subscriptions.of(stack, settings.releases, request.service)
    switching = _Command(request, act, stack, service, access, state, begun, subscriptions)
    switching.freezes, switching.cluster = settings.releases.freeze, settings.cluster
    warn_of_ignored_errors(settings, switching.report.warn)
    asyncio.run(switching.run())


def read_settings_for(act: Act, stack: str | None, services: Collection[str]) -> tuple[str, StackSettings]:
    """Reads the configuration for a command. Errors of other services stop neither a rollback nor an abort.

    Args:
        act: the command.
        stack: name of the stack; None for the selected one.
        services: keys of the services that the command is for.
    """
    return read_settings_at_once(stack, services if act in {Act.ROLLBACK, Act.ABORT} else None)


def service_of(key: str, act: Act, stack: str, settings: StackSettings) -> BlueGreenSettings:
    """The settings of a service that a command switches.

    Args:
        key: key of the service.
        act: the command.
        stack: name of the stack.
        settings: settings of the stack.

    Raises:
        UsageError: the stack has no such service.
        GateRefusedError: the program does not switch the service between two colours.
    """
    check_known(key, stack, settings.services, act)
    service = settings.services[key]
    raise_refusal(refuse_strategy(key, service, act))
    if not isinstance(service, BlueGreenSettings):
        raise TypeError(f"{type(service).__name__} has the strategy blueGreen")  # what is checked above
    return service


def access_of(
    request: ReleaseRequest, stack: str, settings: StackSettings, service: BlueGreenSettings
) -> ClusterAccess:
    """Access to the cluster of a stack.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        settings: settings of the stack.
        service: the settings of the service.

    Raises:
        GateRefusedError: only the state has the kubeconfig, and the state cannot be read.
    """
    act = Act.ROLLBACK if request.rollback else Act.SWITCH
    try:
        return access_to(stack, settings, STATE_SECONDS[act])
    except EngineError as error:
        if not isinstance(settings.cluster, Ec2Cluster):
            raise
        target = None if request.colour is None else Colour(request.colour)
        name = service.named(request.service)
        raise GateRefusedError(str(refuse_kubeconfig_unreachable(name, service, target, str(error)))) from None


def is_configured(stack: str, targets: Mapping[str, Colour], journals: Iterable[LeasedSwitchJournal]) -> bool:
    """Whether the configuration has the colour that serves. Another command may have changed it in the meantime.

    Args:
        stack: name of the stack.
        targets: the colour that serves, by the key of the service.
        journals: the journals of the services. A command that they interrupt may still write the configuration.
    """
    if any(journal.interrupts for journal in journals):
        return False
    try:
        _, settings = read_settings_at_once(stack)
    except SwitchyardError:
        return False  # it is written then, and the engine says what is wrong with it

    def is_active(key: str) -> bool:
        service = settings.services.get(key)
        return isinstance(service, BlueGreenSettings) and service.active == targets[key]

    return all(map(is_active, targets))


class _Command:
    """A run of one command, from the observation to the report."""

    freezes: tuple[Freeze, ...] = ()
    """The freeze windows of the stack."""

    cluster: object = None
    """Settings of the cluster, which have its load balancer."""

    def __init__(
        self,
        request: ReleaseRequest,
        act: Act,
        stack: str,
        service: BlueGreenSettings,
        access: ClusterAccess,
        state: EngineCommand,
        begun: float,
        subscriptions: Subscriptions,
    ) -> None:
        self._request = request
        self._act = act
        self._subscriptions = subscriptions
        self._stack = stack
        self._service = service
        self._name = service.named(request.service)
        self._access = access
        self._state = state
        self._begun = begun
        self._engine = Engine(stack)
        self.report = FastLaneReport(request, stack, access.described)
        self._journal: LeasedSwitchJournal | None = None

    async def run(self) -> None:
        cluster = await Cluster.connect(self._access)
        journal = LeasedSwitchJournal(
            cluster.api,
            self._service.namespace,
            self._name,
            self.report.tell,
            wait=self._request.wait,
            subscriptions=self._subscriptions,
        )
        await journal.wait_until_free(urgent=self._act is Act.ROLLBACK)
        await self._read_again(journal)
        observation = await self._observe(cluster)
        await self._check_cluster(cluster)
        if self._act is Act.ROLLBACK:
            journal.override = self._request.override
        self._journal = journal
        plan = await self._plan(FastLane(self._access, cluster, journal, self.report.warn), observation)
        await journal.check(plan)
        await self._pass_freeze(cluster, journal, plan)
        if not self._request.yes and not self.report.confirmed(plan):
            raise typer.Exit(ExitCode.FAILED)
        if not self._request.yes or journal.waited:
            self._begun = time.monotonic()  # the operator's time, and that of another command, do not count
        lane = FastLane(self._access, cluster, journal, self.report.warn, self._begun)
        steps = SwitchSteps(
            observe=lambda: self._observe_again(cluster, journal, plan),
            warm=lambda planned: warm(self._engine, planned, self.report.tell),
            converge=lambda receipt: self._converge(cluster, plan, receipt),
            # Another command may have warmed another version while the operator was asked.
            waited=lambda: journal.waited or not self._request.yes,
        )
        async with journal.sending():
            outcome = await lane.run(plan, self._request.reason, steps)
            self.report.end(plan, outcome)

    async def _read_again(self, journal: LeasedSwitchJournal) -> None:
        """Reads the configuration again after the wait for another command, which may have changed it."""
        if journal.waited:
            stack, settings = await asyncio.to_thread(
                read_settings_for, self._act, self._stack, {self._request.service}
            )
            self._service = service_of(self._request.service, self._act, stack, settings)
            self.freezes, self.cluster = settings.releases.freeze, settings.cluster

    async def _pass_freeze(self, cluster: Cluster, journal: LeasedSwitchJournal, plan: Plan) -> None:
        """Refuses a switch while releases are frozen, unless that is overridden. A rollback is never refused."""
        if self.freezes and plan.act is Act.SWITCH and plan.patch:
            # Imported here: most stacks have no windows, and no switch of theirs waits for the import.
            from switchyard.release.freeze import pass_freeze  # noqa: PLC0415

            key, override = self._request.service, self._request.override
            step, typed = (
                f"the switch to {plan.target}",
                command(Act.SWITCH, self._name, plan.target, self._request.stack),
            )
            typed += options(reason=self._request.reason, wait=self._request.wait)
            journal.frozen = await pass_freeze(cluster.api, self.freezes, key, step, override, typed)

    async def _observe_again(self, cluster: Cluster, journal: LeasedSwitchJournal, plan: Plan) -> Observation:
        await self._read_again(journal)
        if journal.waited or not self._request.yes:  # a window may have opened since, while the operator was asked
            await self._pass_freeze(cluster, journal, plan)
        return await self._observe(cluster)

    async def _observe(self, cluster: Cluster) -> Observation:
        routing = switching_load_balancer(self.cluster, self._request.service, self._service)
        return await observe_service(cluster, self._access, self._stack, self._name, self._service, routing)

    async def _check_cluster(self, cluster: Cluster) -> None:
        """Refuses another cluster than the one in the state. Without the state, the mark of the Service decides."""
        seconds = STATE_SECONDS[self._act]
        await check_cluster(cluster, self._access, self._stack, self._state, seconds, self.report.state_unreachable)

    def _plan(self, lane: FastLane, observation: Observation) -> Awaitable[Plan]:
        if self._act is Act.ROLLBACK:
            return lane.plan_rollback(observation)
        colour = self._request.colour
        return lane.plan_switch(observation, None if colour is None else Colour(colour))

    async def _converge(self, cluster: Cluster, plan: Plan, receipt: Receipt) -> Convergence:
        self.report.served(plan, receipt)
        if self._journal is not None:
            self._journal.begin_sending()
        key, journals = self._request.service, () if self._journal is None else (self._journal,)
        configured = await asyncio.to_thread(is_configured, self._stack, {key: plan.target}, journals)
        replicas, by_weights = plan.observation.pods_to_configure(plan.target), plan.observation.routing is not None
        tell = self.report.tell
        convergence = await converge(
            self._engine, key, plan.target, tell, config=configured, replicas=replicas, by_weights=by_weights
        )
        if plan.act is Act.ROLLBACK and self._service.release.hooks.on_rollback:
            await self._run_hooks(cluster)
        return convergence

    async def _run_hooks(self, cluster: Cluster) -> None:
        """Runs the hooks of a rollback, whose failure does not undo the rollback."""
        # Imported here: few rollbacks have hooks, and none waits for the import.
        from switchyard.cli.rollback_hooks import run_rollback_hooks  # noqa: PLC0415

        if self._journal is None:
            raise RuntimeError("the command has begun")
        await run_rollback_hooks(cluster, self._service, self._name, self._journal, self.report)
