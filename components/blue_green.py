"""Two colours of one service, and a Service that selects one of them."""

from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifest import register
from components.service import BLUE_GREEN_TYPE, ReleasedService
from gate.blue_green import BlueGreenGates
from gate.cluster import ClusterAccess
from render import blue_green as render
from render.labels import colour_name
from settings.service import BlueGreenSettings, Colour


class BlueGreenService(ReleasedService):
    """A service in two colours, of which `active` takes the traffic.

    The edges follow the setting: active Deployment, then gate, then Service, then idle Deployment. So one
    update can warm a colour, prove it, switch, and take the other down, and whatever fails on the way leaves
    the colour that served serving.
    """

    colours: pulumi.Output[dict[str, Any]]
    """For each colour its ``tag`` and ``replicas``."""

    urls: pulumi.Output[dict[str, str]]
    """URLs inside the cluster, ``active`` and one a colour; ``nodePort`` is what the ALB's targets answer on."""

    def __init__(
        self,
        name: str,
        *,
        service: BlueGreenSettings,
        access: ClusterAccess,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._gates = BlueGreenGates(name, service, access, warn=lambda line: pulumi.log.warn(line, self))
        super().__init__(BLUE_GREEN_TYPE, name, service, self._gates, opts)
        self._settings = service

        account = self._account()
        ways_in = [self._way_in(colour, after=[account]) for colour in Colour]
        for colour in Colour:
            self._budget(colour, after=[account])
        active = self._deployment(service.active, after=[account])
        switched = self._active_service(after=[active, *ways_in])
        idle = self._deployment(service.active.other, after=[switched])

        self.active = self._look(after=[switched, idle])
        self.colours = pulumi.Output.from_input(
            {
                colour.value: {"tag": service.colour(colour).tag, "replicas": service.colour(colour).replicas}
                for colour in Colour
            }
        )
        self.urls = pulumi.Output.all(
            **{
                "active": self._url(name),
                **{colour.value: self._url(colour_name(name, colour)) for colour in Colour},
                "nodePort": self._node_port(switched),
            }
        )
        self.register_outputs({"active": self.active, "colours": self.colours, "urls": self.urls})

    def _way_in(self, colour: Colour, after: list[pulumi.Resource]) -> Service:
        name = colour_name(self._name, colour)
        return register(Service, name, render.colour_service(self._name, colour, self._settings), self._child(after))

    def _budget(self, colour: Colour, after: list[pulumi.Resource]) -> PodDisruptionBudget:
        name = colour_name(self._name, colour)
        manifest = render.disruption_budget(self._name, colour, self._settings)
        return register(PodDisruptionBudget, name, manifest, self._child(after))

    def _deployment(self, colour: Colour, after: list[pulumi.Resource]) -> Deployment:
        name = colour_name(self._name, colour)

        manifest = render.deployment(self._name, colour, self._settings)

        async def guard(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_pods_change(colour, manifest, preview=pulumi.runtime.is_dry_run())

        async def explain(args: pulumi.ErrorHookArgs) -> bool:
            await self._gates.explain(colour, args.errors)
            return False  # no second try: the next update is the engineer's to start

        # Before a create as well: the provider creates by an apply, which changes a Deployment that is there but
        # not in the state.
        before = self._hook(f"{name}-guard", guard)
        hooks = pulumi.ResourceHookBinding(
            before_create=[before],
            before_update=[before],
            on_error=[pulumi.ErrorHook(f"{name}-explain", explain)],
        )
        return register(
            Deployment,
            name,
            manifest,
            self._child(after, hooks, seconds=self._settings.ready_timeout_seconds),
        )
