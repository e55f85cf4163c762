"""One service whose new versions get their traffic at once, from Argo Rollouts."""

from collections.abc import Mapping

import pulumi

from components.failures import end_if_refused, errors_end_the_run
from components.manifest import register
from components.services.base import ARGO_BLUE_GREEN_TYPE
from components.services.rollout import RolloutService
from switchyard.config.models.service import ArgoBlueGreenSettings, RolloutSettings, ServiceSettings, Track
from switchyard.gates.argo_blue_green import ArgoBlueGreenGates
from switchyard.gates.observed import Observed
from switchyard.gates.rules.strategy_migration import refuse_other_rollout
from switchyard.kube.access import ClusterAccess
from switchyard.kube.live_releases import LiveRelease, read_live_releases
from switchyard.manifests import argo_blue_green as render
from switchyard.manifests.canary import disruption_budget, version_service
from switchyard.manifests.labels import preview_name
from switchyard.manifests.pods import active_service


def look_at_rollouts(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> Mapping[str, LiveRelease]:
    """What the cluster has of every service with a Rollout; one of another kind ends the run before anything is made.

    Here, and not in a hook: what the controller owns has to be known before a Service is registered.
    """
    rollouts = {name: service for name, service in services.items() if isinstance(service, RolloutSettings)}
    if not access.exists:
        return {name: LiveRelease() for name in rollouts}
    with errors_end_the_run():
        live = read_live_releases(rollouts, access)
    end_if_refused(refuse_other_rollout(name, service, live[name]) for name, service in rollouts.items())
    return live


class ArgoBlueGreenService(RolloutService):
    """A service of which Argo Rollouts switches Service `name` from one version to the next.

    The reverse of a canary's order: the Service comes before the Rollout, because the controller refuses a Rollout
    whose Service selects other labels than its pods have. From when it has added its hash, the selector is its own.

    Args:
        name: the service's name.
        service: its settings.
        access: the cluster, for the gates.
        observed: what the program read of it at its start.
        opts: options of the component.
    """

    urls: pulumi.Output[dict[str, str]]
    """URLs in the cluster, ``active`` and ``preview``; ``nodePort`` is what the ALB's targets answer on."""

    def __init__(
        self,
        name: str,
        *,
        service: ArgoBlueGreenSettings,
        access: ClusterAccess,
        observed: Observed | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        release = observed.release if observed is not None else LiveRelease()
        self._gates = ArgoBlueGreenGates(
            service.named(name),
            service,
            access,
            warn=lambda line: pulumi.log.warn(line, self),
            live=release,
            preview=pulumi.runtime.is_dry_run(),
        )
        super().__init__(ARGO_BLUE_GREEN_TYPE, name, service, self._gates, observed, opts)
        self._settings = service

        key, name = name, self._name
        account = self._account()
        named = preview_name(name)
        preview = self._version_service(named, version_service(name, named, service), after=[account])
        budget = disruption_budget(name, service)
        register(self._logical(budget["metadata"]["name"]), budget, self._child([account]))
        asked = [self._custom(manifest, after=[account]) for manifest in render.templates(name, service)]
        # With the hash that is there in it, so that an apply by a state that does not know the Service changes nothing.
        hashed = release.hashed(name)
        manifest = active_service(name, service, hashed or render.selected(name))
        ignored = ["spec.selector"] if hashed else None
        switched = self._active_service(after=[account, preview], manifest=manifest, ignored=ignored)
        replicas = self._replicas(Track.ROLLOUT)
        pods = render.rollout(name, service, self._observed.content.annotations.get(Track.ROLLOUT), replicas.pods)
        before = [switched, preview, *asked]
        ignored_pods = self._ignored(Track.ROLLOUT, replicas)
        rollout = self._custom(pods, before, f"{key}-rollout", self._guard(), ignored_pods)

        self.active = self._look(after=[switched, rollout, *self._autoscaler(after=[rollout])])
        self._followed = self._followed_after(rollout, switched)
        self.urls = pulumi.Output.all(
            **{
                "active": self._url(name),
                "preview": self._url(preview_name(name)),
                "nodePort": self._node_port(switched),
            }
        )
        self.register_outputs({"active": self.active, "follow": self.follow, "urls": self.urls})

    def _guard(self) -> pulumi.ResourceHook:
        """Holds the Rollout while its pods would mix with others."""

        async def guard(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_rollout()

        return self._hook(f"{self._key}-rollout-guard", guard)
