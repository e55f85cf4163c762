"""The rules of the gates, as pure functions: what was seen goes in, a refusal or None comes out."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from render.labels import colour_name, selector
from settings.service import Colour, ServiceSettings


@dataclass(frozen=True)
class Endpoint:
    """One pod behind a Service, as an EndpointSlice shows it."""

    pod: str
    node: str
    ready: bool


@dataclass(frozen=True)
class Refusal:
    """Why a step is not taken.

    Attributes:
        step: what was about to happen, for example ``backend: the switch to green``.
        found: what was seen.
        rule: what has to hold instead.
        remedy: what to do now.
    """

    step: str
    found: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.step} is refused: {self.found}; {self.rule}. {self.remedy}"


def ready_pods(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    """Names of the pods that a Service would send traffic to."""
    return frozenset(endpoint.pod for endpoint in endpoints if endpoint.ready)


def wanted_ready(service: ServiceSettings, to: Colour, serving_ready: int) -> int:
    """How many ready pods a colour needs before it may take the traffic.

    As many as it was asked for, and no fewer than the given share of what serves now.
    """
    share = math.ceil(serving_ready * service.gate.min_ready_percent_of_serving / 100)
    return max(service.colour(to).replicas, share)


def refuse_fewer_replicas(
    name: str, service: ServiceSettings, to: Colour, serving: Colour, serving_ready: int
) -> Refusal | None:
    """Refuses a switch that the configuration alone shows to be one to fewer pods than serve now."""
    replicas = service.colour(to).replicas
    wanted = wanted_ready(service, to, serving_ready)
    if replicas >= wanted:
        return None
    percent = service.gate.min_ready_percent_of_serving
    return Refusal(
        step=f"{name}: the switch to {to}",
        found=f"{to}.replicas is {replicas}, but {serving} serves with {serving_ready} ready pods",
        rule=f"it needs at least {wanted} (gate.minReadyPercentOfServing: {percent})",
        remedy=f"Set services.{name}.{to}.replicas to {wanted}, or lower gate.minReadyPercentOfServing.",
    )


def refuse_switch(
    name: str, service: ServiceSettings, to: Colour, endpoints: Iterable[Endpoint], serving_ready: int
) -> Refusal | None:
    """Refuses a switch to a colour that has too few ready endpoints."""
    ready = len(ready_pods(endpoints))
    wanted = wanted_ready(service, to, serving_ready)
    if ready >= wanted:
        return None
    return Refusal(
        step=f"{name}: the switch to {to}",
        found=f"Service {colour_name(name, to)} has {ready} ready endpoints",
        rule=f"it needs {wanted} (replicas asked for: {service.colour(to).replicas}, serving now: {serving_ready})",
        remedy=f"The Service was not touched. See: {_get_pods(name, service, to)}",
    )


def refuse_smoke(name: str, service: ServiceSettings, to: Colour, failures: list[str]) -> Refusal | None:
    """Refuses a switch to a colour that does not answer as it should."""
    if not failures:
        return None
    return Refusal(
        step=f"{name}: the switch to {to}",
        found="the smoke test failed: " + ", ".join(failures),
        rule="every path of gate.smoke must answer as configured",
        remedy=f"The Service was not touched. See: {_get_pods(name, service, to)}",
    )


def refuse_in_place(name: str, service: ServiceSettings, colour: Colour, serving: Colour | None) -> Refusal | None:
    """Refuses a change of the pods that serve."""
    if colour != serving or service.allow_in_place_update:
        return None
    return Refusal(
        step=f"{name}: a change of the pods of {colour}",
        found=f"{colour} is serving",
        rule="the serving colour is not changed in place, because there is nothing to roll back to",
        remedy=(
            f"Give the change to {colour.other} and switch to it, or set "
            f"services.{name}.allowInPlaceUpdate to true for a rolling update."
        ),
    )


def refuse_retire(
    name: str,
    service: ServiceSettings,
    colour: Colour,
    serving: Colour | None,
    behind_service: Iterable[Endpoint],
    of_colour: Iterable[Endpoint],
) -> Refusal | None:
    """Refuses to take pods from the idle colour while the cluster still sends it traffic.

    Args:
        name: the service's name.
        service: its settings.
        colour: the colour that the configuration has idle.
        serving: the colour that the Service on the cluster selects, whatever the configuration says.
        behind_service: endpoints of the active Service.
        of_colour: endpoints of the idle colour's own Service.
    """
    step = f"{name}: a change of the idle colour {colour}"
    if serving == colour:
        return Refusal(
            step=step,
            found=f"Service {name} on the cluster selects {colour}, not {colour.other} as the stack has it",
            rule="a colour that gets traffic keeps its pods",
            remedy="Run `pulumi refresh` to see who is right, then `pulumi up`.",
        )
    behind_service = tuple(behind_service)
    left = ready_pods(behind_service) & {endpoint.pod for endpoint in of_colour}
    if left:
        return Refusal(
            step=step,
            found=f"{len(left)} of its pods are still endpoints of Service {name}",
            rule="the old colour goes only when it is out of the EndpointSlices",
            remedy="Is kube-controller-manager running? Then run `pulumi up` again.",
        )
    ready = len(ready_pods(behind_service))
    wanted = service.colour(colour.other).replicas
    if ready < wanted:
        return Refusal(
            step=step,
            found=f"Service {name} has {ready} ready endpoints",
            rule=f"{colour.other} must serve with {wanted} before {colour} goes",
            remedy=f"{colour} keeps its pods as the way back. See: {_get_pods(name, service, colour.other)}",
        )
    return None


def why_not_ready(
    name: str, service: ServiceSettings, colour: Colour, states: Sequence[str], serving: Colour | None
) -> str:
    """One line on a colour that did not get ready: how its pods are, what serves, where to look."""
    counted = Counter(states)
    pods = "; ".join(f"{count} {state}" for state, count in counted.most_common()) or "there are none"
    traffic = f"{serving} goes on serving" if serving not in {None, colour} else f"serving: {serving or 'nothing'}"
    return f"{name}: pods of {colour}: {pods}. {traffic}. See: {_get_pods(name, service, colour)}"


def _get_pods(name: str, service: ServiceSettings, colour: Colour) -> str:
    labels = ",".join(f"{key}={value}" for key, value in selector(name, colour).items())
    return f"kubectl -n {service.namespace} get pods -l {labels}"
