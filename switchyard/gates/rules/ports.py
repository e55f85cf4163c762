"""Refusals of other ports for a service whose pods serve, where the Service would not follow them at once."""

from collections.abc import Collection, Mapping

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.selectors import gets_traffic
from switchyard.manifests.pods import PORT, moved_ports


def refuse_other_port(name: str, service: ServiceSettings, targets: Mapping[str, int | str]) -> Refusal | None:
    """Refuses other ports while pods that listen on the old ones take traffic.

    Args:
        name: the service's name.
        service: settings of the service.
        targets: the ports of pods that the Service on the cluster targets, by the names of its ports.
    """
    moved = moved_ports(service, targets)
    if not moved:
        return None
    others = ", ".join(f"port{'' if port == PORT else f' {port}'} to {moved[port]}" for port in moved)
    return Refusal(
        code=Code.PORT_CHANGED_UNDER_ROLLOUT,
        step=f"{key_of(name)}: a change of its {others}",
        observed=(
            f"Service {name} targets port {', '.join(str(targets[port]) for port in moved)} of the pods that serve"
        ),
        rule="under a Rollout the Services are changed before the pods",
        remedy=(
            "The Service was not changed. Migrate through strategy blueGreen, whose switch changes both at once: "
            f"run {setting(name, 'strategy', 'blueGreen')}, `{typed('pulumi up')}`."
        ),
    )


def refuse_other_port_in_place(
    name: str,
    service: BlueGreenSettings,
    colour: Colour,
    selected: Mapping[str, str] | None,
    targets: Mapping[str, int | str],
) -> Refusal | None:
    """Refuses to give the pods that serve another port, even where they may be changed in place.

    Args:
        name: the service's name.
        service: settings of the service.
        colour: the colour whose pods would be replaced.
        selected: selector of the Service on the cluster; None without a Service.
        targets: the ports of pods that this Service targets, by the names of its ports.
    """
    moved = moved_ports(service, targets)
    if not moved or not gets_traffic(name, Track(colour), selected):
        return None
    others = ", ".join(f"{number} in place of {targets[port]}" for port, number in moved.items())
    return Refusal(
        code=Code.SERVING_PODS_CHANGED,
        step=f"{key_of(name)}: a change of the pods of {colour}",
        observed=f"{colour} is serving, and its new pods would listen on port {others}",
        rule=(
            "a rolling update replaces all pods before the Service is changed, so requests would go to a port on which "
            "no pod listens"
        ),
        remedy=(
            f"No pod was changed. Change the port in the same update that makes {colour.other} active: a switch "
            "changes port and pods at once."
        ),
    )


def refuse_closed_port(
    name: str,
    service: BlueGreenSettings,
    changed: str,
    targets: Mapping[str, int | str],
    listening: Collection[tuple[str, int]],
    reason: str = "",
) -> Refusal | None:
    """Refuses to let a Service that serves target ports on which its pods do not listen.

    Args:
        name: the service's name.
        service: settings of the service.
        changed: name of the Service that would be changed.
        targets: the ports of pods that this Service targets, by the names of its ports.
        listening: the ports on which its pods listen, each by its name and its number.
        reason: why the Service of a colour serves; empty for the Service that users reach.
    """
    closed = {port: number for port, number in moved_ports(service, targets).items() if (port, number) not in listening}
    if not closed:
        return None
    remedy = f"Change the port in the update that makes {service.active.other} active, for the whole stack."
    if changed != name:
        remedy = f"Route these requests to Service {name} first."
        if service.engine is SwitchEngine.ALB_WEIGHTS:
            weights = setting(name, "switchEngine", SwitchEngine.ALB_WEIGHTS.value)
            selector = setting(name, "switchEngine", SwitchEngine.ALB_TARGETS.value)
            remedy = (
                f"Set port and active colour back, and run {selector}, `{typed('pulumi up')}`. Then change both in one "
                f"update, and afterwards run {weights}, `{typed('pulumi up')}`."
            )
    return Refusal(
        code=Code.PORT_CLOSED,
        step=f"{key_of(name)}: a change of the ports of Service {changed}",
        observed=(
            f"{reason or f'{service.active} is serving'}, and its pods do not listen on port "
            f"{', '.join(map(str, closed.values()))}, but on {', '.join(str(targets[port]) for port in closed)}"
        ),
        rule="a Service that serves targets only ports on which its pods listen",
        remedy=f"The Service was not changed. {remedy}",
    )
