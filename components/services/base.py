"""The common base of the components of services of all strategies."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import pulumi

from components.manifest import KubernetesObject, register
from components.services.autoscaling import register_autoscaler
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.gates.observed import Observed
from switchyard.gates.rules.addresses import lost_addresses, lost_sources
from switchyard.gates.rules.sizes import Replicas, planned
from switchyard.gates.service import Gates
from switchyard.manifests import pods as render
from switchyard.manifests.autoscaling import REPLICAS
from switchyard.manifests.urls import NO_NODE_PORT, node_port_url, service_url
from switchyard.operation import is_destroy

BLUE_GREEN_TYPE = "switchyard:service:BlueGreenService"
CANARY_TYPE = "switchyard:service:CanaryService"
ARGO_BLUE_GREEN_TYPE = "switchyard:service:ArgoBlueGreenService"
POD_TEMPLATE = "spec.template"
"""Path of the pod template in a workload."""

POD_ANNOTATIONS = f"{POD_TEMPLATE}.metadata.annotations"
"""Path of the annotations of a workload's pods."""

TYPES = (BLUE_GREEN_TYPE, CANARY_TYPE, ARGO_BLUE_GREEN_TYPE)


S = TypeVar("S", bound=ServiceSettings)
"""Settings of a service with the strategy of the component."""

G = TypeVar("G", bound=Gates[Any])
"""The gates of that strategy."""


def recorded_replicas(args: pulumi.ResourceHookArgs) -> int | None:
    """The number of pods that the state has of the workload of a hook; None without a record."""
    recorded = ((args.old_outputs or {}).get("spec") or {}).get("replicas")
    return None if recorded is None else int(recorded)


class ReleasedService(pulumi.ComponentResource, Generic[S, G]):
    """A service whose traffic goes to one track of pods, behind a gate.

    Under another strategy the component has another type. The types of the other strategies are its aliases, so that a
    strategy migration keeps the ServiceAccount and the Service, and changes the Service's selector only.

    Every strategy creates:

    - a ServiceAccount, before everything else;
    - the Service that users reach, whose selector is the switch;
    - a HorizontalPodAutoscaler, where the settings have `autoscaling`.
    """

    active: pulumi.Output[str]
    """The track that the Service selects on the cluster at the end of the run, whatever the settings say."""

    urls: pulumi.Output[dict[str, str]]
    """URLs of the service inside the cluster by what they reach; ``nodePort`` is what the ALB's targets answer on."""

    def __init__(
        self,
        kind: str,
        name: str,
        service: S,
        gates: G,
        observed: Observed | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        aliases = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=other) for other in TYPES if other != kind])
        super().__init__(kind, name, None, pulumi.ResourceOptions.merge(opts, aliases))
        self._key = name
        self._name = service.kubernetes_name(name)
        self._service = service
        self._gates = gates
        self._observed = observed or Observed()
        gates.sizing = self._observed.sizing
        self._switching = False
        self._problem: str | None = None

    def _logical(self, name: str) -> str:
        """The engine's name for an object: its name in Kubernetes, with the service's key for the service's name."""
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

    def _service_account(self) -> KubernetesObject:
        """Registers the ServiceAccount. Everything else of the service waits for it, and so for its hook."""

        async def first(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_first()

        hooks = pulumi.ResourceHookBinding(before_create=[self._hook(f"{self._key}-first", first)])
        manifest = render.service_account(self._name, self._service)
        return register(f"{self._key}-account", manifest, self._child(hooks=hooks))

    def _active_service(
        self,
        after: Sequence[pulumi.Resource],
        manifest: render.Manifest | None = None,
        ignored: list[str] | None = None,
    ) -> KubernetesObject:
        """Registers the Service that users reach, behind the gate.

        Args:
            after: resources that must exist before.
            manifest: the manifest; None for one that selects the track.
            ignored: fields that are not changed.
        """
        manifest = manifest or render.active_service(self._name, self._service)

        async def gate(args: pulumi.ResourceHookArgs) -> None:
            self._switching = True
            for rule in (lost_addresses, lost_sources):
                if (warning := rule(self._name, args.old_outputs or {}, manifest)) is not None:
                    pulumi.log.warn(warning, self)
            await self._gates.before_switch(creating=args.old_inputs is None, preview=pulumi.runtime.is_dry_run())

        gate_hook = self._hook(f"{self._key}-gate", gate)
        hooks = pulumi.ResourceHookBinding(before_create=[gate_hook], before_update=[gate_hook])
        return register(self._key, manifest, self._child(after, hooks, ignored=ignored))

    def _autoscaler(self, after: Sequence[pulumi.Resource]) -> list[pulumi.CustomResource]:
        """Registers the autoscaler, where the settings ask for one, once the track that it sizes serves."""
        if self._service.autoscaling is None:
            return []

        async def guard(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_autoscaler(preview=pulumi.runtime.is_dry_run())

        guard_hook = self._hook(f"{self._key}-autoscaler-guard", guard)
        hooks = pulumi.ResourceHookBinding(before_create=[guard_hook], before_update=[guard_hook])
        opts = self._child(after, hooks)
        return [register_autoscaler(self._key, self._service, self._service.autoscaling, opts)]

    def _replicas(self, track: Track) -> Replicas:
        """The number of pods that a track gets."""
        return planned(self._service, track, self._observed.sizing)

    def _inspect(self, after: Sequence[pulumi.CustomResource]) -> pulumi.Output[str]:
        """The track that serves once these are done; another than the stack's ends the update in an error."""
        active: pulumi.Output[str] = pulumi.Output.all(*(resource.id for resource in after)).apply(self._serving)
        # Nothing depends on its result, so that an error ends the program only after everything is registered: the
        # outputs of the stack, with the track that really serves, and the other services.
        active.apply(self._must_be_as_configured)
        return active

    async def _serving(self, _: list[str]) -> str:
        """The track that serves on the cluster; in the preview of a switch, the track that will serve."""
        if is_destroy() or (pulumi.runtime.is_dry_run() and (self._switching or not self._gates.cluster_exists)):
            return self._service.track.value
        report = await self._gates.inspect()
        self._problem = report.problem
        return report.serving

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

    def _urls(self, users: KubernetesObject, **services: str) -> pulumi.Output[dict[str, str]]:
        """The URLs of the service, for the output `urls`: one output, and not one for each URL.

        Args:
            users: the Service that users reach. A port that Kubernetes chooses is not known before it exists.
            services: names of Services by the keys of their URLs.
        """
        urls = {key: service_url(name, self._service) for key, name in services.items()}
        if self._service.service_options.type == "ClusterIP":
            return pulumi.Output.from_input(urls | {"nodePort": NO_NODE_PORT})
        return users.spec.apply(lambda spec: urls | {"nodePort": node_port_url(spec)})

    def _hook(self, name: str, function: pulumi.ResourceHookFunction) -> pulumi.ResourceHook:
        """A hook that runs in a preview as well, where the cluster exists."""

        async def where_cluster_exists(args: pulumi.ResourceHookArgs) -> None:
            if self._gates.cluster_exists and (done := function(args)) is not None:
                await done

        return pulumi.ResourceHook(name, where_cluster_exists, pulumi.ResourceHookOptions(on_dry_run=True))
