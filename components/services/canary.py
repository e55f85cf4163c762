"""One service whose new versions get their traffic step by step, from Argo Rollouts."""

import pulumi

from components.manifest import register
from components.services.base import CANARY_TYPE
from components.services.rollout import RolloutService
from switchyard.config.models.service import CanarySettings, Track
from switchyard.gates.canary import CanaryGates
from switchyard.gates.observed import Observed
from switchyard.kube.access import ClusterAccess
from switchyard.manifests import canary as render
from switchyard.manifests.analysis import templates
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import canary_name, stable_name
from switchyard.manifests.rollout import version_service


class CanaryService(RolloutService):
    """A service of which Argo Rollouts gives a new version its share of the pods, step by step.

    Service `name` selects all pods of the Rollout, so that their number makes the shares, and is this program's
    alone. The selectors of the Services of the two versions are the controller's.
    """

    urls: pulumi.Output[dict[str, str]]
    """URLs in the cluster, ``active``, ``stable`` and ``canary``; ``nodePort`` is what the ALB's targets answer on."""

    def __init__(
        self,
        name: str,
        *,
        service: CanarySettings,
        access: ClusterAccess,
        observed: Observed | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._gates = CanaryGates(service.named(name), service, access, warn=lambda line: pulumi.log.warn(line, self))
        super().__init__(CANARY_TYPE, name, service, self._gates, observed, opts)
        self._settings = service

        key, name = name, self._name
        account = self._account()
        versions = [
            self._version_service(version, version_service(name, version, service), after=[account])
            for version in (stable_name(name), canary_name(name))
        ]
        budget = disruption_budget(name, service.track, service)
        register(self._logical(budget["metadata"]["name"]), budget, self._child([account]))
        asked = [self._custom(manifest, after=[account]) for manifest in templates(name, service)]
        routes = []
        if service.canary.traffic == "istio":
            route = render.virtual_service(name, service)
            guard = self._routing(f"{key}-route")
            routes = [self._custom(route, [account, *versions], f"{key}-route", guard, ignored=["spec.http"])]
        replicas, guard = self._replicas(Track.ROLLOUT), self._routing(f"{key}-rollout")
        manifest = render.rollout(name, service, self._observed.content.annotations.get(Track.ROLLOUT), replicas.pods)
        before = [*versions, *asked, *routes]
        ignored = self._ignored(Track.ROLLOUT, replicas)
        rollout = self._custom(manifest, before, f"{key}-rollout", guard, ignored)
        switched = self._active_service(after=[rollout])

        self.active = self._inspect(after=[switched, *self._autoscaler(after=[switched])])
        self._followed = self._followed_after(rollout, switched)
        self.urls = pulumi.Output.all(
            **{
                "active": self._url(name),
                "stable": self._url(stable_name(name)),
                "canary": self._url(canary_name(name)),
                "nodePort": self._node_port(switched),
            }
        )
        self.register_outputs({"active": self.active, "follow": self.follow, "urls": self.urls})

    def _routing(self, name: str) -> pulumi.ResourceHook:
        """Holds what sends users to pods until it may."""

        async def routing(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_routing()

        return self._hook(f"{name}-routing", routing)
