"""The weights of an Ingress, which decide which target group of a service gets the requests.

The AWS Load Balancer Controller creates a target group for each Service of an action, and uses the same target group
for a rule that targets that Service directly, if the port has the same name.
"""

import json

from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.service import BlueGreenSettings, Colour, ServiceSettings
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.manifests.labels import colour_name
from switchyard.manifests.pods import PORT

ACTIONS = f"{ALB_ANNOTATIONS}/actions."
"""Prefix of the annotations in which an Ingress has weights, before the name that its rules give."""

BY_ANNOTATION = "use-annotation"
"""Port of a backend that names an action in the annotations instead of a Service."""

WHOLE = 100
"""Weight of the target group that gets all requests."""


def switched_by_weights(service: ServiceSettings) -> bool:
    """Whether the load balancer has a target group for each colour of a service, and switches by their weights."""
    return service.engine is not SwitchEngine.SELECTOR


def weighted_service(name: str, service: BlueGreenSettings) -> str:
    """Name of the Service whose target group gets all requests.

    Args:
        name: the service's name.
        service: settings of the service, with an engine of the load balancer.
    """
    return colour_name(name, service.active) if service.engine is SwitchEngine.ALB_WEIGHTS else name


def weights(name: str, service: BlueGreenSettings) -> dict[str, int]:
    """The weight of each Service that has a target group: those of both colours, and the Service that users reach.

    The latter keeps a target group of weight 0 under weights, so that its targets are healthy when the stack reverts to
    the selector. Arguments as of `weighted_service`.
    """
    groups = [*(colour_name(name, colour) for colour in Colour), name]
    return {group: WHOLE if group == weighted_service(name, service) else 0 for group in groups}


def action(name: str, service: BlueGreenSettings) -> str:
    """The annotation with these weights; see "actions" in the controller's guide/ingress/annotations."""
    groups = [
        {"serviceName": group, "servicePort": PORT, "weight": weight}
        for group, weight in weights(name, service).items()
    ]
    return json.dumps({"type": "forward", "forwardConfig": {"targetGroups": groups}})
