"""The component of a canary: Argo Rollouts gives a new version its traffic step by step."""

import pulumi

from components.manifest import register
from components.services.base import CANARY_TYPE, recorded_replicas
from components.services.rollout import RolloutService
from switchyard.config.models.service import CanarySettings, Track
from switchyard.gates.canary import CanaryGates
from switchyard.gates.observed import Observed
from switchyard.gates.rules.addresses import lost_hosts
from switchyard.kube.access import ClusterAccess
from switchyard.manifests import canary as render
from switchyard.manifests.analysis import templates
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import canary_name, stable_name
from switchyard.manifests.pods import Manifest
from switchyard.manifests.rollout import version_service


class CanaryService(RolloutService[CanarySettings, CanaryGates]):
    """A service of which Argo Rollouts gives a new version its share of the pods, step by step.

    Service `name` selects all pods of the Rollout, so that the numbers of pods make the shares; only this program
    writes it. Argo Rollouts sets the selectors of the Services of the two versions.

    Besides the objects of every strategy, it creates:

    - a Service for the stable version and one for the canary;
    - a PodDisruptionBudget;
    - the AnalysisTemplates, where the settings have an analysis;
    - a VirtualService, where Istio routes the traffic;
    - a Rollout.
    """

    def __init__(
        self,
        name: str,
        *,
        service: CanarySettings,
        access: ClusterAccess,
        observed: Observed | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        gates = CanaryGates(service.named(name), service, access, warn=lambda line: pulumi.log.warn(line, self))
        super().__init__(CANARY_TYPE, name, service, gates, observed, opts)

        key, name = name, self._name
        service_account = self._service_account()
        versions = [
            self._version_service(version, version_service(name, version, service), after=[service_account])
            for version in (stable_name(name), canary_name(name))
        ]
        budget = disruption_budget(name, service.track, service)
        register(self._logical(budget["metadata"]["name"]), budget, self._child([service_account]))
        analyses = [self._custom(manifest, after=[service_account]) for manifest in templates(name, service)]
        routes = []
        if service.canary.traffic == "istio":
            route = render.virtual_service(name, service)
            guard = self._routing(f"{key}-route", route)
            routes = [self._custom(route, [service_account, *versions], f"{key}-route", guard, ignored=["spec.http"])]
        replicas, guard = self._replicas(Track.ROLLOUT), self._routing(f"{key}-rollout")
        manifest = render.rollout(name, service, self._observed.content.annotations.get(Track.ROLLOUT), replicas.pods)
        dependencies = [*versions, *analyses, *routes]
        ignored = self._ignored(Track.ROLLOUT, replicas)
        rollout = self._custom(manifest, dependencies, f"{key}-rollout", guard, ignored)
        switched = self._active_service(after=[rollout])

        self.active = self._inspect(after=[switched, *self._autoscaler(after=[switched])])
        self._followed = self._followed_after(rollout, switched)
        self.urls = self._urls(switched, active=name, stable=stable_name(name), canary=canary_name(name))
        self.register_outputs({"active": self.active, "follow": self.follow, "urls": self.urls})

    def _routing(self, name: str, route: Manifest | None = None) -> pulumi.ResourceHook:
        """The hook that lets the controller route requests to pods only when these may get them.

        Args:
            name: the engine's name of the object that is changed.
            route: the VirtualService, if it is that object; else it is the Rollout, whose state has a number of pods.
        """

        async def routing(args: pulumi.ResourceHookArgs) -> None:
            if route and (warning := lost_hosts(self._name, args.old_outputs or {}, route)) is not None:
                pulumi.log.warn(warning, self)
            if route is None:
                await self._gates.before_size(recorded_replicas(args))
            await self._gates.before_routing()

        return self._hook(f"{name}-routing", routing)
