"""The gates of a service under a canary: the Rollout is ready before users reach it, and followed after a change."""

from collections.abc import Callable

from switchyard.config.models.service import CanarySettings, Track
from switchyard.errors import GateRefusedError
from switchyard.gates.base import Warn
from switchyard.gates.rollout import RolloutGates
from switchyard.gates.rules.rollout import no_controller, refuse_unready
from switchyard.gates.rules.traffic_router import (
    left_ingress,
    refuse_early_router,
    refuse_foreign_route,
    refuse_ingress,
    refuse_no_istio,
    refuse_still_routed,
    refuse_still_weighted,
    router_of,
    warn_without_weights,
)
from switchyard.gates.waits import wait_for_rollout
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.ingresses import rules_of
from switchyard.kube.objects import Endpoint
from switchyard.kube.rollout import RolloutState
from switchyard.kube.selectors import serving_track


class CanaryGates(RolloutGates):
    """The gates of a service under a canary; arguments as of `Gates`."""

    def __init__(self, name: str, service: CanarySettings, access: ClusterAccess, warn: Warn) -> None:
        super().__init__(name, service, access, warn, service.canary)
        self._canary = service

    async def before_routing(self) -> None:
        """Holds before the Rollout, or a router's object, is applied.

        Raises:
            GateRefusedError: a router would send users to no pods, or has nothing to set its weights in.
        """
        self._planned = True
        namespace, traffic = self._canary.namespace, self._canary.canary.traffic
        async with self._cluster() as cluster:
            router = router_of(await cluster.rollout(namespace, self._name))
            if (left := left_ingress(self._name, self._canary, router)) is not None:
                rules = [rule for rule in rules_of(await cluster.ingresses(namespace)) if rule.ingress == left]
                self._raise(refuse_still_weighted(self._name, self._canary, rules))
            if "istio" in router and traffic != "istio":
                route = await cluster.virtual_service(namespace, self._name)
                self._raise(refuse_still_routed(self._name, self._canary, route))
            if traffic == "replicas":
                return
            selected = await self._selected(cluster)
            serving = serving_track(self._name, selected)
            if selected is not None and serving is not Track.ROLLOUT:
                raise GateRefusedError(str(refuse_early_router(self._name, self._canary, serving)))
            if traffic == "istio":
                if not await cluster.has_istio(namespace):
                    raise GateRefusedError(str(refuse_no_istio(self._name)))
                route = await cluster.virtual_service(namespace, self._name)
                self._raise(refuse_foreign_route(self._name, self._canary, route))
                return
            ingresses = await cluster.ingresses(namespace)
            rules = rules_of(ingresses)
            exists = any(one["metadata"]["name"] == self._canary.canary.alb.ingress for one in ingresses)
            self._raise(refuse_ingress(self._name, self._canary, rules, exists=exists))
            self._warn_once(warn_without_weights(self._name, self._canary, rules))

    async def _wait_for_endpoints(self, cluster: Cluster, to: Track, serving_ready: int) -> frozenset[Endpoint]:
        """Waits for the Rollout's pods before a strategy migration, as long as for a Deployment's.

        A Rollout of a strategy migration that failed, with another version by now, has begun a canary of it. It gets
        no request, so that no step could prove anything: the Rollout skips its steps.
        """
        seconds = self._canary.ready_timeout_seconds
        state = await self._wait_for_rollout(cluster, seconds, lambda state: state.seen)
        if state is not None and state.seen and not state.ended and state.pod_hash != state.stable_hash:
            await cluster.promote(self._canary.namespace, self._name)
        state = await self._wait_for_rollout(cluster, seconds, lambda state: state.ended)
        if state is None or not state.seen:
            raise GateRefusedError(str(no_controller(self._name, self._canary.ready_timeout_seconds)))
        if state.phase != "Healthy":
            refusal = refuse_unready(self._name, self._canary, state)
            raise GateRefusedError(str(await self._with_report(cluster, refusal, to)))
        return await super()._wait_for_endpoints(cluster, to, serving_ready)

    async def _wait_for_rollout(
        self, cluster: Cluster, seconds: float, enough: Callable[[RolloutState], bool]
    ) -> RolloutState | None:
        return await wait_for_rollout(cluster, self._canary.namespace, self._name, seconds, enough)
