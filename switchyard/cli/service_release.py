"""One service in a run of `deploy`, `resume`, `abort` or `retire`: its refusals, its record and its steps."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import DeployReport
from switchyard.cli.fast_lane import service_of
from switchyard.cli.group_members import is_watched, members_of
from switchyard.cli.release_cluster import observe_service
from switchyard.config.loader import StackSettings
from switchyard.config.models.service import Colour
from switchyard.gates.base import raise_refusal
from switchyard.gates.freeze import read_open_window
from switchyard.gates.rules.windows import OpenWindow
from switchyard.gates.weighted_routing import switching_load_balancer
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.rolled_back import find_rolled_back_tag
from switchyard.release.deploy.acts import Acts
from switchyard.release.deploy.frozen import FreezeCheck, check_freeze
from switchyard.release.deploy.hooks import ReleaseHooks, release_hooks
from switchyard.release.deploy.journal import LeasedDeployJournal
from switchyard.release.deploy.refusals import refuse_no_release, refuse_returned, refuse_serves, refuse_unfinished
from switchyard.release.deploy.runner import Runner
from switchyard.release.deploy.steps import ClusterSteps
from switchyard.release.engine.engine import Engine
from switchyard.release.freeze import combined, is_stopped, pass_freeze
from switchyard.release.hooks.hooks import holding
from switchyard.release.notices.subscriptions import Subscriptions
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.record.lease_holder import Holder
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.standing import baked_until
from switchyard.release.record.store import RecordedReleases
from switchyard.release.record.text import deploying
from switchyard.release.release_context import ReleaseContext


class ServiceRelease:
    """One service in a run of a command on one or several services.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        settings: settings of the stack.
        access: access to the cluster of the stack.
        report: prints the progress; None for the report of a command on a single service.
    """

    _override: str | None = None
    """Reason and window that the record keeps of an operator who overrides a freeze."""

    def __init__(
        self,
        request: DeployRequest,
        stack: str,
        settings: StackSettings,
        access: ClusterAccess,
        report: DeployReport | None = None,
    ) -> None:
        self.request = request
        self.stack = stack
        self.access = access
        self.service = service_of(request.service, request.act, stack, settings)
        self.name = self.service.named(request.service)
        self.report = report or DeployReport(request, stack, access.described)
        self.settings = settings
        self._subscriptions = Subscriptions.of(stack, settings.releases, request.service)

    def take(self, stack: str, settings: StackSettings) -> None:
        """Uses settings that were read again after the wait for another command."""
        self.service = service_of(self.request.service, self.request.act, stack, settings)
        self.settings = settings

    async def is_due(self) -> bool:
        """Whether the bake of the release is over and no command works on it.

        Also sends the pending messages of earlier commands.
        """
        cluster = await Cluster.connect(self.access)
        journal = self.journal(cluster)
        async with journal.sending():
            return await self._is_due(cluster, journal)

    async def _is_due(self, cluster: Cluster, journal: LeasedDeployJournal) -> bool:
        latest = (await journal.read()).current
        if latest is None or not latest.running:
            return False
        serving = await cluster.serving_track(self.service.namespace, self.name)
        current = (await journal.without_abandoned(str(serving))).current
        if current is None or not current.running or current.kind != Act.DEPLOY:
            return False
        if current.held and holding(current) is not None:
            return False  # an operator decides what a hook that did not pass means
        if any(is_watched(other) for other in (await members_of(cluster.api, self.settings, current))[0].values()):
            return False  # it may have to be rolled back with the others
        if current.phase is not Phase.RETIRE:
            if current.held:
                return False  # an operator decides, who may want the old colour back
            until = baked_until(current, self.service.release.bake_seconds)
            if until is None or await journal.ask_time() < until:
                return False
        return await journal.holder() is None  # whose command may be this retirement

    async def open_window(self) -> OpenWindow | None:
        """The open freeze window that delays a retirement; None without one."""
        cluster = await Cluster.connect(self.access)
        return await read_open_window(cluster.api, self.settings.releases.freeze, self.request.service)

    def journal(self, cluster: Cluster) -> LeasedDeployJournal:
        """The record and the Lease of the service."""
        namespace, wait = self.service.namespace, self.request.wait
        return LeasedDeployJournal(
            cluster.api, namespace, self.name, self.report.warn, wait=wait, subscriptions=self._subscriptions
        )

    def runner(
        self,
        cluster: Cluster,
        journal: LeasedDeployJournal,
        acts: Acts | None = None,
        around: Callable[[ReleaseHooks], ReleaseHooks] = lambda hooks: hooks,
        versions: Mapping[str, str] = MappingProxyType({}),
    ) -> Runner:
        """The runner that takes the release of the service through its phases.

        Args:
            cluster: the cluster of the stack.
            journal: journal of the service, whose Lease is held.
            acts: acts of the engine and the selector; None for a service that is released alone.
            around: runner of hooks in place of the service's own.
            versions: the version of each service that is released together, by its key.
        """
        place = ReleaseContext(
            access=self.access,
            cluster=cluster,
            engine=Engine(self.stack),
            stack=self.stack,
            observe=lambda: self.observe(cluster),
            warn=self.report.warn,
            on_tick=self.report.tick,
            versions=versions,
        )
        steps = ClusterSteps(place, journal, self.service, acts)
        hooks = release_hooks(self.service, self.name, cluster.api, journal, self.report)
        if freezes := self.settings.releases.freeze:
            hooks = FreezeCheck(
                hooks,
                lambda record: check_freeze(
                    cluster.api, freezes, record, deploying(record, versions), self.request.override
                ),
            )
        return Runner(
            journal, steps, self.report.phase_ended, self.service.release.bake_seconds, around(hooks), self.report.warn
        )

    async def observe(self, cluster: Cluster) -> Observation:
        """Reads the Service and both colours."""
        routing = switching_load_balancer(self.settings.cluster, self.request.service, self.service)
        return await observe_service(cluster, self.access, self.stack, self.name, self.service, routing)

    def refuse(self, releases: RecordedReleases, observation: Observation) -> None:
        """Refuses the command if the record or the cluster does not permit it."""
        request = self.request
        if request.act is not Act.DEPLOY:
            raise_refusal(refuse_no_release(releases.current, request.service, request.act))
            return
        raise_refusal(refuse_unfinished(releases.current, request.service, observation.serving))
        raise_refusal(refuse_serves(observation, request.tag))
        if (version := find_rolled_back_tag(releases.rolled_back, request.tag)) is not None:
            raise_refusal(refuse_returned(observation, request.tag, version))

    async def pass_freeze(self, cluster: Cluster, releases: RecordedReleases, observation: Observation) -> None:
        """Refuses a switch to another version, or the retirement of the old one, while releases are frozen."""
        request, serving = self.request, observation.serving
        record = None if request.act is Act.DEPLOY else releases.current
        if is_stopped(request.act, record, serving):
            acts = {Act.DEPLOY: f"the deploy of {request.tag}", Act.RETIRE: f"the retirement of {serving.other}"}
            step = acts.get(request.act, f"the {request.act}")
            self._override = await pass_freeze(
                cluster.api, self.settings.releases.freeze, request.service, step, request.override, request.overridable
            )

    def rollback_plan(self, releases: RecordedReleases, observation: Observation) -> Plan | None:
        """The rollback that an abort does, for a refusal that names the commands by hand; None for other commands."""
        record = releases.current
        if self.request.act is not Act.ABORT or record is None:
            return None
        return Plan(Act.ABORT, observation, Colour(record.source), patch=observation.serving == record.target)

    def new_record(self, journal: LeasedDeployJournal, observation: Observation) -> ReleaseRecord:
        """The record of a new release."""
        source, request = observation.colours[observation.serving], self.request
        record = journal.new_record(request.service, source.colour, source.tag, request.tag, request.reason)
        return replace(record, override=self._override, hotfix=request.hotfix)

    def continued(self, releases: RecordedReleases) -> ReleaseRecord:
        """The record of the running release, which this command continues."""
        if releases.current is None:
            raise RuntimeError("a release that does not run is refused before")
        current = releases.current
        override = combined(current.override, self._override)
        # The configuration may have the service under another key by now.
        key, hotfix = self.request.service, current.hotfix or self.request.hotfix
        return replace(current, service=key, override=override, hotfix=hotfix)


def aborter(request: DeployRequest) -> str:
    """The operating system user who aborts a release, with the reason if there is one, for the record."""
    holder = Holder("", process=os.getpid())
    return ": ".join(filter(None, (f"{holder.user} on {holder.host}", request.reason)))
