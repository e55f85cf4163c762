"""The component of Argo Rollouts' blue/green: a new version gets all of the traffic at once."""

import pulumi

from components.manifest import register
from components.services.base import ARGO_BLUE_GREEN_TYPE, recorded_replicas
from components.services.rollout import RolloutService
from switchyard.config.models.service import ArgoBlueGreenSettings, Track
from switchyard.gates.argo_blue_green import ArgoBlueGreenGates
from switchyard.gates.observed import Observed
from switchyard.kube.access import ClusterAccess
from switchyard.kube.live_rollouts import LiveRollout
from switchyard.manifests import argo_blue_green as render
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import preview_name
from switchyard.manifests.pods import active_service
from switchyard.manifests.rollout import version_service


class ArgoBlueGreenService(RolloutService[ArgoBlueGreenSettings, ArgoBlueGreenGates]):
    """A service of which Argo Rollouts switches Service `name` from one version to the next.

    In the reverse of a canary's order, the Service is created before the Rollout, because the controller refuses a
    Rollout whose Service selects other labels than its pods have. Once the controller has added its hash, it alone
    writes the selector.

    Besides the objects of every strategy, it creates:

    - a preview Service;
    - a PodDisruptionBudget;
    - the AnalysisTemplates, where the settings have an analysis before or after the promotion;
    - a Rollout.

    Args:
        name: the service's key.
        service: settings of the service.
        access: the gates' access to the cluster.
        observed: state of the service on the cluster at the start of the program.
        opts: options of the component.
    """

    def __init__(
        self,
        name: str,
        *,
        service: ArgoBlueGreenSettings,
        access: ClusterAccess,
        observed: Observed | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        release = observed.release if observed is not None else LiveRollout()
        gates = ArgoBlueGreenGates(
            service.named(name),
            service,
            access,
            warn=lambda line: pulumi.log.warn(line, self),
            live=release,
            preview=pulumi.runtime.is_dry_run(),
        )
        super().__init__(ARGO_BLUE_GREEN_TYPE, name, service, gates, observed, opts)

        key, name = name, self._name
        service_account = self._service_account()
        named = preview_name(name)
        preview = self._version_service(named, version_service(name, named, service), after=[service_account])
        budget = disruption_budget(name, service.track, service)
        register(self._logical(budget["metadata"]["name"]), budget, self._child([service_account]))
        analyses = [self._custom(manifest, after=[service_account]) for manifest in render.templates(name, service)]
        # With the hash that the cluster has, so that an apply by a state without the Service changes nothing.
        hashed = release.hashed(name)
        manifest = active_service(name, service, hashed or render.selected(name))
        ignored = ["spec.selector"] if hashed else None
        switched = self._active_service(after=[service_account, preview], manifest=manifest, ignored=ignored)
        replicas = self._replicas(Track.ROLLOUT)
        pods = render.rollout(name, service, self._observed.content.annotations.get(Track.ROLLOUT), replicas.pods)
        dependencies = [switched, preview, *analyses]
        ignored_pods = self._ignored(Track.ROLLOUT, replicas)
        rollout = self._custom(pods, dependencies, f"{key}-rollout", self._guard(), ignored_pods)

        self.active = self._inspect(after=[switched, rollout, *self._autoscaler(after=[rollout])])
        self._followed = self._followed_after(rollout, switched)
        self.urls = self._urls(switched, active=name, preview=preview_name(name))
        self.register_outputs({"active": self.active, "follow": self.follow, "urls": self.urls})

    def _guard(self) -> pulumi.ResourceHook:
        """The hook that refuses a change of the Rollout while its pods would mix with others behind the Service."""

        async def guard(args: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_size(recorded_replicas(args))
            await self._gates.before_rollout()

        return self._hook(f"{self._key}-rollout-guard", guard)
