"""The base of the components of services with a Rollout: canary and Argo Rollouts' blue/green."""

from collections.abc import Sequence
from typing import Any, TypeVar

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

R = TypeVar("R", bound=RolloutSettings)
"""Settings of a service with a Rollout."""

RG = TypeVar("RG", bound=RolloutGates[Any])
"""The gates of its strategy."""


class RolloutService(ReleasedService[R, RG]):
    """A service whose new versions Argo Rollouts releases."""

    follow: str
    """The command that shows the progress of the Rollout."""

    def __init__(
        self,
        kind: str,
        name: str,
        service: R,
        gates: RG,
        observed: Observed | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        super().__init__(kind, name, service, gates, observed, opts)
        self.follow = follow_command(service.kubernetes_name(name), service)

    def _version_service(self, version: str, manifest: Manifest, after: Sequence[pulumi.Resource]) -> KubernetesObject:
        """Registers the Service of one version, whose selector the controller sets."""

        async def ports(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_ports()

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
        """Registers a custom resource, of a kind that the provider does not know.

        Args:
            manifest: the object.
            after: resources that must exist before.
            name: the engine's name for it, if the object's name is already used.
            changed: a hook that runs before each change of the object.
            ignored: fields that a controller sets.
        """
        name = name or self._logical(manifest["metadata"]["name"])

        async def known(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_custom()

        guards = [] if changed is None else [changed]
        hooks = pulumi.ResourceHookBinding(
            before_create=[self._hook(f"{name}-known", known), *guards], before_update=[*guards]
        )
        return register(name, manifest, self._child(after, hooks, ignored=ignored))

    def _followed_after(self, *resources: pulumi.CustomResource) -> pulumi.Output[None]:
        """Follows the Rollout when these are done.

        Its result is no output: the progress of the Rollout would show as a change in every preview.
        """
        return pulumi.Output.all(*(resource.id for resource in resources)).apply(lambda _: self._follow())

    async def _follow(self) -> None:
        if pulumi.runtime.is_dry_run() or is_destroy():
            return
        with errors_end_the_run():
            state = await self._gates.follow()
        pulumi.log.info(f"{self._key}: {self._service.tag}: {state}. Follow it: {self.follow}", self)
