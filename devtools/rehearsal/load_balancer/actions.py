"""Actions of an Ingress that need no Service, from its annotations.

Keys of an action must be written as in the controller's guide. The controller itself ignores their case.
"""

import json

from devtools.rehearsal.load_balancer.target_groups import annotation, written
from devtools.rehearsal.values import Values
from switchyard.manifests.pods import Manifest
from switchyard.manifests.weights import BY_ANNOTATION

MESSAGE_LIMIT = 1024
"""Characters of a fixed response (API reference, FixedResponseActionConfig). AWS enforces it, moto does not."""

FIXED_RESPONSE = {"contentType": "ContentType", "statusCode": "StatusCode", "messageBody": "MessageBody"}
"""Keys in an annotation, and their parameters at the API."""


def default_action(ingress: Manifest) -> tuple[Values | None, list[str]]:
    """The default action of an Ingress in the form of the ELBv2 API, and a note if its annotation is missing.

    Raises:
        ValueError: AWS, the controller or its simulation does not support it.
    """
    backend = ingress["spec"].get("defaultBackend")
    if backend is None:
        return None, []
    service = backend.get("service") or {}
    if service.get("port") != {"name": BY_ANNOTATION}:
        raise ValueError(f"Ingress {written(ingress)}: a defaultBackend that is no action is unknown here")
    if annotation(ingress, f"actions.{service['name']}") is None:
        missing = f"Ingress {written(ingress)}: there is no annotation actions.{service['name']}: the answer is 503"
        return _fixed("503", "Backend action does not exist"), [missing]
    return action(ingress, service["name"]), []


def action(ingress: Manifest, name: str) -> Values:
    """The action of this name in an Ingress's annotations, as the API has it.

    Raises:
        ValueError: as of `default_action`.
    """
    at = f"Ingress {written(ingress)}: actions.{name}"
    try:
        said = json.loads(annotation(ingress, f"actions.{name}") or "")
    except json.JSONDecodeError as error:
        raise ValueError(f"{at} is no JSON: {error}") from None
    match said:
        case {"type": "fixed-response", "fixedResponseConfig": {"statusCode": str()} as response}:
            return _fixed_response(at, response)
        case {"type": "fixed-response"}:
            raise ValueError(f"{at} has no fixedResponseConfig with a statusCode that is a text")
        case {"type": other}:
            raise ValueError(f"{at}: type {other} is unknown here")
    raise ValueError(f"{at} has no type")


def _fixed_response(at: str, response: Values) -> Values:
    if unknown := sorted(response.keys() - FIXED_RESPONSE.keys()):
        raise ValueError(f"{at}: {', '.join(unknown)} is unknown here")
    if (length := len(response.get("messageBody", ""))) > MESSAGE_LIMIT:
        raise ValueError(f"{at}: messageBody has {length} characters, AWS takes {MESSAGE_LIMIT}")
    config = {FIXED_RESPONSE[key]: value for key, value in response.items()}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def _fixed(status: str, message: str) -> Values:
    config = {"ContentType": "text/plain", "StatusCode": status, "MessageBody": message}
    return {"Type": "fixed-response", "FixedResponseConfig": config}
