"""The gates of a service: each reads the cluster, waits a bounded time for its condition, or refuses."""

from contextlib import suppress
from dataclasses import replace

from switchyard.config.kubernetes import NAMESPACE_ACTIVE
from switchyard.config.models.service import Track
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.gates.autoscaling import autoscalers, has_metrics, read_sizing, warm
from switchyard.gates.base import GateBase, S_co, sentence
from switchyard.gates.rules.autoscaling import (
    inactive_autoscaler,
    no_metrics,
    not_sized,
    notice_scaled_up,
    refuse_lower_max,
    refuse_other_autoscalers,
    refuse_removal_of_added_pods,
)
from switchyard.gates.rules.namespace import refuse_namespace
from switchyard.gates.rules.node_routing import warn_unfollowed
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.release import (
    refuse_fewer_replicas,
    refuse_no_answer,
    refuse_smoke,
    refuse_switch,
    wanted_ready,
    warn_no_smoke_test,
)
from switchyard.gates.rules.reports import (
    UNKNOWN,
    ServingReport,
    changed_ports,
    nothing_ready,
    serving_report,
    unfinished_migration,
)
from switchyard.gates.rules.rollout import refuse_silent_controller
from switchyard.gates.rules.sizes import of_service
from switchyard.gates.rules.traffic_router import refuse_routed
from switchyard.gates.smoke import smoke_failures
from switchyard.gates.waits import SEEN_SECONDS, wait_for_nodes, wait_for_rollout
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import Endpoint
from switchyard.kube.polling import watch_until
from switchyard.kube.selectors import controlled, ready_pods, serving_track
from switchyard.kube.shortage import PodsReport
from switchyard.manifests.argo_blue_green import selected as shared
from switchyard.manifests.labels import selector, track_service_name

FOLLOW_SECONDS = 10
"""Seconds for which the end of an update waits for a kube-proxy that does not answer."""


