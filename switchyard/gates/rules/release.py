"""The rules of the gates, as pure functions: what was seen goes in, a refusal or None comes out."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from switchyard.config.models.service import BlueGreenSettings, Colour, ColourSettings, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.differences import listed
from switchyard.kube.objects import Endpoint, Pod, PodsChange
from switchyard.kube.selectors import get_pods_command, gets_traffic, labels_text, ready_pods, serving_track
from switchyard.manifests.labels import way_in_name


def wanted_ready(service: ServiceSettings, to: Track, serving_ready: int) -> int:
    """How many ready pods a track needs before it may take the traffic.

    As many as it was asked for, and no fewer than the given share of what serves now.
    """
    share = math.ceil(serving_ready * service.gate.min_ready_percent_of_serving / 100)
    return max(service.replicas_of(to), share)


def refuse_no_namespace(name: str, service: ServiceSettings) -> Refusal:
    """Refuses to make a service in a namespace that is not there."""
    return Refusal(
        step=f"{key_of(name)}: making the service",
        found=f"there is no namespace {service.namespace}",
        rule="the namespace belongs to whoever runs the cluster, and must be there first",
        remedy=f"This step was not taken. Make it: kubectl create namespace {service.namespace}",
    )


def refuse_adoption(name: str, service: ServiceSettings, selected: Mapping[str, str] | None) -> Refusal | None:
    """Refuses to take over a Service of this name that somebody else made."""
    if selected is None or serving_track(name, selected) is not None or service.adopts_service(name):
        return None
    return Refusal(
        step=f"{key_of(name)}: making Service {name}",
        found=f"namespace {service.namespace} has one already, which selects {labels_text(selected)}",
        rule="a Service that this stack did not make is not taken over unasked",
        remedy=(
            "This step was not taken. Give the service another name; or take it over, with its pods counted as serving "
            f"until the switch: {setting(name, 'adoptExistingService', True)}"
        ),
    )


def refuse_other_ports(name: str, service: ServiceSettings, ports: Collection[int]) -> Refusal | None:
    """Refuses to adopt a Service with ports that this program would not take away, and its pods not answer on.

    The API server merges the lists of ports of all who apply them.
    """
    own = {service.port, *(port.service_port for port in service.ports.values())}
    others = sorted(set(ports) - own)
    if not others:
        return None
    return Refusal(
        step=f"{key_of(name)}: taking over Service {name}",
        found=f"it has port {', '.join(map(str, others))}",
        rule=f"only port {service.port} leads to the pods of this stack, and other ports would stay",
        remedy=f"This step was not taken. Take them off the Service, or: {setting(name, 'port', others[0])}",
    )


def refuse_no_answer(name: str, service: ServiceSettings, step: str) -> Refusal:
    """Refuses a step on which nothing was seen at all: what is not known to be safe is not done."""
    return Refusal(
        step=f"{key_of(name)}: {step}",
        found=f"no answer from the API server in {service.gate.timeout_seconds} s (gate.timeoutSeconds)",
        rule="it is taken only on what was seen",
        remedy="This step was not taken. Check the API server, then run `pulumi up` again.",
    )


def refuse_fewer_replicas(
    name: str, service: ServiceSettings, to: Track, serving: Track | None, serving_ready: int
) -> Refusal | None:
    """Refuses a switch that the configuration alone shows to be one to fewer pods than serve now.

    Args:
        name: the service's name.
        service: its settings.
        to: the track to switch to.
        serving: the one that serves; None when a Service that is to be adopted serves with pods of its own.
        serving_ready: ready pods behind the Service, those of `to` left out.
    """
    replicas = service.most_replicas_of(to)
    wanted = wanted_ready(service, to, serving_ready)
    if replicas is None or replicas >= wanted:
        return None
    key = to.replicas_key if service.autoscaling is None else "autoscaling.max"
    percent = service.gate.min_ready_percent_of_serving
    return Refusal(
        step=f"{key_of(name)}: the switch to {to}",
        found=(f"{key} is {replicas}, but {serving or f'Service {name}'} serves with {serving_ready} ready pods"),
        rule=f"it needs at least {wanted} (gate.minReadyPercentOfServing: {percent})",
        remedy=f"Run {setting(name, to.replicas_key, wanted)}, or lower gate.minReadyPercentOfServing.",
    )


def refuse_switch(
    name: str,
    service: ServiceSettings,
    to: Track,
    endpoints: Iterable[Endpoint],
    current: Collection[str],
    serving_ready: int,
) -> Refusal | None:
    """Refuses a switch to a track that has too few ready endpoints, or some of another version.

    Args:
        name: the service's name.
        service: its settings.
        to: the track to switch to.
        endpoints: of the track's own Service.
        current: names of the pods of its present template.
        serving_ready: ready pods that serve now.
    """
    found = ready_pods(endpoints)
    ready, others = len(found.intersection(current)), len(found.difference(current))
    wanted = wanted_ready(service, to, serving_ready)
    if ready >= wanted and not others:
        return None
    also = f", and {others} of pods of another version" if others else ""
    return Refusal(
        step=f"{key_of(name)}: the switch to {to}",
        found=f"Service {way_in_name(name, to)} has {ready} ready endpoints{also}",
        rule=(
            f"it needs {wanted} (replicas asked for: {service.replicas_of(to)}, serving now: {serving_ready})"
            + (" and none of another version" if others else "")
        ),
        remedy=f"The Service was not touched. See: {get_pods_command(name, service, to)}",
    )


def refuse_smoke(name: str, service: ServiceSettings, to: Track, failures: list[str]) -> Refusal | None:
    """Refuses a switch to pods that do not answer as it should."""
    if not failures:
        return None
    return Refusal(
        step=f"{key_of(name)}: the switch to {to}",
        found="the smoke test failed: " + ", ".join(failures),
        rule="every path of gate.smoke must answer as configured",
        remedy=f"The Service was not touched. See: {get_pods_command(name, service, to)}",
    )


def refuse_in_place(
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    selected: Mapping[str, str] | None,
    fields: Sequence[str] = (),
) -> Refusal | None:
    """Refuses a change of the pods that serve.

    Args:
        name: the service's name.
        service: its settings.
        colour: whose pods would be replaced.
        selected: what the Service on the cluster selects; None when there is none.
        fields: what would differ in them.
    """
    if service.allow_in_place_update or not gets_traffic(name, Track(colour), selected):
        return None
    keys = [field.alias or key for key, field in ColourSettings.model_fields.items()]
    return Refusal(
        step=f"{key_of(name)}: a change of the pods of {colour}",
        found=f"{colour} is serving" + (f", and this would change {listed(fields)}" if fields else ""),
        rule="the serving colour is not changed in place, because there is nothing to roll back to",
        remedy=(
            f"Of each colour alone are {', '.join(keys)}: give such a change to {colour.other} "
            "and switch to it. Every other setting shapes the pods of both colours and goes out with a switch: set it "
            f"in the same update that makes {colour.other} active; {colour} is rolled to it after the switch. "
            f"Or permit a rolling one: {setting(name, 'allowInPlaceUpdate', True)}"
        ),
    )


def refuse_retire(
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    selected: Mapping[str, str] | None,
    behind_service: Iterable[Endpoint],
    of_colour: Iterable[Pod],
    change: PodsChange,
    needed: int | None = None,
) -> Refusal | None:
    """Refuses to take ready pods from the idle colour while the cluster needs them.

    Pods that are not ready protect nobody, so that a fix can be warmed in the idle colour while the active one
    is short of pods. Ready ones are the way back, and stay until the active colour serves with all of its own.

    Args:
        name: the service's name.
        service: its settings.
        colour: the colour that the configuration has idle.
        selected: what the Service on the cluster selects, whatever the configuration says.
        behind_service: endpoints of the active Service.
        of_colour: pods of the idle colour.
        change: what is about to happen to them.
        needed: ready pods that the active colour needs before; None takes the number in the settings.
    """
    of_colour, behind = tuple(of_colour), ready_pods(behind_service)
    left = behind.intersection(pod.name for pod in of_colour)
    if not change.lost(len(left.union(pod.name for pod in of_colour if pod.ready))):
        return None
    step = f"{key_of(name)}: a change of the idle colour {colour}"
    if gets_traffic(name, Track(colour), selected):
        return Refusal(
            step=step,
            found=(
                f"Service {name} on the cluster selects {serving_track(name, selected) or labels_text(selected)}, "
                f"not {colour.other} as the stack has it"
            ),
            rule="a colour that gets traffic keeps its pods",
            remedy="Run `pulumi refresh` to see who is right, then `pulumi up`.",
        )
    if left:
        return Refusal(
            step=step,
            found=f"{len(left)} of its pods are still endpoints of Service {name}",
            rule="the old colour goes only when it is out of the EndpointSlices",
            remedy="Is kube-controller-manager running? Then run `pulumi up` again.",
        )
    wanted = service.colour(colour.other).replicas if needed is None else needed
    if len(behind) < wanted:
        return Refusal(
            step=step,
            found=f"Service {name} has {len(behind)} ready endpoints",
            rule=f"{colour.other} must serve with {wanted} before {colour} goes",
            remedy=(
                f"{colour} keeps its pods as the way back: make it active to go back to it. "
                f"See: {get_pods_command(name, service, Track(colour.other))}"
            ),
        )
    return None
