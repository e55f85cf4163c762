"""What a service's component has whatever its strategy: the account, the Service that users reach, what serves."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.manifest import KubernetesObject, register
from components.operation import is_destroy
from components.services.autoscaling import register_autoscaler
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.gates.observed import Observed
from switchyard.gates.rules.addresses import lost_addresses
from switchyard.gates.rules.sizes import Replicas, planned
from switchyard.gates.service import Gates
from switchyard.manifests import pods as render
from switchyard.manifests.autoscaling import REPLICAS

BLUE_GREEN_TYPE = "switchyard:service:BlueGreenService"
CANARY_TYPE = "switchyard:service:CanaryService"
ARGO_BLUE_GREEN_TYPE = "switchyard:service:ArgoBlueGreenService"
POD_TEMPLATE = "spec.template"
"""Path of the pod template in a workload."""

POD_ANNOTATIONS = f"{POD_TEMPLATE}.metadata.annotations"
"""Path of the annotations of a workload's pods."""

TYPES = (BLUE_GREEN_TYPE, CANARY_TYPE, ARGO_BLUE_GREEN_TYPE)


class ReleasedService(pulumi.ComponentResource):
    """A service whose traffic goes to one track of pods, behind a gate.

    Under another strategy the component has another type. It goes by the others as well, so that a hand-over
    keeps the account and the Service, and changes the Service's selector only.
    """

    active: pulumi.Output[str]
    """The track that the Service selects on the cluster, whatever the settings say."""

    def __init__(
        self,
        kind: str,
        name: str,
        service: ServiceSettings,
        gates: Gates[ServiceSettings],
        observed: Observed | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        aliases = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=other) for other in TYPES if other != kind])
        super().__init__(kind, name, None, pulumi.ResourceOptions.merge(opts, aliases))
        self._key = name
        self._name = service.kubernetes_name(name)
        self._released = service
        self._all_gates = gates
        self._observed = observed or Observed()
        gates.sizing = self._observed.sizing
        self._switching = False
        self._problem: str | None = None

    def _logical(self, name: str) -> str:
        """The engine's name for an object of this Kubernetes name: with the service's key where that has its name."""
        return f"{self._key}{name.removeprefix(self._name)}"

    def _child(
        self,
        after: Sequence[pulumi.Resource] | None = None,
        hooks: pulumi.ResourceHookBinding | None = None,
        seconds: int | None = None,
        ignored: list[str] | None = None,
    ) -> pulumi.ResourceOptions:
        timeouts = None
        if seconds is not None:
            timeouts = pulumi.CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s")
        return pulumi.ResourceOptions(
            parent=self, depends_on=after, hooks=hooks, custom_timeouts=timeouts, ignore_changes=ignored
        )

    def _account(self) -> KubernetesObject:
        """The first object: everything else of the service waits for it, and so for what its hook finds."""

        async def first(_: pulumi.ResourceHookArgs) -> None:
            await self._all_gates.before_first()

        hooks = pulumi.ResourceHookBinding(before_create=[self._hook(f"{self._key}-first", first)])
        manifest = render.service_account(self._name, self._released)
        return register(f"{self._key}-account", manifest, self._child(hooks=hooks))

    def _active_service(
        self,
        after: Sequence[pulumi.Resource],
        manifest: render.Manifest | None = None,
        ignored: list[str] | None = None,
    ) -> KubernetesObject:
        """The Service that users reach, behind the gate.

        Args:
            after: what it waits for.
            manifest: None makes it select the track.
            ignored: what is left as it is.
        """
        manifest = manifest or render.active_service(self._name, self._released)

        async def gate(args: pulumi.ResourceHookArgs) -> None:
            self._switching = True
            warning = lost_addresses(self._name, args.old_outputs or {}, manifest)
            if warning is not None:
                pulumi.log.warn(warning, self)
            await self._all_gates.before_switch(creating=args.old_inputs is None, preview=pulumi.runtime.is_dry_run())

        before = self._hook(f"{self._key}-gate", gate)
        hooks = pulumi.ResourceHookBinding(before_create=[before], before_update=[before])
        return register(self._key, manifest, self._child(after, hooks, ignored=ignored))

    def _autoscaler(self, after: Sequence[pulumi.Resource]) -> list[pulumi.CustomResource]:
        """The autoscaler, where the settings ask for one, once what it sizes serves."""
        if self._released.autoscaling is None:
            return []

        async def guard(_: pulumi.ResourceHookArgs) -> None:
            await self._all_gates.before_autoscaler(preview=pulumi.runtime.is_dry_run())

        before = self._hook(f"{self._key}-autoscaler-guard", guard)
        hooks = pulumi.ResourceHookBinding(before_create=[before], before_update=[before])
        opts = self._child(after, hooks)
        return [register_autoscaler(self._key, self._released, self._released.autoscaling, opts)]

    def _replicas(self, track: Track) -> Replicas:
        """How many pods a track gets."""
        return planned(self._released, track, self._observed.sizing)

    def _look(self, after: Sequence[pulumi.CustomResource]) -> pulumi.Output[str]:
        """What serves when these are done; ends the update in an error when it is not what the stack has."""
        active: pulumi.Output[str] = pulumi.Output.all(*(resource.id for resource in after)).apply(self._serving)
        # Nothing hangs on this one, so that it ends the program only after everything is registered: the outputs
        # of the stack with what serves indeed, and the other services.
        active.apply(self._must_be_as_configured)
        return active

    async def _serving(self, _: list[str]) -> str:
        """The track that serves, as the cluster has it; in the preview of a switch, the one that is going to."""
        if is_destroy() or (pulumi.runtime.is_dry_run() and (self._switching or not self._all_gates.cluster_exists)):
            return self._released.track.value
        seen = await self._all_gates.inspect()
        self._problem = seen.problem
        return seen.serving

    def _must_be_as_configured(self, _: str) -> None:
        """Ends an update in an error when something else serves; a preview promised nothing, and warns.

        With the error the engine deletes nothing, so that pods of the strategy before stay.
        """
        if self._problem is None:
            return
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(self._problem)
        pulumi.log.warn(self._problem, self)

    def _ignored(self, track: Track, replicas: Replicas) -> list[str] | None:
        """Fields of a workload that stay as the cluster has them.

        The number of pods is left to an autoscaler: the provider sends the live number, or none when another owns it.
        The pod template stays as admission has rewritten it: the provider then sends the live one, and no pod is
        replaced. Annotations of the pods stay when the versions of ConfigMaps and Secrets could not be read.
        """
        ignored = [REPLICAS] if replicas.kept else []
        if track in self._observed.kept:
            ignored.append(POD_TEMPLATE)
        elif not self._observed.content.known:
            ignored.append(POD_ANNOTATIONS)
        return ignored or None

    def _url(self, service: str) -> str:
        return f"http://{service}.{self._released.namespace}.svc.cluster.local:{self._released.port}"

    def _node_port(self, service: KubernetesObject) -> pulumi.Output[str]:
        """What the ALB's targets answer on. A port that Kubernetes chooses is not known before it has."""
        if self._released.service_options.type == "ClusterIP":
            return pulumi.Output.from_input("none: service.type is ClusterIP")

        def url(spec: Mapping[str, Any]) -> str:
            ports: list[Mapping[str, Any]] = spec["ports"]
            numbers = [int(port.get("nodePort") or 0) for port in ports if port["name"] == render.PORT]
            return f"http://<application node>:{next(iter(numbers), 0) or '<chosen by Kubernetes>'}"

        return service.spec.apply(url)

    def _hook(self, name: str, function: pulumi.ResourceHookFunction) -> pulumi.ResourceHook:
        """A hook that runs in a preview as well, once there is a cluster that it could look at."""

        async def when_there(args: pulumi.ResourceHookArgs) -> None:
            if self._all_gates.cluster_exists and (done := function(args)) is not None:
                await done

        return pulumi.ResourceHook(name, when_there, pulumi.ResourceHookOptions(on_dry_run=True))
