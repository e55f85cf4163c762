"""Refuses a switch by command to pods that listen on other ports than those that the Service targets."""

from switchyard.codes import Code
from switchyard.config.commands import below, set_value, typed
from switchyard.config.models.pod_settings import PORT
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import key_of
from switchyard.config.validation.services import SERVICES
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.objects import targets_of
from switchyard.release.plan import Act, Observation


def refuse_other_ports(observation: Observation, target: Colour, act: Act, changed: str) -> Refusal | None:
    """Refuses a rollback to pods that listen on other ports than those that the Service targets.

    An update has given the service another port, and has stopped between its switch and the pods of the old colour.

    Args:
        observation: observation of the service.
        target: the colour that is to serve.
        act: the command.
        changed: a sentence about what the command has changed.
    """
    own, serving = (dict(observation.colours[colour].ports) for colour in (target, observation.serving))
    targets = targets_of(observation.live)
    # A target that is not the port of the pods that serve was set by hand, and says nothing about the versions.
    ports = {name: own[name] for name in own.keys() & targets if own[name] != targets[name] == serving.get(name)}
    if not ports:
        return None
    path = below(SERVICES, key_of(observation.name))
    keys = {name: f"{path}.port" if name == PORT else below(path, "ports", name, "containerPort") for name in ports}
    commands = [*(set_value(keys[name], number) for name, number in sorted(ports.items()))]
    commands += [set_value(f"{path}.active", target), typed("pulumi up")]
    return Refusal(
        code=Code.TARGET_NOT_READY,
        step=f"{key_of(observation.name)}: the {act} to {target}",
        observed=(
            f"its pods listen on port {', '.join(str(ports[name]) for name in sorted(ports))}, and Service "
            f"{observation.name} targets port {', '.join(str(targets[name]) for name in sorted(ports))}"
        ),
        rule="a rollback changes the selector alone, and requests would go to a port on which no pod listens",
        remedy=(
            f"{changed} {observation.what_serves} An update changes selector and port at once: {' && '.join(commands)}"
        ),
    )
