"""Refusals of creating, switching and changing a service, and of removing pods of the idle colour."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import BlueGreenSettings, Colour, ColourSettings, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.differences import listed
from switchyard.kube.objects import Endpoint, Pod, PodsChange
from switchyard.kube.selectors import get_pods_command, gets_traffic, labels_text, ready_pods, serving_track
from switchyard.manifests.labels import track_service_name


def wanted_ready(service: ServiceSettings, to: Track, serving_ready: int) -> int:
    """The number of ready pods that a track needs before it may take the traffic.

    It is the configured number, or the configured share of the pods that serve now if that is more.
    """
    share = math.ceil(serving_ready * service.gate.min_ready_percent_of_serving / 100)
    return max(service.replicas_of(to), share)


def refuse_adoption(name: str, service: ServiceSettings, selected: Mapping[str, str] | None) -> Refusal | None:
    """Refuses to adopt a Service of this name that somebody else created."""
    if selected is None or serving_track(name, selected) is not None or service.adopts_service(name):
        return None
    return Refusal(
        code=Code.SERVICE_OF_ANOTHER_OWNER,
        step=f"{key_of(name)}: creating Service {name}",
        observed=f"namespace {service.namespace} has one already, which selects {labels_text(selected)}",
        rule="a Service that this stack did not create is adopted only with permission",
        remedy=(
            "The Service was not changed. Give the service another name; or adopt it, with its pods counted as serving "
            f"until the switch: {setting(name, 'adoptExistingService', True)}"
        ),
    )


def refuse_other_ports(name: str, service: ServiceSettings, ports: Collection[int]) -> Refusal | None:
    """Refuses to adopt a Service with ports that would stay and on which the pods of this stack do not answer.

    The API server merges the port lists of all field managers.
    """
    further = {port.service_port for port in service.ports.values()}
    others = sorted(set(ports) - further - {service.exposed_port})
    if not others:
        return None
    # The first port can take the number of one other port, and only if the Service does not have its own.
    remedy = f"add each to ports of {key_of(name)}, with its number as servicePort"
    if set(ports) - further == {others[0]}:
        remedy = setting(name, "servicePort", others[0])
    return Refusal(
        code=Code.ADOPTED_SERVICE_HAS_OTHER_PORTS,
        step=f"{key_of(name)}: adopting Service {name}",
        observed=f"it has port {', '.join(map(str, others))}",
        rule=f"this stack serves port {service.exposed_port} of the Service, and other ports would stay without pods",
        remedy=f"The Service was not changed. Remove them from the Service, or: {remedy}",
    )


def refuse_no_answer(name: str, service: ServiceSettings, step: str) -> Refusal:
    """Refuses a step because the API server did not answer, so that it is not known to be safe."""
    return Refusal(
        code=Code.NO_ANSWER_IN_TIME,
        step=f"{key_of(name)}: {step}",
        observed=f"no answer from the API server in {service.gate.timeout_seconds} s (gate.timeoutSeconds)",
        rule="the step is taken only on what the cluster reports",
        remedy=(
            "The step was not taken, and what served continues to serve. Check the API server, then run "
            f"`{typed('pulumi up')}` again."
        ),
    )


def refuse_fewer_replicas(
    name: str, service: ServiceSettings, to: Track, serving: Track | None, serving_ready: int
) -> Refusal | None:
    """Refuses a switch whose configured number of pods is too small compared with the pods that serve now.

    Args:
        name: the service's name.
        service: settings of the service.
        to: the track to switch to.
        serving: the track that serves; None if a Service that is to be adopted has pods of its own.
        serving_ready: ready pods behind the Service, without those of `to`.
    """
    replicas = service.most_replicas_of(to)
    wanted = wanted_ready(service, to, serving_ready)
    if replicas is None or replicas >= wanted:
        return None
    key = "autoscaling.max" if service.autoscaling is not None and to is service.track else to.replicas_key
    percent = service.gate.min_ready_percent_of_serving
    return Refusal(
        code=Code.SWITCH_TO_FEWER,
        step=f"{key_of(name)}: the switch to {to}",
        observed=(f"{key} is {replicas}, but {serving or f'Service {name}'} serves with {serving_ready} ready pods"),
        rule=f"it needs at least {wanted} (gate.minReadyPercentOfServing: {percent})",
        remedy=(
            f"The Service was not changed. Run {setting(name, key, wanted)}, or lower gate.minReadyPercentOfServing."
        ),
    )


def refuse_switch(
    name: str,
    service: ServiceSettings,
    to: Track,
    endpoints: Iterable[Endpoint],
    current: Collection[str],
    serving_ready: int,
) -> Refusal | None:
    """Refuses a switch to a track that has too few ready endpoints, or endpoints of another version.

    Args:
        name: the service's name.
        service: settings of the service.
        to: the track to switch to.
        endpoints: endpoints of the track's own Service.
        current: names of the track's pods of the present template.
        serving_ready: ready pods that serve now.
    """
    pods = ready_pods(endpoints)
    ready, others = len(pods.intersection(current)), len(pods.difference(current))
    wanted = wanted_ready(service, to, serving_ready)
    if ready >= wanted and not others:
        return None
    also = f", and {others} of pods of another version" if others else ""
    return Refusal(
        code=Code.SWITCH_TOO_FEW_READY,
        step=f"{key_of(name)}: the switch to {to}",
        observed=f"Service {track_service_name(name, to)} has {ready} ready endpoints{also}",
        rule=(
            f"it needs {wanted} (replicas asked for: {service.replicas_of(to)}, serving now: {serving_ready})"
            + (" and none of another version" if others else "")
        ),
        remedy=f"The Service was not changed. See: {get_pods_command(name, service, to)}",
    )


def refuse_smoke(name: str, service: ServiceSettings, to: Track, failures: list[str]) -> Refusal | None:
    """Refuses a switch to pods that fail the smoke test."""
    if not failures:
        return None
    return Refusal(
        code=Code.SMOKE_TEST_FAILED,
        step=f"{key_of(name)}: the switch to {to}",
        observed="the smoke test failed: " + ", ".join(failures),
        rule="every path of gate.smoke must answer as configured",
        remedy=f"The Service was not changed. See: {get_pods_command(name, service, to)}",
    )


def warn_no_smoke_test(name: str, to: Track, nodes: Collection[str]) -> str:
    """Warns before a switch that the smoke test could not run, because the pods are on simulated nodes.

    Args:
        name: the service's name.
        to: the track to switch to.
        nodes: names of the simulated nodes.
    """
    return notice(
        Code.SMOKE_TEST_NOT_RUN,
        key_of(name),
        f"the smoke test of {to} did not run: {', '.join(sorted(nodes))} are simulated nodes, whose pods do not answer",
        "The switch is based on readiness alone.",
    )


def refuse_in_place(
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    selected: Mapping[str, str] | None,
    fields: Sequence[str] = (),
) -> Refusal | None:
    """Refuses to change the pods that serve.

    Args:
        name: the service's name.
        service: settings of the service.
        colour: the colour whose pods would be replaced.
        selected: selector of the Service on the cluster; None without a Service.
        fields: the fields of the pods that would change.
    """
    if service.allow_in_place_update or not gets_traffic(name, Track(colour), selected):
        return None
    keys = [field.alias or key for key, field in ColourSettings.model_fields.items()]
    return Refusal(
        code=Code.SERVING_PODS_CHANGED,
        step=f"{key_of(name)}: a change of the pods of {colour}",
        observed=f"{colour} is serving" + (f", and this would change {listed(fields)}" if fields else ""),
        rule="the serving colour is not changed in place, because there is nothing to roll back to",
        remedy=(
            f"No pod was changed. Each colour has its own {', '.join(keys)}: make such a change in {colour.other} and "
            "switch to it. Every other setting applies to the pods of both colours and is released with a switch: set "
            f"it in the same update that makes {colour.other} active; {colour} is updated after the switch. "
            f"Or permit a rolling update: {setting(name, 'allowInPlaceUpdate', True)}"
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
    """Refuses to remove ready pods of the idle colour while they are needed.

    Pods that are not ready are of no use for a rollback, so a fix can be warmed in the idle colour while the active
    colour is short of pods. Ready pods are kept for a rollback until the active colour serves with all of its own.

    Args:
        name: the service's name.
        service: settings of the service.
        colour: the colour that the configuration has idle.
        selected: selector of the Service on the cluster, which may differ from the configuration.
        behind_service: endpoints of the active Service.
        of_colour: pods of the idle colour.
        change: the change of these pods.
        needed: ready pods that the active colour needs before the change; None for the number in the settings.
    """
    of_colour, serving_pods = tuple(of_colour), ready_pods(behind_service)
    still_selected = serving_pods.intersection(pod.name for pod in of_colour)
    if not change.lost(len(still_selected.union(pod.name for pod in of_colour if pod.ready))):
        return None
    step = f"{key_of(name)}: a change of the idle colour {colour}"
    if gets_traffic(name, Track(colour), selected):
        return Refusal(
            code=Code.IDLE_COLOUR_SELECTED,
            step=step,
            observed=(
                f"Service {name} on the cluster selects {serving_track(name, selected) or labels_text(selected)}, "
                f"not {colour.other} as the stack has it"
            ),
            rule="a colour that gets traffic keeps its pods",
            remedy=(
                f"{colour} keeps its pods. Run `{typed('pulumi refresh')}`, which reads the selector into the state, "
                f"then `{typed('pulumi up')}`."
            ),
        )
    if still_selected:
        return Refusal(
            code=Code.IDLE_COLOUR_IN_ENDPOINTS,
            step=step,
            observed=f"{len(still_selected)} of its pods are still endpoints of Service {name}",
            rule="the old colour is scaled down only when its pods are out of the EndpointSlices",
            remedy=(
                f"{colour} keeps its pods. Check that kube-controller-manager runs, then run "
                f"`{typed('pulumi up')}` again."
            ),
        )
    wanted = service.colour(colour.other).replicas if needed is None else needed
    if len(serving_pods) < wanted:
        return Refusal(
            code=Code.IDLE_COLOUR_NEEDED,
            step=step,
            observed=f"Service {name} has {len(serving_pods)} ready endpoints",
            rule=f"{colour.other} must serve with {wanted} before {colour} is scaled down",
            remedy=(
                f"{colour} keeps its pods: make it active again to roll back. "
                f"See: {get_pods_command(name, service, Track(colour.other))}"
            ),
        )
    return None
