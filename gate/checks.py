"""The gates: each looks at the cluster, waits a bounded time for what should hold, and refuses otherwise."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from gate.cluster import UNREACHABLE, Cluster, ClusterAccess
from gate.decisions import (
    Endpoint,
    Refusal,
    ready_pods,
    refuse_fewer_replicas,
    refuse_in_place,
    refuse_retire,
    refuse_smoke,
    refuse_switch,
    why_not_ready,
)
from gate.smoke import smoke_failures
from render.labels import colour_name, selector
from settings.service import Colour, ServiceSettings

Warn = Callable[[str], None]


class GateRefusedError(Exception):
    """A step is not taken. The text is for the engineer who pressed Enter; the cluster is as it was."""


class Gates:
    """The gates of one service.

    Args:
        name: the service's name.
        service: its settings.
        access: the cluster it runs on.
        warn: takes a line that the engineer should see although nothing is refused.
    """

    def __init__(self, name: str, service: ServiceSettings, access: ClusterAccess, warn: Warn) -> None:
        self._name = name
        self._service = service
        self._access = access
        self._warn = warn

    async def before_switch(self, to: Colour, *, preview: bool) -> None:
        """Holds before the active Service may select a colour.

        In a preview the pods are not there yet, so only what the configuration shows is checked.

        Raises:
            GateRefusedError: the colour has too few ready endpoints, or its smoke test fails.
        """
        cluster = await self._connect()
        try:
            serving = await cluster.serving_colour(self._service.namespace, self._name)
            if serving == to:
                return
            serving_ready = 0
            if serving is not None:
                serving_ready = len(ready_pods(await self._endpoints(cluster, colour_name(self._name, serving))))
                self._raise(refuse_fewer_replicas(self._name, self._service, to, serving, serving_ready))
            if preview:
                return
            endpoints = await self._wait_for_endpoints(cluster, to, serving_ready)
            await self._smoke(cluster, to, endpoints)
        except UNREACHABLE as error:
            raise self._unreachable(error) from error

    async def before_pods_change(self, colour: Colour, *, template_changes: bool, preview: bool) -> None:
        """Holds before pods of a colour are replaced or taken away.

        In a preview the Service is still to be switched, so that of the idle colour nothing can be said yet.

        Raises:
            GateRefusedError: the colour is serving, or still has endpoints behind the active Service.
        """
        cluster = await self._connect()
        try:
            if colour == self._service.active:
                if template_changes:
                    serving = await cluster.serving_colour(self._service.namespace, self._name)
                    self._raise(refuse_in_place(self._name, self._service, colour, serving))
            elif not preview:
                await self._wait_for_retirement(cluster, colour)
        except UNREACHABLE as error:
            raise self._unreachable(error) from error

    async def confirm(self) -> None:
        """Warns when the cluster has another colour serving than the stack, though nothing is about to change it.

        The engine compares settings with its own record, so that a selector changed by hand is invisible to it
        until a refresh.
        """
        try:
            cluster = await Cluster.connect(self._access)
            serving = await cluster.serving_colour(self._service.namespace, self._name)
        except UNREACHABLE as error:
            self._warn(f"{self._name}: could not see which colour serves ({type(error).__name__}).")
            return
        if serving not in {None, self._service.active}:
            self._warn(
                f"{self._name}: {serving} serves on the cluster, though the stack has {self._service.active}: "
                "somebody changed the Service by hand. `pulumi up --refresh` shows the difference and puts it right."
            )

    async def explain(self, colour: Colour) -> None:
        """Tells why the pods of a colour are not ready, after an update that waited for them in vain."""
        try:
            cluster = await Cluster.connect(self._access)
            states = await cluster.pod_states(self._service.namespace, selector(self._name, colour))
            serving = await cluster.serving_colour(self._service.namespace, self._name)
        except UNREACHABLE:
            return  # the engine has reported what it saw itself
        self._warn(why_not_ready(self._name, self._service, colour, states, serving))

    async def _wait_for_endpoints(self, cluster: Cluster, to: Colour, serving_ready: int) -> frozenset[Endpoint]:
        refusal: Refusal | None = None
        watch = cluster.watch_endpoints(self._service.namespace, colour_name(self._name, to))
        try:
            async with asyncio.timeout(self._service.gate.timeout_seconds), aclosing(watch):
                async for endpoints in watch:
                    refusal = refuse_switch(self._name, self._service, to, endpoints, serving_ready)
                    if refusal is None:
                        return endpoints
        except TimeoutError:
            pass
        self._raise(refusal)
        raise AssertionError("a watch without end ended")

    async def _wait_for_retirement(self, cluster: Cluster, colour: Colour) -> None:
        refusal: Refusal | None = None
        watch = cluster.watch_endpoints(self._service.namespace, self._name)
        try:
            async with asyncio.timeout(self._service.gate.timeout_seconds), aclosing(watch):
                async for behind_service in watch:
                    refusal = refuse_retire(
                        self._name,
                        self._service,
                        colour,
                        await cluster.serving_colour(self._service.namespace, self._name),
                        behind_service,
                        await self._endpoints(cluster, colour_name(self._name, colour)),
                    )
                    if refusal is None:
                        return
        except TimeoutError:
            self._raise(refusal)

    async def _smoke(self, cluster: Cluster, to: Colour, endpoints: frozenset[Endpoint]) -> None:
        if not self._service.gate.smoke.enabled:
            return
        simulated = await cluster.simulated({endpoint.node for endpoint in endpoints})
        if simulated:
            self._warn(
                f"{self._name}: the smoke test of {to} did not run: {', '.join(sorted(simulated))} "
                "are simulated nodes, whose pods answer nobody. The switch rests on readiness alone."
            )
            return
        failures = await smoke_failures(cluster, self._name, self._service, to)
        self._raise(refuse_smoke(self._name, self._service, to, failures))

    async def _endpoints(self, cluster: Cluster, service: str) -> frozenset[Endpoint]:
        return await cluster.endpoints(self._service.namespace, service)

    async def _connect(self) -> Cluster:
        try:
            return await Cluster.connect(self._access)
        except UNREACHABLE as error:
            raise self._unreachable(error) from error

    def _raise(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            raise GateRefusedError(str(refusal))

    def _unreachable(self, error: Exception) -> GateRefusedError:
        return GateRefusedError(
            f"{self._name}: the gate could not see the cluster ({type(error).__name__}: {error}), so nothing was "
            "changed. Check the API server and the kubeconfig, then run `pulumi up` again."
        )
