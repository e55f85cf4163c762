"""Runs `deploy --together`, and `resume` and `abort` of its releases, to the exit code."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.detached_end import end_detached
from switchyard.cli.detachment import detach, is_detached, report_begun
from switchyard.cli.fast_lane import STATE_SECONDS, read_settings_for
from switchyard.cli.group_text import GroupReport
from switchyard.cli.release_cluster import check_cluster
from switchyard.cli.service_release import ServiceRelease, aborter
from switchyard.config.loader import StackSettings
from switchyard.config.models.service import Colour
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import ClusterError, ExitCode, SwitchyardError
from switchyard.gates.base import raise_refusal
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.deploy import together as deploy_together
from switchyard.release.deploy.group import ReleaseGroup
from switchyard.release.deploy.group_acts import GroupActs
from switchyard.release.deploy.journal import LeasedDeployJournal
from switchyard.release.deploy.together import GroupHooks, GroupMember, Outcomes
from switchyard.release.engine.engine import Engine, EngineCommand
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Observation
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release.refusals import refuse_other_than_confirmed
from switchyard.release.switch.together import all_or_reasons

Readings = Mapping[str, tuple[RecordedReleases, Observation]]
"""The record of each service, and its observation on the cluster."""


class GroupCommand:
    """A run of one command on several services.

    Args:
        request: what the operator has typed.
        stack: name of the stack.
        settings: settings of the stack.
        access: access to the cluster of the stack.
        keys: keys of the services.
    """

    def __init__(
        self, request: DeployRequest, stack: str, settings: StackSettings, access: ClusterAccess, keys: Sequence[str]
    ) -> None:
        requests = [replace(request, service=key, tag=request.tags.get(key, "")) for key in keys]
        self._request = request
        self._stack = stack
        self._access = access
        self._report = GroupReport(request, stack, access.described, requests)
        self._services = {
            member.service: ServiceRelease(member, stack, settings, access, self._report.members[member.service])
            for member in requests
        }

    async def run(self, state: EngineCommand | None) -> ExitCode:
        """Runs the command, and returns its exit code.

        Args:
            state: the engine, which reads the outputs of the stack; None if the cluster was already checked.
        """
        cluster, act = await Cluster.connect(self._access), self._request.act
        journals = {key: service.journal(cluster) for key, service in self._services.items()}
        for journal in journals.values() if act is not Act.ABORT else ():
            await journal.wait_until_free()
        await self._read_again(journals)
        if state is not None:
            unreachable = self._report.state_unreachable
            await check_cluster(cluster, self._access, self._stack, state, STATE_SECONDS[act], unreachable)
        readings = await self._checked(cluster, journals)
        before = {key: observation for key, (_, observation) in readings.items()}
        if not self._request.yes and not self._report.confirmed(before):
            return ExitCode.FAILED
        if self._request.detach:
            return await self._detach()
        if act is Act.ABORT:
            await end_detached(journals, self._report.warn)
        async with AsyncExitStack() as messages:
            for journal in journals.values():
                await messages.enter_async_context(journal.sending())
            outcomes = await self._held(cluster, journals, readings)
            observations = {key: await self._observed(cluster, key) for key in outcomes}
            bakes = {key: service.service.release.bake_seconds for key, service in self._services.items()}
            return self._report.end(outcomes, observations, bakes)

    async def _detach(self) -> ExitCode:
        """Continues with all services in one background process, after the steps that need a terminal."""
        self._report.detached(await detach(list(self._services), self._request.confirmed_arguments(self._stack)))
        return ExitCode.OK

    async def _held(
        self, cluster: Cluster, journals: Mapping[str, LeasedDeployJournal], confirmed: Readings
    ) -> Outcomes:
        """Runs the command with the Leases of all services, which all commands take in the order of their names."""
        async with AsyncExitStack() as leases:
            for key in sorted(journals, key=self._place):
                back = self._services[key].rollback_plan(*confirmed[key])
                held = journals[key].held(self._request.act, detached=is_detached(), back=back)
                await leases.enter_async_context(held)
            await self._read_again(journals)
            readings = await self._checked(cluster, journals)  # a Lease may have been waited for
            for key, (_, observation) in readings.items():
                if not self._request.yes:
                    raise_refusal(refuse_other_than_confirmed(confirmed[key][1], observation))
            return await self._act(cluster, journals, readings)

    def _place(self, key: str) -> tuple[str, str]:
        return self._services[key].service.namespace, str(self._services[key].name)

    async def _read_again(self, journals: Mapping[str, LeasedDeployJournal]) -> None:
        """Reads the configuration again after the wait for another command, which may have changed it."""
        if any(journal.waited for journal in journals.values()):
            stack, settings = await asyncio.to_thread(read_settings_for, self._request.act, self._stack, self._services)
            for service in self._services.values():
                service.take(stack, settings)

    async def _checked(self, cluster: Cluster, journals: Mapping[str, LeasedDeployJournal]) -> Readings:
        """Reads all services. If one is refused, all are refused, with every reason."""

        async def check(key: str) -> tuple[RecordedReleases, Observation]:
            service = self._services[key]
            observation = await service.observe(cluster)
            releases = await journals[key].without_abandoned(observation.serving)
            service.refuse(releases, observation)
            await service.pass_freeze(cluster, releases, observation)
            return releases, observation

        return await all_or_reasons({key: check(key) for key in self._services})

    async def _observed(self, cluster: Cluster, key: str) -> Observation | None:
        with suppress(ClusterError):
            return await self._services[key].observe(cluster)
        return None  # the earlier reading may be outdated

    async def _act(self, cluster: Cluster, journals: Mapping[str, LeasedDeployJournal], readings: Readings) -> Outcomes:
        if self._request.act is Act.DEPLOY:
            records = await self._begun(journals, readings)
        else:
            records = {key: self._services[key].continued(releases) for key, (releases, _) in readings.items()}
        report_begun({key: record.id for key, record in records.items()})
        group = ReleaseGroup({key: record.phase for key, record in records.items()})
        parts = await self._parts(cluster, journals, records, group)
        if self._request.act is Act.DEPLOY:
            hold_after = self._request.hold_after
            return await deploy_together.begin(group, parts, None if hold_after is None else Phase(hold_after))
        if self._request.act is Act.ABORT:
            return await deploy_together.abort(group, parts, aborter(self._request))
        return await deploy_together.resume(group, parts)

    async def _begun(self, journals: Mapping[str, LeasedDeployJournal], readings: Readings) -> dict[str, ReleaseRecord]:
        """Writes the start of each release, and which releases belong together: those with the same start.

        If one record cannot be written, all of the releases end, and nothing else is changed. The record whose write
        failed may have its release nevertheless, because the answer was lost.
        """
        records: dict[str, ReleaseRecord] = {}
        for key, (_, observation) in readings.items():
            records[key] = self._services[key].new_record(journals[key], observation)
        started = min(record.started for record in records.values())
        records = {key: replace(record, together=tuple(records), started=started) for key, record in records.items()}
        begun = []
        try:
            for key, record in records.items():
                begun.append(key)
                await journals[key].write(record)
        except SwitchyardError as error:
            for key in begun:
                with suppress(SwitchyardError):
                    detail = f"the others were not started: {error}"
                    await journals[key].write(records[key].ending(Result.FAILED, journals[key].now(), detail))
            raise
        return records

    async def _parts(
        self,
        cluster: Cluster,
        journals: Mapping[str, LeasedDeployJournal],
        records: Mapping[str, ReleaseRecord],
        group: ReleaseGroup,
    ) -> dict[str, GroupMember]:
        engine, lock, parts = Engine(self._stack), asyncio.Lock(), dict[str, GroupMember]()
        targets = {key: Colour(record.target) for key, record in records.items()}
        versions = {key: str(record.tag) for key, record in records.items()}
        weighted = [key for key, own in self._services.items() if own.service.engine is SwitchEngine.ALB_WEIGHTS]
        for key, service in self._services.items():
            acts = GroupActs(key, group, engine, journals, targets, lock, self._report.warn, weighted)
            hooks = partial(GroupHooks, key, group, journals[key])
            runner = service.runner(cluster, journals[key], acts, hooks, versions)
            standing = await runner.standing(records[key])
            group.enter(key, standing.state.phase)
            parts[key] = GroupMember(runner, records[key], standing)
        return parts
