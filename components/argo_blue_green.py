"""One service whose new versions get their traffic at once, from Argo Rollouts."""

from collections.abc import Collection, Mapping

import pulumi
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifest import register
from components.rollout import RolloutService, kept_template
from components.service import ARGO_BLUE_GREEN_TYPE
from gate.access import ClusterAccess
from gate.argo_blue_green import ArgoBlueGreenGates
from gate.hand_over import LiveRelease, ReleasesUnreadableError, look_at_releases, refuse_other_rollout
from render import argo_blue_green as render
from render.canary import disruption_budget, version_service
from render.labels import preview_name
from render.pods import active_service
from settings.service import ArgoBlueGreenSettings, RolloutSettings, ServiceSettings, Track


def look_at_rollouts(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> Mapping[str, LiveRelease]:
    """What the cluster has of every service with a Rollout; one of another kind ends the run before anything is made.

    Here, and not in a hook: what the controller owns has to be known before a Service is registered.
    """
    rollouts = {name: service for name, service in services.items() if isinstance(service, RolloutSettings)}
    if not access.there:
        return {name: LiveRelease() for name in rollouts}
    try:
        live = look_at_releases(rollouts, access)
    except ReleasesUnreadableError as error:
        raise pulumi.RunError(str(error)) from None
    refused = [refuse_other_rollout(name, service, live[name]) for name, service in rollouts.items()]
    if lines := [str(refusal) for refusal in refused if refusal is not None]:
        raise pulumi.RunError("\n".join(lines))
    return live


class ArgoBlueGreenService(RolloutService):
    """A service of which Argo Rollouts switches Service `name` from one version to the next.

    The reverse of a canary's order: the Service comes before the Rollout, because the controller refuses a Rollout
    whose Service selects other labels than its pods have. From when it has added its hash, the selector is its own.

    Args:
        name: the service's name.
        service: its settings.
        access: the cluster, for the gates.
        live: what the cluster has of it.
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
        live: LiveRelease,
        kept: Collection[Track] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._gates = ArgoBlueGreenGates(
            name,
            service,
            access,
            warn=lambda line: pulumi.log.warn(line, self),
            live=live,
            preview=pulumi.runtime.is_dry_run(),
        )
        super().__init__(ARGO_BLUE_GREEN_TYPE, name, service, self._gates, opts)
        self._settings = service

        account = self._account()
        named = preview_name(name)
        preview = self._version_service(named, version_service(name, named, service), after=[account])
        budget = disruption_budget(name, service)
        register(PodDisruptionBudget, budget["metadata"]["name"], budget, self._child([account]))
        asked = [self._custom(manifest, after=[account]) for manifest in render.templates(name, service)]
        # With the hash that is there in it, so that an apply by a state that does not know the Service changes nothing.
        hashed = live.hashed(name)
        manifest = active_service(name, service, hashed or render.selected(name))
        ignored = ["spec.selector"] if hashed else None
        switched = self._active_service(after=[account, preview], manifest=manifest, ignored=ignored)
        made = render.rollout(name, service)
        rollout = self._custom(made, [switched, preview, *asked], f"{name}-rollout", self._guard(), kept_template(kept))

        self.active = self._look(after=[switched, rollout])
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

        return self._hook(f"{self._name}-rollout-guard", guard)
