"""The gates of a service under argoBlueGreen: they refuse mixed versions, and wait for the controller."""

from switchyard.config.models.service import ArgoBlueGreenSettings, Track
from switchyard.errors import ClusterError, GateRefusedError
from switchyard.gates.base import Warn
from switchyard.gates.rollout import RolloutGates
from switchyard.gates.rules.ports import refuse_other_port
from switchyard.gates.rules.release import refuse_fewer_replicas
from switchyard.gates.rules.reports import UNKNOWN, ServingReport
from switchyard.gates.rules.strategy_migration import is_shared, not_taken_over, refuse_mixed, refuse_taken_over
from switchyard.gates.waits import wait_for_rollout
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import PAUSED_FOR, Cluster
from switchyard.kube.live_rollouts import LiveRollout
from switchyard.kube.rollout import HEALTHY, RolloutState
from switchyard.kube.selectors import controlled, serving_track
from switchyard.manifests.argo_blue_green import selected as shared


class ArgoBlueGreenGates(RolloutGates[ArgoBlueGreenSettings]):
    """The gates of a service under argoBlueGreen, with the arguments of `Gates` and the following.

    Args:
        live: the Rollout and the selector at the start of the program.
        preview: whether this is a preview, in which nothing is waited for.
    """

    def __init__(
        self,
        name: str,
        service: ArgoBlueGreenSettings,
        access: ClusterAccess,
        warn: Warn,
        *,
        live: LiveRollout,
        preview: bool,
    ) -> None:
        super().__init__(name, service, access, warn, service.argo_blue_green)
        self._live = live
        self._preview = preview

    async def before_switch(self, *, creating: bool, preview: bool) -> None:
        """Checks before the Service is changed: no pods of another version may get traffic by its new selector.

        There is nothing to wait for: the pods that serve continue, and those of the Rollout join them one by one.
        """
        async with self._cluster() as cluster:
            selected = await self._selected(cluster)
            # Also at the migration: the Service comes first, and pods of the colour are behind it until the end.
            if not creating:
                targets = await cluster.service_targets(self._service.namespace, self._name)
                self._raise(refuse_other_port(self._name, self._service, targets))
            if selected is not None and controlled(self._name, selected):
                self._raise(refuse_taken_over(self._name, self._live, selected))
                return
            # The Service comes before the Rollout, and a Service with its selector needs one.
            await self._check_known(cluster)
            if creating:
                await self._check_adoption(cluster, selected)
            await self._check_mixed(cluster)
            if is_shared(self._name, selected):
                return
            to, serving = self._service.track, serving_track(self._name, selected)
            serving_ready = await self._serving_ready(cluster, to) if selected else 0
            self._raise(refuse_fewer_replicas(self._name, self._service, to, serving, serving_ready))
            self._switching = serving is not None and not preview

    async def before_rollout(self) -> None:
        """Checks before the Rollout is created or changed.

        Raises:
            GateRefusedError: the cluster does not know such objects, or its pods would mix with others in the Service.
        """
        self._planned = True
        async with self._cluster() as cluster:
            await self._check_known(cluster)
            if not controlled(self._name, await self._selected(cluster)):
                await self._check_mixed(cluster)

    async def follow(self) -> RolloutState:
        """Waits as `RolloutGates.follow` does; first resumes a Rollout that a reverted migration has paused."""
        async with self._cluster() as cluster:
            await self._release(cluster)
        return await super().follow()

    async def inspect(self) -> ServingReport:
        """Reports at the end of a run which track serves; an update first waits until the Rollout has the traffic."""
        if not self._preview:
            try:
                cluster = await Cluster.connect(self._access)
                await self._release(cluster)
                await self._share(cluster)
                if is_shared(self._name, await self._selected(cluster)):
                    problem = await self._not_taken_over(cluster)
                    if problem is not None:
                        return ServingReport(UNKNOWN, problem)
            except GateRefusedError as error:
                return ServingReport(UNKNOWN, str(error))
            except ClusterError as error:
                problem, remedy = self._why(error)
                return ServingReport(
                    UNKNOWN, f"{problem}. So whether {self._service.track} serves is not known. {remedy}"
                )
        return await super().inspect()

    async def _not_taken_over(self, cluster: Cluster) -> str | None:
        state = await wait_for_rollout(
            cluster,
            self._service.namespace,
            self._name,
            self._service.ready_timeout_seconds,
            lambda state: not state.invalid and state.ended,
        )
        state = self._reported(state, self._service.ready_timeout_seconds)
        return None if state.phase == HEALTHY else not_taken_over(self._name, self._service, state)

    async def _share(self, cluster: Cluster) -> None:
        """Writes the selector of the Service when the engine had nothing to write although a colour serves.

        The engine's record may be older than an interrupted migration to two colours, and a refresh compares only the
        labels in the record, so neither detects the additional label of the colour's selector.
        """
        selected = await self._selected(cluster)
        if selected is not None and serving_track(self._name, selected) in {Track.BLUE, Track.GREEN}:
            await self.before_switch(creating=False, preview=False)
            await cluster.select(self._service.namespace, self._name, shared(self._name))

    async def _release(self, cluster: Cluster) -> None:
        """Resumes a Rollout that a migration to two colours has paused and that was reverted since."""
        rollout = await cluster.rollout(self._service.namespace, self._name)
        if rollout is not None and PAUSED_FOR in rollout["metadata"].get("annotations", {}):
            await cluster.resume_rollout(self._service.namespace, self._name)

    async def _check_mixed(self, cluster: Cluster) -> None:
        pods = await cluster.running_pods(self._service.namespace, shared(self._name))
        self._raise(refuse_mixed(self._name, self._service, await self._selected(cluster), pods))
