"""The component of a blue/green service: two colours, and a Service that selects one of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.manifest import KubernetesObject, register
from components.services.base import BLUE_GREEN_TYPE, ReleasedService, recorded_replicas
from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.gates.observed import Observed
from switchyard.kube.access import ClusterAccess
from switchyard.manifests import blue_green as render
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.labels import colour_name
from switchyard.manifests.weights import switched_by_weights

if TYPE_CHECKING:  # the SDK of AWS comes with them, which a stack without a load balancer need not load
    from components.services.load_balancer_weights import WeightedRouting
    from switchyard.gates.load_balancer_weights import WeightedGates


class BlueGreenService(ReleasedService[BlueGreenSettings, BlueGreenGates]):
    """A service in two colours, of which the colour in `active` has the traffic.

    The dependencies follow the setting: active Deployment, then gate, then Service, then idle Deployment. So one
    update can warm a colour, prove it, switch to it and scale the other down; where a step fails, the colour that
    served continues to serve. Where the load balancer knows the colours, its Ingress is between the Service and the
    idle Deployment.

    Besides the objects of every strategy, it creates for each colour:

    - a Service, for smoke tests and for the target group of the load balancer;
    - a PodDisruptionBudget;
    - a Deployment;

    and, where the load balancer switches, the Ingresses of the service.
    """

    colours: dict[str, Any]
    """The ``tag`` and ``replicas`` of each colour, as the settings have them."""

    def __init__(
        self,
        name: str,
        *,
        service: BlueGreenSettings,
        access: ClusterAccess,
        routing: "WeightedRouting | None" = None,
        observed: Observed | None = None,
        freezes: tuple[Freeze, ...] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the service.

        Args:
            name: the key of the service, which the engine's names have.
            service: settings of the service.
            access: the gates' access to the cluster.
            routing: routing of the load balancer, for a service that it switches.
            observed: state of the service on the cluster at the start of the program.
            freezes: the windows without releases, in which the Service is not switched.
            opts: options of the component.

        Raises:
            ValueError: the engine needs a load balancer and there is none, or the reverse.
        """
        if switched_by_weights(service) != (routing is not None):
            raise ValueError(f"{name}: engine {service.engine} goes with{'out' if routing else ''} a load balancer")

        def warn(line: str) -> None:
            pulumi.log.warn(line, self)

        def say(line: str) -> None:
            pulumi.log.info(line, self)

        kept = observed.kept if observed is not None else ()
        weighted = routing.gates(service.named(name), service, access, warn, say, kept) if routing else None
        gates = weighted or BlueGreenGates(service.named(name), service, access, warn, kept)
        gates.freezes = freezes
        super().__init__(BLUE_GREEN_TYPE, name, service, gates, observed, opts)

        service_account = self._service_account()
        colour_services = [self._colour_service(colour, after=[service_account]) for colour in Colour]
        for colour in Colour:
            self._disruption_budget(colour, after=[service_account])
        active = self._deployment(service.active, after=[service_account])
        switched = self._active_service(after=[active, *colour_services])
        written: list[pulumi.CustomResource] = [switched]
        if routing is not None and weighted is not None:
            written += routing.write(self._weights_options(weighted, after=switched))
        written += self._autoscaler(after=written)
        idle = self._deployment(service.active.other, after=written)

        self.active = self._inspect(after=[*written, idle])
        self.colours = {
            colour.value: {"tag": service.colour(colour).tag, "replicas": service.replicas_of(Track(colour))}
            for colour in Colour
        }
        self.urls = self._urls(
            switched, active=self._name, **{colour.value: colour_name(self._name, colour) for colour in Colour}
        )
        self.register_outputs({"active": self.active, "colours": self.colours, "urls": self.urls})

    def _weights_options(self, gates: "WeightedGates", after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of the Ingresses: they follow the Service and its gate, and have a gate for their own weights."""

        async def gate(_: pulumi.ResourceHookArgs) -> None:
            self._switching = True
            await gates.before_weights()

        gate_hook = self._hook(f"{self._key}-weights", gate)
        hooks = pulumi.ResourceHookBinding(before_create=[gate_hook], before_update=[gate_hook])
        return pulumi.ResourceOptions(depends_on=[after], hooks=hooks)

    def _colour_service(self, colour: Colour, after: list[pulumi.Resource]) -> KubernetesObject:
        name = colour_name(self._key, colour)

        async def ports(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_colour_service(colour)

        hook = self._hook(f"{name}-ports", ports)
        hooks = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
        return register(name, render.colour_service(self._name, colour, self._service), self._child(after, hooks))

    def _disruption_budget(self, colour: Colour, after: list[pulumi.Resource]) -> KubernetesObject:
        name = colour_name(self._key, colour)
        manifest = disruption_budget(self._name, colour, self._service)
        return register(name, manifest, self._child(after))

    def _deployment(self, colour: Colour, after: Sequence[pulumi.Resource]) -> KubernetesObject:
        name = colour_name(self._key, colour)

        replicas = self._replicas(Track(colour))
        versions = self._observed.content.annotations.get(Track(colour))
        manifest = render.deployment(self._name, colour, self._service, versions, replicas.pods)
        ignored = self._ignored(Track(colour), replicas)

        async def guard(args: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_pods_change(
                colour, manifest, preview=pulumi.runtime.is_dry_run(), recorded=recorded_replicas(args)
            )

        async def explain(args: pulumi.ErrorHookArgs) -> bool:
            await self._gates.explain(colour, args.errors)
            return False  # no retry: the engineer starts the next update

        # Before a create as well: the provider creates by an apply, which changes a Deployment that exists on the
        # cluster but not in the state.
        guard_hook = self._hook(f"{name}-guard", guard)
        hooks = pulumi.ResourceHookBinding(
            before_create=[guard_hook],
            before_update=[guard_hook],
            on_error=[pulumi.ErrorHook(f"{name}-explain", explain)],
        )
        return register(
            name,
            manifest,
            self._child(after, hooks, seconds=self._service.ready_timeout_seconds, ignored=ignored),
        )
