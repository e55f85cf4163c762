"""The forward of an Ingress by weights: which of a service's target groups gets the load balancer's requests.

The AWS Load Balancer Controller makes a target group for each Service of an action, and takes it for the one of a rule
that leads to that Service by itself, if the port is named alike.
"""

import json

from render.labels import colour_name
from render.pods import PORT
from settings.engine import SwitchEngine
from settings.service import BlueGreenSettings, Colour

ACTIONS = "alb.ingress.kubernetes.io/actions."
"""Prefix of the annotations in which an Ingress has weights, before the name that its rules give."""

BY_ANNOTATION = "use-annotation"
"""Port of a rule that sends the requests by such weights."""

WHOLE = 100
"""Weight of the target group that gets all requests."""


def weights(name: str, service: BlueGreenSettings) -> dict[str, int]:
    """The weight of each Service that has a target group: of both colours, and of the one that is switched.

    That one stays at 0 under weights: the way back to the selector then leads to targets that are healthy.

    Args:
        name: the service's name.
        service: its settings, with an engine of the load balancer.
    """
    by_weights = service.engine is SwitchEngine.ALB_WEIGHTS
    leads = colour_name(name, service.active) if by_weights else name
    groups = [*(colour_name(name, colour) for colour in Colour), name]
    return {group: WHOLE if group == leads else 0 for group in groups}


def action(name: str, service: BlueGreenSettings) -> str:
    """The annotation that has these weights; the controller's guide/ingress/annotations, "actions"."""
    groups = [
        {"serviceName": group, "servicePort": PORT, "weight": weight}
        for group, weight in weights(name, service).items()
    ]
    return json.dumps({"type": "forward", "forwardConfig": {"targetGroups": groups}})
