"""What the component of a service with a Rollout has, whatever its strategy."""

from collections.abc import Sequence

import pulumi

from components.failures import errors_end_the_run
from components.manifest import KubernetesObject, register
from components.services.base import ReleasedService
from switchyard.config.models.service import RolloutSettings
from switchyard.gates.observed import Observed
from switchyard.gates.rollout import RolloutGates
from switchyard.gates.rules.rollout import follow_command
from switchyard.manifests.pods import Manifest
from switchyard.operation import is_destroy


class RolloutService(ReleasedService):
    """A service whose versions Argo Rollouts brings to its users."""

    follow: str
    """The command that shows how it goes on."""

    urls: pulumi.Output[dict[str, str]]
    """URLs in the cluster."""

    def __init__(
        self,
        kind: str,
        name: str,
        service: RolloutSettings,
        gates: RolloutGates[RolloutSettings],
        observed: Observed | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        super().__init__(kind, name, service, gates, observed, opts)
        self.follow = follow_command(service.kubernetes_name(name), service)
        self._tag = service.tag
        self._rollout_gates = gates

    def _version_service(self, version: str, manifest: Manifest, after: Sequence[pulumi.Resource]) -> KubernetesObject:
        """The Service of one version, whose selector is the controller's."""

        async def ports(_: pulumi.ResourceHookArgs) -> None:
            await self._rollout_gates.before_ports()

        named = self._logical(version)
        hooks = pulumi.ResourceHookBinding(before_update=[self._hook(f"{named}-ports", ports)])
        return register(named, manifest, self._child(after, hooks, ignored=["spec.selector"]))

    def _custom(
        self,
        manifest: Manifest,
        after: Sequence[pulumi.Resource],
        name: str | None = None,
        changed: pulumi.ResourceHook | None = None,
        ignored: list[str] | None = None,
    ) -> KubernetesObject:
        """Registers an object of a kind that the provider does not know.

        Args:
            manifest: the object.
            after: what it waits for.
            name: the engine's name for it, where that of the object is taken.
            changed: runs before each of its changes.
            ignored: what its controller sets.
        """
        name = name or self._logical(manifest["metadata"]["name"])

        async def known(_: pulumi.ResourceHookArgs) -> None:
            await self._rollout_gates.before_custom()

        guards = [] if changed is None else [changed]
        hooks = pulumi.ResourceHookBinding(
            before_create=[self._hook(f"{name}-known", known), *guards], before_update=[*guards]
        )
        return register(name, manifest, self._child(after, hooks, ignored=ignored))

    def _followed_after(self, *resources: pulumi.CustomResource) -> pulumi.Output[None]:
        """Follows the Rollout when these are done.

        Nothing may hang on it: what the Rollout does is no output, or every preview would show that it went on.
        """
        return pulumi.Output.all(*(resource.id for resource in resources)).apply(lambda _: self._follow())

    async def _follow(self) -> None:
        if pulumi.runtime.is_dry_run() or is_destroy():
            return
        with errors_end_the_run():
            state = await self._rollout_gates.follow()
        pulumi.log.info(f"{self._key}: {self._tag}: {state}. Follow it: {self.follow}", self)
