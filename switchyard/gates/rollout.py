"""The gates of every service with a Rollout: its CRDs must exist, and its release must end well."""

from typing import Literal, Protocol, TypeVar

from switchyard.config.models.service import RolloutSettings, Track
from switchyard.gates.autoscaling import replicas
from switchyard.gates.base import Warn
from switchyard.gates.rules.ports import refuse_other_port
from switchyard.gates.rules.reports import other_version
from switchyard.gates.rules.rollout import (
    refuse_degraded,
    refuse_no_argo,
    refuse_silent_controller,
    refuse_unfinished,
)
from switchyard.gates.service import Gates
from switchyard.gates.waits import SEEN_SECONDS, wait_for_rollout
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.images import Running
from switchyard.kube.objects import application, image_owners
from switchyard.kube.rollout import DEGRADED, RolloutState, measured
from switchyard.kube.selectors import serving_track

R_co = TypeVar("R_co", bound=RolloutSettings, covariant=True)
"""Settings of a service with a Rollout."""


class Waiting(Protocol):
    """How long an update waits, in the settings of a strategy."""

    @property
    def wait(self) -> Literal["progressing", "finished"]:
        """Whether the update waits for the start of the release, or for its end."""

    @property
    def wait_seconds(self) -> int:
        """Seconds for which the update waits for the end of the release."""


class RolloutGates(Gates[R_co]):
    """The gates of a service with a Rollout, with the arguments of `Gates` and the following.

    Args:
        waiting: settings of how long an update waits.
    """

    def __init__(self, name: str, service: R_co, access: ClusterAccess, warn: Warn, waiting: Waiting) -> None:
        super().__init__(name, service, access, warn)
        self._waiting = waiting
        self._planned = False

    async def before_custom(self) -> None:
        """Checks before a custom resource of Argo Rollouts is created.

        Raises:
            GateRefusedError: the cluster does not have the CRDs of Argo Rollouts.
        """
        async with self._cluster() as cluster:
            await self._check_known(cluster)

    async def before_switch(self, *, creating: bool, preview: bool) -> None:
        """Checks also that the ports are those of the pods that serve."""
        await self.before_ports()
        await super().before_switch(creating=creating, preview=preview)

    async def before_ports(self) -> None:
        """Checks before a Service of the service is changed.

        Raises:
            GateRefusedError: the Service would target a port on which the pods that serve do not listen.
        """
        namespace = self._service.namespace
        async with self._cluster() as cluster:
            if serving_track(self._name, await self._selected(cluster)) is Track.ROLLOUT:
                targets = await cluster.service_targets(namespace, self._name)
                self._raise(refuse_other_port(self._name, self._service, targets))

    async def before_size(self, recorded: int | None) -> None:
        """Checks before the Rollout is changed, whether that removes pods that somebody has added.

        Args:
            recorded: replicas of the Rollout in the state; None without a record.

        Raises:
            GateRefusedError: the update would remove such pods.
        """
        async with self._cluster() as cluster:
            before = await replicas(cluster, self._service.namespace, self._name, Track.ROLLOUT)
            serving = serving_track(self._name, await self._selected(cluster))
            if before is not None and serving is Track.ROLLOUT:
                self._check_added_pods(Track.ROLLOUT, before, self._service.replicas_of(Track.ROLLOUT), recorded)

    async def follow(self) -> RolloutState:
        """Waits until the controller has started the present release of the Rollout, or until the release has ended.

        Returns:
            The state of the Rollout, with its progress if the release continues.

        Raises:
            GateRefusedError: the release was aborted, or did not end in time.
        """
        namespace, finished = self._service.namespace, self._waiting.wait == "finished"
        seconds = self._waiting.wait_seconds if finished else SEEN_SECONDS

        def enough(state: RolloutState) -> bool:
            # The controller may have observed the Rollout before a Service that it names, and checks again.
            return not state.invalid and (state.ended or (state.observed and not finished))

        async with self._cluster() as cluster:
            state = self._reported(await wait_for_rollout(cluster, namespace, self._name, seconds, enough), seconds)
            runs = await cluster.analysis_runs(namespace, state.pod_hash) if state.phase == DEGRADED else []
            degraded = refuse_degraded(self._name, self._service, state, measured(runs))
            await self._raise_with_report(cluster, degraded, Track.ROLLOUT)
            await self._raise_with_report(cluster, refuse_unfinished(self._name, self._service, state), Track.ROLLOUT)
            return state

    def _reported(self, state: RolloutState | None, seconds: float) -> RolloutState:
        """The state of a Rollout on which its controller acts.

        Raises:
            GateRefusedError: the controller has not reported on the Rollout.
        """
        self._raise(refuse_silent_controller(self._name, state, seconds))
        if state is None:
            raise ValueError("a Rollout without a state is refused")
        return state

    async def _unfinished(self, cluster: Cluster) -> str | None:
        """Also reports a Rollout with another version than the stack has, unless this run changes it."""
        problem = await super()._unfinished(cluster)
        if problem is not None or self._planned:
            return problem
        rollout = await cluster.rollout(self._service.namespace, self._name)
        if rollout is None or not (spec := rollout["spec"].get("template", {}).get("spec")):
            return None
        image = Running(application(spec)["image"], None, pods=0, ready=0)
        return other_version(self._name, self._service, Track.ROLLOUT, [image], image_owners(rollout))

    async def _check_known(self, cluster: Cluster) -> None:
        # With a stack that installs it, a preview comes before, and an update waits for the release.
        installed = self._access.brings_argo_rollouts or await cluster.has_argo_rollouts(self._service.namespace)
        self._raise(refuse_no_argo(self._name, installed=installed))
