"""Two colours of one service, and a Service that selects one of them."""

from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service, ServiceAccount
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifest import register
from gate.checks import Gates
from gate.cluster import ClusterAccess
from render import blue_green as render
from render.labels import colour_name
from settings.service import Colour, ServiceSettings


class BlueGreenService(pulumi.ComponentResource):
    """A service in two colours, of which `active` takes the traffic.

    The edges follow the setting: active Deployment, then gate, then Service, then idle Deployment. So one
    update can warm a colour, prove it, switch, and take the other down, and whatever fails on the way leaves
    the colour that served serving.
    """

    active: pulumi.Output[str]
    """The colour that the Service selects on the cluster, whatever the settings say."""

    colours: pulumi.Output[dict[str, Any]]
    """For each colour its ``tag`` and ``replicas``."""

    urls: pulumi.Output[dict[str, str]]
    """URLs inside the cluster, ``active`` and one a colour; ``nodePort`` is what the ALB's targets answer on."""

    def __init__(
        self,
        name: str,
        *,
        service: ServiceSettings,
        access: ClusterAccess,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("switchyard:service:BlueGreenService", name, None, opts)
        self._name = name
        self._settings = service
        self._switching = False
        self._problem: str | None = None
        self._gates = Gates(name, service, access, warn=lambda line: pulumi.log.warn(line, self))

        account = self._account()
        ways_in = [self._way_in(colour, after=[account]) for colour in Colour]
        for colour in Colour:
            self._budget(colour, after=[account])
        active = self._deployment(service.active, after=[account])
        self._service = self._active_service(after=[active, *ways_in])
        idle = self._deployment(service.active.other, after=[self._service])

        self.active = pulumi.Output.all(self._service.id, idle.id).apply(self._serving)
        # Nothing hangs on this one, so that it ends the program only after everything is registered: the outputs
        # of the stack with what serves indeed, and the other services.
        self.active.apply(self._must_be_as_configured)
        self.colours = pulumi.Output.from_input(
            {
                colour.value: {"tag": service.colour(colour).tag, "replicas": service.colour(colour).replicas}
                for colour in Colour
            }
        )
        # A port that Kubernetes chooses is not known before it has.
        self.urls = self._service.spec.apply(lambda spec: self._urls(spec["ports"][0].get("node_port")))
        self.register_outputs({"active": self.active, "colours": self.colours, "urls": self.urls})

    def _child(
        self,
        after: list[pulumi.Resource] | None = None,
        hooks: pulumi.ResourceHookBinding | None = None,
        seconds: int | None = None,
    ) -> pulumi.ResourceOptions:
        timeouts = None
        if seconds is not None:
            timeouts = pulumi.CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s")
        return pulumi.ResourceOptions(parent=self, depends_on=after, hooks=hooks, custom_timeouts=timeouts)

    def _account(self) -> ServiceAccount:
        """The first object: everything else of the service waits for it, and so for what its hook finds."""

        async def first(_: pulumi.ResourceHookArgs) -> None:
            await self._gates.before_first()

        hooks = pulumi.ResourceHookBinding(before_create=[_hook(f"{self._name}-first", first)])
        manifest = render.service_account(self._name, self._settings)
        return register(ServiceAccount, f"{self._name}-account", manifest, self._child(hooks=hooks))

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
        hook = _hook(f"{name}-guard", guard)
        hooks = pulumi.ResourceHookBinding(
            before_create=[hook],
            before_update=[hook],
            on_error=[pulumi.ErrorHook(f"{name}-explain", explain)],
        )
        return register(
            Deployment,
            name,
            manifest,
            self._child(after, hooks, seconds=self._settings.ready_timeout_seconds),
        )

    def _active_service(self, after: list[pulumi.Resource]) -> Service:
        async def gate(args: pulumi.ResourceHookArgs) -> None:
            self._switching = True
            await self._gates.before_switch(creating=args.old_inputs is None, preview=pulumi.runtime.is_dry_run())

        hook = _hook(f"{self._name}-gate", gate)
        hooks = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
        return register(
            Service, self._name, render.active_service(self._name, self._settings), self._child(after, hooks)
        )

    async def _serving(self, _: object) -> str:
        """The colour that serves, as the cluster has it; in the preview of a switch, the one that is going to."""
        if pulumi.runtime.is_dry_run() and self._switching:
            return self._settings.active.value
        seen = await self._gates.look()
        self._problem = seen.problem
        return seen.serving

    def _must_be_as_configured(self, _: str) -> None:
        """Ends an update in an error when something else serves; a preview promised nothing, and warns."""
        if self._problem is None:
            return
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(self._problem)
        pulumi.log.warn(self._problem, self)

    def _urls(self, node_port: int | None) -> dict[str, str]:
        domain, port = f"{self._settings.namespace}.svc.cluster.local", self._settings.port
        return {
            "active": f"http://{self._name}.{domain}:{port}",
            **{colour.value: f"http://{colour_name(self._name, colour)}.{domain}:{port}" for colour in Colour},
            "nodePort": f"http://<application node>:{node_port or '<chosen by Kubernetes>'}",
        }


def _hook(name: str, function: pulumi.ResourceHookFunction) -> pulumi.ResourceHook:
    return pulumi.ResourceHook(name, function, pulumi.ResourceHookOptions(on_dry_run=True))
