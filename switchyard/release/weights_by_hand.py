"""Commands that change the weights of a load balancer without this program, for messages. Pure functions."""

import shlex

from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.manifests.labels import FIELD_MANAGER
from switchyard.manifests.weights import ACTIONS, action


def weights_by_hand(name: str, service: ServiceSettings, target: Colour | None) -> str:
    """How to change the weights of a service's Ingresses by hand; empty where the load balancer does not switch.

    Args:
        name: the service's name.
        service: its settings.
        target: the colour that is to serve; None gives a command for each.
    """
    if service.engine is not SwitchEngine.ALB_WEIGHTS or not isinstance(service, BlueGreenSettings):
        return ""
    commands = []
    for colour in [target] if target is not None else Colour:
        value = action(name, service.model_copy(update={"active": colour}))
        annotation = shlex.quote(f"{ACTIONS}{name}={value}")
        commands.append(
            f"for {colour}: kubectl -n {service.namespace} annotate ingress -l app={name} --overwrite "
            f"--field-manager={FIELD_MANAGER} {annotation}"
        )
    return f". Then the load balancer, {'; '.join(commands)}"
