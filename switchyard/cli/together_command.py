"""Runs `switch` and `rollback` of several services, from the settings to the exit code."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

import typer

from switchyard.cli.configuration import warn_of_ignored_errors
from switchyard.cli.fast_lane import STATE_SECONDS, access_of, is_configured, read_settings_for, service_of
from switchyard.cli.release_cluster import check_cluster, observe_service
from switchyard.cli.release_request import ReleaseRequest
from switchyard.cli.rollback_hooks import run_rollback_hooks
from switchyard.cli.together_request import TogetherRequest
from switchyard.cli.together_text import TogetherReport
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.errors import ExitCode
from switchyard.gates.weighted_routing import switching_load_balancer
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.engine.convergence import Convergence, converge_all
from switchyard.release.engine.engine import Engine, EngineCommand
from switchyard.release.notices.subscriptions import Subscriptions
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.record.earlier_releases import latest_begun, unfinished_target, unreached
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.together import Member, Plans, Receipts, Together, planned
from switchyard.release.switch.warming import warm

Settings = dict[str, BlueGreenSettings]


def run(request: TogetherRequest, state: EngineCommand, begun: float) -> None:
    """Runs a command from its settings to its exit code.

    Args:
        request: what the operator has typed.
        state: the engine, which reads the outputs of the stack.
        begun: monotonic time at which the command started.
    """
    name, settings = read_settings_for(request.act, request.stack, request.colours)
    services = {key: service_of(key, request.act, name, settings) for key in request.colours}
    first, service = next(iter(services.items()))
    lone = ReleaseRequest(
        first, rollback=request.act is Act.ROLLBACK, colour=request.colours[first], stack=request.stack
    )
    access = access_of(lone, name, settings, service)
    subscriptions = {key: Subscriptions.of(name, settings.releases, key) for key in services}
    command = _Command(request, name, services, access, begun, subscriptions)
    command.freezes, command.cluster = settings.releases.freeze, settings.cluster
    warn_of_ignored_errors(settings, command.report.warn)
    asyncio.run(command.run(state))


class _Command:
    """A run of one command, from the observation to the report."""

    freezes: tuple[Freeze, ...] = ()
    """The freeze windows of the stack."""

    cluster: object = None
    """Settings of the cluster, which have its load balancer."""

    def __init__(
        self,
        request: TogetherRequest,
        stack: str,
        services: Settings,
        access: ClusterAccess,
        begun: float,
        subscriptions: Mapping[str, Subscriptions],
    ) -> None:
        self._subscriptions = subscriptions
        self._request = request
        self._stack = stack
        self._services = services
        self._access = access
        self._begun = begun
        self._engine = Engine(stack)
        self.report = TogetherReport(request, stack, access.described)

    async def run(self, state: EngineCommand) -> None:
        cluster = await Cluster.connect(self._access)
        journals = {key: self._journal(cluster, key) for key in self._services}
        for journal in journals.values():
            await journal.wait_until_free(urgent=self._request.act is Act.ROLLBACK)
        await self._read_again(journals)
        seconds = STATE_SECONDS[self._request.act]
        await check_cluster(cluster, self._access, self._stack, state, seconds, self.report.state_unreachable)
        stays = await self._unreached(cluster, journals)
        plans = await planned(
            {key: self._planned(cluster, journal, key, stays=key in stays) for key, journal in journals.items()}
        )
        if not self._request.yes and not self.report.confirmed(plans):
            raise typer.Exit(ExitCode.FAILED)
        if not self._request.yes or any(journal.waited for journal in journals.values()):
            self._begun = time.monotonic()  # the operator's time, and that of another command, do not count
        members = {key: self._member(cluster, journals, key) for key in journals}

        async def converge(plans: Plans, receipts: Receipts) -> Convergence:
            for journal in journals.values():
                journal.begin_sending()
            convergence = await self._converge(plans, receipts, journals)
            await self._run_hooks(cluster, journals)
            return convergence

        async with AsyncExitStack() as messages:
            for journal in journals.values():
                await messages.enter_async_context(journal.sending())
            outcomes = await Together(members, converge, self.report.warn).run(plans, self._request.reason)
            self.report.end(plans, outcomes)

    def _journal(self, cluster: Cluster, key: str) -> LeasedSwitchJournal:
        service, wait = self._services[key], self._request.wait
        journal = LeasedSwitchJournal(
            cluster.api,
            service.namespace,
            service.named(key),
            self.report.tell,
            wait=wait,
            subscriptions=self._subscriptions[key],
        )
        journal.together = tuple(sorted(self._services))
        if self._request.act is Act.ROLLBACK:  # a switch overrides a freeze alone
            journal.override = self._request.override
        return journal

    async def _unreached(self, cluster: Cluster, journals: Mapping[str, LeasedSwitchJournal]) -> set[str]:
        """The services that a rollback skips, because a killed switch of the group had not switched them."""
        if self._request.act is not Act.ROLLBACK:
            return set()
        releases = await asyncio.gather(*(journal.read() for journal in journals.values()))
        latest = {key: latest_begun(release) for key, release in zip(journals, releases, strict=True)}
        if not any(unfinished_target(last) for last in latest.values()):
            return set()
        observations = await asyncio.gather(*(self._observe(cluster, key) for key in journals))
        serving = {key: observation.serving for key, observation in zip(journals, observations, strict=True)}
        return unreached(latest, serving)

    async def _planned(self, cluster: Cluster, journal: LeasedSwitchJournal, key: str, *, stays: bool) -> Plan:
        observation = await self._observe(cluster, key)
        lane = FastLane(self._access, cluster, journal, self.report.warn)
        if stays:
            plan = Plan(Act.ROLLBACK, observation, observation.serving, patch=False)
        elif self._request.act is Act.ROLLBACK:
            plan = await lane.plan_rollback(observation)
        else:
            named = self._request.colours[key]
            target = Colour(named) if named else unfinished_target((await journal.read()).current)
            plan = await lane.plan_switch(observation, target)
        await journal.check(plan)
        await self._pass_freeze(cluster, journal, plan)
        return plan

    async def _pass_freeze(self, cluster: Cluster, journal: LeasedSwitchJournal, plan: Plan) -> None:
        """Refuses a switch while releases are frozen, unless that is overridden. A rollback is never refused."""
        if self.freezes and plan.act is Act.SWITCH and plan.patch:
            # Imported here: most stacks have no windows, and no switch of theirs waits for the import.
            from switchyard.release.freeze import pass_freeze  # noqa: PLC0415

            key, step = plan.observation.name.key, f"the switch to {plan.target}"
            override, typed = self._request.override, replace(self._request, override=None).again
            journal.frozen = await pass_freeze(cluster.api, self.freezes, key, step, override, typed)

    def _member(self, cluster: Cluster, journals: Mapping[str, LeasedSwitchJournal], key: str) -> Member:
        journal = journals[key]

        async def observe() -> Observation:
            await self._read_again(journals)
            return await self._observe(cluster, key)

        return Member(
            lane=FastLane(self._access, cluster, journal, self.report.warn, self._begun),
            journal=journal,
            observe=observe,
            warm=lambda plan: warm(self._engine, plan, self.report.tell),
            waited=lambda: journal.waited,
            permit=lambda plan: self._pass_freeze(cluster, journal, plan),
        )

    async def _read_again(self, journals: Mapping[str, LeasedSwitchJournal]) -> None:
        """Reads the configuration again after the wait for another command, which may have changed it."""
        if any(journal.waited for journal in journals.values()):
            stack, settings = await asyncio.to_thread(read_settings_for, self._request.act, self._stack, self._services)
            self._services = {key: service_of(key, self._request.act, stack, settings) for key in self._services}
            self.freezes, self.cluster = settings.releases.freeze, settings.cluster

    async def _observe(self, cluster: Cluster, key: str) -> Observation:
        service = self._services[key]
        routing = switching_load_balancer(self.cluster, key, service)
        return await observe_service(cluster, self._access, self._stack, service.named(key), service, routing)

    async def _run_hooks(self, cluster: Cluster, journals: Mapping[str, LeasedSwitchJournal]) -> None:
        """Runs the hooks of a rollback for each service that has any."""
        for key, journal in journals.items():
            service = self._services[key]
            if self._request.act is Act.ROLLBACK and service.release.hooks.on_rollback:
                await run_rollback_hooks(cluster, service, service.named(key), journal, self.report)

    async def _converge(
        self, plans: Plans, receipts: Receipts, journals: Mapping[str, LeasedSwitchJournal]
    ) -> Convergence:
        self.report.served(plans, receipts)
        targets = {key: plan.target for key, plan in plans.items()}
        configured = await asyncio.to_thread(is_configured, self._stack, targets, journals.values())
        tell, weighted = self.report.tell, [key for key, plan in plans.items() if plan.observation.routing is not None]
        replicas = {key: plan.observation.pods_to_configure(plan.target) for key, plan in plans.items()}
        return await converge_all(self._engine, targets, tell, config=configured, replicas=replicas, weighted=weighted)
