"""Commands that switch a service without this program, for messages. Pure functions."""

import json
import shlex

from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.manifests.labels import FIELD_MANAGER
from switchyard.manifests.weights import ACTIONS, action


def switch_by_hand(name: str, service: ServiceSettings, target: Colour | None) -> str:
    """The commands that switch a service by hand: of the selector, and of the weights where there are any.

    Args:
        name: the service's name.
        service: its settings.
        target: the colour that is to serve; None leaves it to the operator to write it.
    """
    # What cannot be a label's value: the API server refuses a selector with it, which would otherwise select no pods.
    version = "<blue or green>" if target is None else target.value
    apply = [{"op": "replace", "path": "/spec/selector", "value": {"app": str(name), "version": version}}]
    return (
        f"kubectl -n {service.namespace} patch service {name} --field-manager={FIELD_MANAGER} --type=json "
        f"-p {shlex.quote(json.dumps(apply))}{_weights_by_hand(name, service, target)}"
    )


def _weights_by_hand(name: str, service: ServiceSettings, target: Colour | None) -> str:
    """How to change the weights of a service's Ingresses by hand; empty where the load balancer does not switch."""
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
