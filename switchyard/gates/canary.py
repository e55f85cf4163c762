"""The gates of a service under a canary: before a migration, before a traffic router, and after a change."""

from collections.abc import Callable

from switchyard.config.models.service import CanarySettings, Track
from switchyard.gates.base import Warn
from switchyard.gates.rollout import RolloutGates
from switchyard.gates.rules.addresses import lost_hosts
from switchyard.gates.rules.rollout import refuse_unready
from switchyard.gates.rules.traffic_router import (
    former_ingress_of,
    refuse_early_router,
    refuse_foreign_route,
    refuse_ingress,
    refuse_no_istio,
    refuse_other_route_port,
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
from switchyard.manifests.urls import service_hosts


class CanaryGates(RolloutGates[CanarySettings]):
    """The gates of a service under a canary, with the arguments of `Gates`."""

    def __init__(self, name: str, service: CanarySettings, access: ClusterAccess, warn: Warn) -> None:
        super().__init__(name, service, access, warn, service.canary)

    async def before_ports(self) -> None:
        """Checks also that the routes of a mesh target ports that the Services keep."""
        await super().before_ports()
        namespace = self._service.namespace
        async with self._cluster() as cluster:
            router = router_of(await cluster.rollout(namespace, self._name))
            if "istio" in router or self._service.canary.traffic == "istio":
                route = await cluster.virtual_service(namespace, self._name)
                self._raise(refuse_other_route_port(self._name, self._service, route))

    async def before_routing(self) -> None:
        """Checks before the Rollout, or an object of a traffic router, is applied.

        Raises:
            GateRefusedError: a router would send users to no pods, or has no object for its weights.
        """
        self._planned = True
        namespace, traffic = self._service.namespace, self._service.canary.traffic
        async with self._cluster() as cluster:
            router = router_of(await cluster.rollout(namespace, self._name))
            if (former_ingress := former_ingress_of(self._name, self._service, router)) is not None:
                rules = [
                    rule for rule in rules_of(await cluster.ingresses(namespace)) if rule.ingress == former_ingress
                ]
                self._raise(refuse_still_weighted(self._name, self._service, rules))
            if "istio" in router and traffic != "istio":
                route = await cluster.virtual_service(namespace, self._name)
                self._raise(refuse_still_routed(self._name, self._service, route))
                # In a mesh, names of the Service itself are routed without a VirtualService as well.
                left = {"spec": {"hosts": service_hosts(self._name, namespace)}}
                self._warn_once(lost_hosts(self._name, route or {}, left))
            if traffic == "replicas":
                return
            selected = await self._selected(cluster)
            self._raise(refuse_early_router(self._name, self._service, selected))
            if traffic == "istio":
                self._raise(refuse_no_istio(self._name, installed=await cluster.has_istio(namespace)))
                route = await cluster.virtual_service(namespace, self._name)
                self._raise(refuse_foreign_route(self._name, self._service, route))
                return
            ingresses = await cluster.ingresses(namespace)
            rules = rules_of(ingresses)
            exists = any(ingress["metadata"]["name"] == self._service.canary.alb.ingress for ingress in ingresses)
            self._raise(refuse_ingress(self._name, self._service, rules, exists=exists))
            self._warn_once(warn_without_weights(self._name, self._service, rules))

    async def _wait_for_endpoints(self, cluster: Cluster, to: Track, serving_ready: int) -> frozenset[Endpoint]:
        """Waits longer than for a colour: at a migration the pods of the Rollout may still have to start.

        A Rollout from a failed migration that has another version now has started a canary of it, which gets
        no requests, so that no step could prove anything. The steps are therefore skipped.
        """
        seconds = self._service.ready_timeout_seconds
        state = await self._wait_for_rollout(cluster, seconds, lambda state: state.observed)
        if state is not None and state.observed and not state.ended and state.pod_hash != state.stable_hash:
            await cluster.promote(self._service.namespace, self._name)
        ended = await self._wait_for_rollout(cluster, seconds, lambda state: state.ended)
        refusal = refuse_unready(self._name, self._service, self._reported(ended, seconds))
        await self._raise_with_report(cluster, refusal, to)
        return await super()._wait_for_endpoints(cluster, to, serving_ready)

    async def _wait_for_rollout(
        self, cluster: Cluster, seconds: float, enough: Callable[[RolloutState], bool]
    ) -> RolloutState | None:
        return await wait_for_rollout(cluster, self._service.namespace, self._name, seconds, enough)
