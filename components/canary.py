"""One service whose new versions get their traffic step by step, from Argo Rollouts."""

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifest import register
from components.service import CANARY_TYPE, ReleasedService, hook
from gate.canary import CanaryGates
from gate.checks import GateRefusedError
from gate.cluster import ClusterAccess
from gate.rollout import follow_command
from render import canary as render
from render.analysis import templates
from render.labels import canary_name, stable_name
from render.pods import Manifest
from settings.service import CanarySettings


class CanaryService(ReleasedService):
    """A service of which Argo Rollouts gives a new version its share of the pods, step by step.

    Service `name` selects all pods of the Rollout, so that their number makes the shares, and is this program's
    alone. The selectors of the Services of the two versions are the controller's.
    """

    follow: str
    """The command that shows how it goes on."""

    urls: pulumi.Output[dict[str, str]]
    """URLs in the cluster, ``active``, ``stable`` and ``canary``; ``nodePort`` is what the ALB's targets answer on."""

    def __init__(
        self,
        name: str,
        *,
        service: CanarySettings,
        access: ClusterAccess,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._gates = CanaryGates(name, service, access, warn=lambda line: pulumi.log.warn(line, self))
        super().__init__(CANARY_TYPE, name, service, self._gates, opts)
        self._settings = service
        self.follow = follow_command(name, service)

        account = self._account()
        versions = [
            self._version_service(version, after=[account]) for version in (stable_name(name), canary_name(name))
        ]
        budget = render.disruption_budget(name, service)
        register(PodDisruptionBudget, budget["metadata"]["name"], budget, self._child([account]))
        asked = [self._custom(manifest, after=[account]) for manifest in templates(name, service)]
        routes = []
        if service.canary.traffic == "istio":
            route = render.virtual_service(name, service)
            routes = [self._custom(route, [account, *versions], f"{name}-route", routed=True, ignored=["spec.http"])]
        rollout = self._custom(
            render.rollout(name, service), [*versions, *asked, *routes], f"{name}-rollout", routed=True
        )
        switched = self._active_service(after=[rollout])

        self.active = self._look(after=[switched])
        # Nothing hangs on this one: what the Rollout does is no output, or every preview would show that it went on.
        self._followed: pulumi.Output[None] = pulumi.Output.all(rollout.id, switched.id).apply(lambda _: self._follow())
        self.urls = pulumi.Output.all(
            **{
                "active": self._url(name),
                "stable": self._url(stable_name(name)),
                "canary": self._url(canary_name(name)),
                "nodePort": self._node_port(switched),
            }
        )
        self.register_outputs({"active": self.active, "follow": self.follow, "urls": self.urls})

    def _version_service(self, version: str, after: list[pulumi.Resource]) -> Service:
        manifest = render.version_service(self._name, version, self._settings)
        return register(Service, version, manifest, self._child(after, ignored=["spec.selector"]))

    def _custom(
        self,
        manifest: Manifest,
        after: list[pulumi.Resource],
        name: str | None = None,
        *,
        routed: bool = False,
        ignored: list[str] | None = None,
    ) -> CustomResource:
        """Registers an object of a kind that the provider does not know.

        Args:
            manifest: the object.
            after: what it waits for.
            name: the engine's name for it, where that of the object is taken.
            routed: whether users get to pods by it.
            ignored: what its controller sets.
        """
        name = name or manifest["metadata"]["name"]

        async def known(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_custom()

        async def routing(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_routing()

        known_first = hook(f"{name}-known", known)
        changed = [hook(f"{name}-routing", routing)] if routed else []
        hooks = pulumi.ResourceHookBinding(before_create=[known_first, *changed], before_update=[*changed])
        return CustomResource(
            name,
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=self._child(after, hooks, ignored=ignored),
        )

    async def _follow(self) -> None:
        if pulumi.runtime.is_dry_run():
            return
        try:
            state = await self._gates.follow()
        except GateRefusedError as error:
            raise pulumi.RunError(str(error)) from None
        pulumi.log.info(f"{self._name}: {self._settings.tag}: {state}. Follow it: {self.follow}", self)