class Gates(GateBase[S_co]):
    """The gates of one service, whatever its strategy."""

    async def before_first(self) -> None:
        """Checks before the first object of a service that the stack has not created yet.

        Raises:
            GateRefusedError: the namespace does not exist or is being deleted, or somebody else has a Service of this
                name.
        """
        async with self._cluster() as cluster:
            try:
                phase = await cluster.namespace_phase(self._service.namespace)
            except AccessDeniedError:
                phase = NAMESPACE_ACTIVE  # a user who may not read the namespace may still have one
            self._raise(refuse_namespace(self._name, self._service, phase))
            await self._check_adoption(cluster, await self._selected(cluster))

    async def before_switch(self, *, creating: bool, preview: bool) -> None:
        """Checks before the active Service may select the active track.

        In a preview the pods do not exist yet, so only the configuration is checked.

        Args:
            creating: whether the stack has no Service yet, so that one on the cluster may be somebody else's.
            preview: whether this is a preview.

        Raises:
            GateRefusedError: it has too few ready endpoints, its smoke test fails, the version was rolled back or
                works no longer, or releases are frozen.
        """
        to = self._service.track
        async with self._cluster() as cluster:
            selected = await self._selected(cluster)
            serving = serving_track(self._name, selected)
            if serving == to:
                return
            if creating:
                await self._check_adoption(cluster, selected)
            if not (self.intended and self.by_command):
                await self._check_record(cluster, to, serving)
            if self.freezes:
                await self._check_frozen(cluster, to, serving)
            if serving is Track.ROLLOUT:
                self._raise(refuse_routed(self._name, to, await cluster.rollout(self._service.namespace, self._name)))
            serving_ready = await self._serving_ready(cluster, to) if selected else 0
            self._raise(refuse_fewer_replicas(self._name, self._service, to, serving, serving_ready))
            if preview:
                return
            await self._prove(cluster, to, serving_ready)
            if controlled(self._name, selected) or (selected == shared(self._name) and not creating):
                await self._pause_rollout(cluster)
            self._switching = serving is not None

    def _check_added_pods(self, track: Track, before: int, after: int, recorded: int | None) -> None:
        """Refuses to remove pods of the track that serves, which somebody has added. Arguments as of the rule."""
        # The removal of an autoscaler has a rule of its own.
        if self.sizing.own is None and not self.sizing.sizes(self._service, track):
            self._raise(refuse_removal_of_added_pods(self._name, track, before, after, recorded))

    async def before_autoscaler(self, *, preview: bool) -> None:
        """Checks before the autoscaler is created or changed.

        Raises:
            GateRefusedError: another autoscaler sizes the same pods, or this one would remove pods that serve.
        """
        self._autoscaler_previewed = preview
        async with self._cluster() as cluster:
            items = await autoscalers(cluster, self._service.namespace)
            sizing = await read_sizing(cluster, self._name, self._service, items)
            self._raise(refuse_other_autoscalers(self._name, self._service, sizing))
            self._raise(refuse_lower_max(self._name, self._service, sizing.behind))
            if not await has_metrics(cluster, self._service.namespace):
                self._warn_once(no_metrics(self._name))

    async def inspect(self) -> ServingReport:
        """Reports which track serves, at the end of a run.

        The engine compares settings with its own record, so that a selector changed behind its back is invisible
        to it until a refresh: an update to blue may find nothing to do while green serves.
        """
        try:
            cluster = await Cluster.connect(self._access)
            report = serving_report(self._name, self._service, await self._selected(cluster))
            if report.problem is None:
                targets = await cluster.service_targets(self._service.namespace, self._name)
                report = replace(report, problem=changed_ports(self._name, self._service, targets))
            if report.problem is None:
                report = replace(report, problem=await self._unfinished(cluster) or await self._unsized(cluster))
            if report.problem is None and not await self._is_ready(cluster):
                report = replace(report, problem=nothing_ready(self._name, self._service, self._service.track))
            if self._switching and report.problem is None:
                reasons = await wait_for_nodes(cluster, self._service, FOLLOW_SECONDS)
                if reasons:
                    self._warn(warn_unfollowed(self._name, self._service.track, reasons))
            return report
        except ClusterError as error:
            problem, remedy = self._why(error)
            return ServingReport(
                UNKNOWN, f"{sentence(problem)} So whether {self._service.track} serves is not known. {remedy}"
            )

    async def _unfinished(self, cluster: Cluster) -> str | None:
        """The problem with which the update must end in an error although the right track serves; else None.

        Waits until the pods of another strategy, which are deleted at the end of the update, are not needed any more.

        The cluster is asked whether there are any: the update that began the migration may have been interrupted.
        """
        namespace, track = self._service.namespace, self._service.track
        previous_tracks = [other for other in Track if (other is Track.ROLLOUT) != (track is Track.ROLLOUT)]
        previous_pods = {
            pod.name for other in previous_tracks for pod in await cluster.pods(namespace, selector(self._name, other))
        }
        if not previous_pods:
            return None
        wanted, seconds = wanted_ready(self._service, track, 0), self._service.gate.timeout_seconds
        reasons = [f"no answer from the API server in {seconds} s"]

        async def follows(endpoints: frozenset[Endpoint]) -> bool:
            nonlocal reasons
            ready = ready_pods(endpoints)
            short = f"Service {self._name} has {len(ready - previous_pods)} of {wanted} ready endpoints of {track}"
            reasons = [] if len(ready - previous_pods) >= wanted and not ready & previous_pods else [short]
            return not reasons

        await watch_until(cluster.watch_endpoints(namespace, self._name), follows, seconds)
        reasons = reasons or await wait_for_nodes(cluster, self._service, seconds)
        return unfinished_migration(self._name, track, len(previous_pods), reasons) if reasons else None

    async def _is_ready(self, cluster: Cluster) -> bool:
        """Whether the track that serves has a ready pod, or is configured to have none."""
        service, track = self._service, self._service.track
        if not wanted_ready(service, track, 0) or self._pods_are_planned:
            return True
        return any(pod.ready for pod in await cluster.pods(service.namespace, selector(self._name, track)))

    @property
    def _pods_are_planned(self) -> bool:
        """Whether this is a preview with a change of the pods that serve."""
        return False

    async def _unsized(self, cluster: Cluster) -> str | None:
        """The reason why no autoscaler sizes the pods that serve, or None. Warns of one that cannot scale."""
        if self._service.autoscaling is None or self._autoscaler_previewed:
            return None
        items = of_service(self._name, await autoscalers(cluster, self._service.namespace))
        for autoscaler in items:
            if autoscaler.own and autoscaler.inactive is not None:
                self._warn_once(inactive_autoscaler(self._name, autoscaler.inactive))
        return not_sized(self._name, self._service, items)

    async def _warm(self, cluster: Cluster, to: Track, serving_ready: int) -> None:
        """Scales a track that an autoscaler sizes up to what serves now, which may be more than at the start."""
        if not self.sizing.sizes(self._service, to):
            return
        wanted = wanted_ready(self._service, to, serving_ready)
        previous = await warm(cluster, self._name, self._service, to, wanted)
        if previous is not None:
            self._warn_once(notice_scaled_up(self._name, to, previous, wanted))

    async def _prove(self, cluster: Cluster, to: Track, serving_ready: int) -> None:
        """Waits until the track is ready for the traffic, and refuses the switch otherwise.

        Args:
            cluster: the cluster.
            to: the track.
            serving_ready: ready pods that serve now, without those of the track.
        """
        await self._warm(cluster, to, serving_ready)
        endpoints = await self._wait_for_endpoints(cluster, to, serving_ready)
        await self._check_nodes(cluster, to, endpoints)
        await self._smoke(cluster, to, endpoints)

    async def _wait_for_endpoints(self, cluster: Cluster, to: Track, serving_ready: int) -> frozenset[Endpoint]:
        refusal: Refusal | None = refuse_no_answer(self._name, self._service, f"the switch to {to}")
        namespace, last = self._service.namespace, frozenset[Endpoint]()

        async def enough(endpoints: frozenset[Endpoint]) -> bool:
            nonlocal refusal, last
            current, last = await cluster.current_pods(namespace, self._name, to), endpoints
            refusal = refuse_switch(self._name, self._service, to, endpoints, current, serving_ready)
            return refusal is None

        watch = cluster.watch_endpoints(namespace, track_service_name(self._name, to))
        await watch_until(watch, enough, self._service.gate.timeout_seconds)
        await self._raise_with_report(cluster, refusal, to)
        return last

    async def _raise_with_report(self, cluster: Cluster, refusal: Refusal | None, track: Track) -> None:
        """Refuses a step for which ready pods are missing, with the reasons why they are missing."""
        if refusal is None:
            return
        with suppress(ClusterError):  # the refusal stands without the reasons
            report = await self._pods_report(cluster, track)
            if report.ready < report.wanted or report.earlier:
                refusal = replace(refusal, observed=f"{refusal.observed} ({report})")
        self._raise(refusal)

    async def _pods_report(self, cluster: Cluster, track: Track) -> PodsReport:
        wanted = self._service.replicas_of(track)
        return await cluster.pods_report(self._service.namespace, self._name, track, wanted)

    async def _pause_rollout(self, cluster: Cluster) -> None:
        """Pauses a Rollout, so that Argo Rollouts no longer changes the Service.

        Otherwise the controller would add its hash to the new selector, and the Service would select no pod.
        """
        namespace = self._service.namespace
        if await cluster.rollout(namespace, self._name) is None:
            return
        await cluster.pause_rollout(namespace, self._name)
        # A status of this generation shows that the controller works on no earlier one.
        state = await wait_for_rollout(cluster, namespace, self._name, SEEN_SECONDS, lambda state: state.observed)
        if (refusal := refuse_silent_controller(self._name, state, SEEN_SECONDS)) is not None:
            await cluster.resume_rollout(namespace, self._name)
            self._raise(refusal)

    async def _smoke(self, cluster: Cluster, to: Track, endpoints: frozenset[Endpoint]) -> None:
        if not self._service.gate.smoke.enabled:
            return
        simulated = await cluster.simulated({endpoint.node for endpoint in endpoints})
        if simulated:
            self._warn(warn_no_smoke_test(self._name, to, simulated))
            return
        failures = await smoke_failures(cluster, self._name, self._service, to, ready_pods(endpoints))
        self._raise(refuse_smoke(self._name, self._service, to, failures))

    async def _serving_ready(self, cluster: Cluster, to: Track) -> int:
        """Number of ready pods behind the active Service, whatever it selects, without those of a track."""
        serving_pods = ready_pods(await cluster.endpoints(self._service.namespace, self._name))
        own = await cluster.pods(self._service.namespace, selector(self._name, to))
        return len(serving_pods.difference(pod.name for pod in own))
