"""The gates: each looks at the cluster, waits a bounded time for what should hold, and refuses otherwise."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager, suppress

from gate.api import AccessDeniedError, RejectedError
from gate.cluster import UNREACHABLE, Cluster, ClusterAccess
from gate.decisions import (
    Refusal,
    ready_pods,
    refuse_adoption,
    refuse_fewer_replicas,
    refuse_in_place,
    refuse_no_answer,
    refuse_no_namespace,
    refuse_other_ports,
    refuse_retire,
    refuse_smoke,
    refuse_switch,
    serving_colour,
)
from gate.following import wait_for_nodes
from gate.objects import Endpoint, PodsChange
from gate.reports import UNKNOWN, Seen, about_readiness, seen, shared_selector, why_not_ready
from gate.routing import refuse_unfollowed, warn_unfollowed
from gate.smoke import smoke_failures
from render.blue_green import Manifest
from render.labels import colour_name, selector
from settings.service import Colour, ServiceSettings

Warn = Callable[[str], None]

FOLLOW_SECONDS = 10
"""How long the end of an update waits for a kube-proxy that does not answer before it says so."""

AGAIN = "then run `pulumi up` again."


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
        self._warned: set[str] = set()
        self._switching = False

    async def before_first(self) -> None:
        """Holds before the first object of a service that the stack has not made yet.

        Raises:
            GateRefusedError: its namespace is not there, or somebody else has a Service of its name.
        """
        async with self._cluster() as cluster:
            try:
                found = await cluster.namespace_exists(self._service.namespace)
            except AccessDeniedError:
                found = True  # who may not look into the list of namespaces may still have one
            if not found:
                self._raise(refuse_no_namespace(self._name, self._service))
            await self._check_adoption(cluster, await self._selected(cluster))

    async def before_switch(self, *, creating: bool, preview: bool) -> None:
        """Holds before the active Service may select the active colour.

        In a preview the pods are not there yet, so only what the configuration shows is checked.

        Args:
            creating: whether the stack has no Service yet, so that one on the cluster may be somebody else's.
            preview: whether nothing is going to happen.

        Raises:
            GateRefusedError: the colour has too few ready endpoints, or its smoke test fails.
        """
        to = self._service.active
        async with self._cluster() as cluster:
            selected = await self._selected(cluster)
            serving = serving_colour(self._name, selected)
            if serving == to:
                return
            if creating:
                await self._check_adoption(cluster, selected)
            serving_ready = await self._serving_ready(cluster, to) if selected else 0
            self._raise(refuse_fewer_replicas(self._name, self._service, to, serving, serving_ready))
            if preview:
                return
            endpoints = await self._wait_for_endpoints(cluster, to, serving_ready)
            await self._smoke(cluster, to, endpoints)
            self._switching = serving is not None

    async def before_pods_change(self, colour: Colour, manifest: Manifest, *, preview: bool) -> None:
        """Holds before a Deployment is applied, whether the stack knows it already or not.

        In a preview the Service is still to be switched, so that of the idle colour nothing can be said yet.

        Args:
            colour: whose Deployment it is.
            manifest: what is about to be applied.
            preview: whether nothing is going to happen.

        Raises:
            GateRefusedError: pods of the colour would be replaced or taken away while the cluster needs them.
        """
        async with self._cluster() as cluster:
            change = await cluster.pods_change(manifest)
            if change is None or not change.takes_pods:
                return
            if colour == self._service.active:
                if change.template:
                    selected = await self._selected(cluster)
                    self._raise(refuse_in_place(self._name, self._service, colour, selected))
            elif not preview:
                needed = await self._wait_for_retirement(cluster, colour, change)
                if needed:
                    seconds = self._service.gate.timeout_seconds
                    reasons = await wait_for_nodes(cluster, self._service, seconds)
                    self._raise(refuse_unfollowed(self._name, colour, reasons))

    async def look(self) -> Seen:
        """Looks which colour serves, at the end of a run.

        The engine compares settings with its own record, so that a selector changed behind its back is invisible
        to it until a refresh: an update that was to go back to blue may find nothing to do while green serves.
        """
        try:
            cluster = await Cluster.connect(self._access)
            found = seen(self._name, self._service, await self._selected(cluster))
            if self._switching and found.problem is None:
                reasons = await wait_for_nodes(cluster, self._service, FOLLOW_SECONDS)
                if reasons:
                    self._warn(warn_unfollowed(self._name, self._service.active, reasons))
            return found
        except UNREACHABLE as error:
            problem, remedy = self._why(error)
            return Seen(UNKNOWN, f"{problem}, so whether {self._service.active} serves is not known. {remedy}")

    async def explain(self, colour: Colour, errors: Collection[str]) -> None:
        """Tells why the pods of a colour are not ready, after an update that waited for them in vain.

        Args:
            colour: the colour.
            errors: what the engine says of the failed step. It shows them itself; of a step that failed for another
                reason, such as a refused object or Ctrl-C, the state of the pods explains nothing.
        """
        if not about_readiness(errors):
            return
        try:
            cluster = await Cluster.connect(self._access)
            pods = await cluster.pods(self._service.namespace, selector(self._name, colour))
            serving = serving_colour(self._name, await self._selected(cluster))
        except UNREACHABLE:
            return  # the engine has reported what it saw itself
        self._warn(why_not_ready(self._name, self._service, colour, [pod.state for pod in pods], serving))

    async def _wait_for_endpoints(self, cluster: Cluster, to: Colour, serving_ready: int) -> frozenset[Endpoint]:
        refusal = refuse_no_answer(self._name, self._service, f"the switch to {to}")
        namespace, deployment = self._service.namespace, colour_name(self._name, to)
        watch = cluster.watch_endpoints(namespace, deployment)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._service.gate.timeout_seconds), aclosing(watch):
                async for endpoints in watch:
                    current = await cluster.current_pods(namespace, deployment, selector(self._name, to))
                    found = refuse_switch(self._name, self._service, to, endpoints, current, serving_ready)
                    if found is None:
                        return endpoints
                    refusal = found
        raise GateRefusedError(str(refusal))

    async def _wait_for_retirement(self, cluster: Cluster, colour: Colour, change: PodsChange) -> bool:
        """Waits until the change may happen; returns whether it takes ready pods, on which a node may still rely."""
        refusal = refuse_no_answer(self._name, self._service, f"a change of the idle colour {colour}")
        watch = cluster.watch_endpoints(self._service.namespace, self._name)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._service.gate.timeout_seconds), aclosing(watch):
                async for behind_service in watch:
                    pods = await cluster.pods(self._service.namespace, selector(self._name, colour))
                    selected = await self._selected(cluster)
                    found = refuse_retire(self._name, self._service, colour, selected, behind_service, pods, change)
                    if found is None:
                        return change.lost(sum(pod.ready for pod in pods)) > 0
                    refusal = found
        raise GateRefusedError(str(refusal))

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
        failures = await smoke_failures(cluster, self._name, self._service, to, ready_pods(endpoints))
        self._raise(refuse_smoke(self._name, self._service, to, failures))

    async def _check_adoption(self, cluster: Cluster, selected: Mapping[str, str] | None) -> None:
        if selected is None or serving_colour(self._name, selected) is not None:
            return
        self._raise(refuse_adoption(self._name, self._service, selected))
        ports = await cluster.service_ports(self._service.namespace, self._name)
        self._raise(refuse_other_ports(self._name, self._service, ports))
        warning = shared_selector(self._name, self._service.active, selected)
        if warning is not None and warning not in self._warned:
            self._warned.add(warning)
            self._warn(warning)

    async def _serving_ready(self, cluster: Cluster, to: Colour) -> int:
        """Ready pods behind the active Service, whatever it selects, those of a colour left out."""
        behind = ready_pods(await cluster.endpoints(self._service.namespace, self._name))
        own = await cluster.pods(self._service.namespace, selector(self._name, to))
        return len(behind.difference(pod.name for pod in own))

    async def _selected(self, cluster: Cluster) -> Mapping[str, str] | None:
        return await cluster.service_selector(self._service.namespace, self._name)

    @asynccontextmanager
    async def _cluster(self) -> AsyncGenerator[Cluster, None]:
        try:
            yield await Cluster.connect(self._access)
        except UNREACHABLE as error:
            problem, remedy = self._why(error)
            raise GateRefusedError(f"{problem}, so nothing was changed. {remedy}") from error

    def _raise(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            raise GateRefusedError(str(refusal))

    def _why(self, error: Exception) -> tuple[str, str]:
        """What a call ended in, and what to do about it."""
        if isinstance(error, AccessDeniedError):
            return f"{self._name}: the gate {error}", f"Grant it to the user of the kubeconfig, {AGAIN}"
        if isinstance(error, RejectedError):
            return f"{self._name}: {error}", f"Mend what it says, {AGAIN}"
        found = f"{self._name}: the gate could not see the cluster ({type(error).__name__}: {error})"
        return found, f"Check the API server and the kubeconfig, {AGAIN}"
