"""The document that `switchyard status --json` prints. Scripts rely on its keys."""

import re
from collections.abc import Iterable
from typing import Any

from switchyard.cli.output import error_document
from switchyard.cli.service_status import ServiceStatus, TrackStatus
from switchyard.config.errors import Problem
from switchyard.config.models.service_name import key_of
from switchyard.errors import PREFIX, GateRefusedError, SwitchyardError, UsageError
from switchyard.kube.images import Running

FORM_VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""

_OF_REFUSAL = re.compile(rf"\(({PREFIX}[A-Z]\d{{3}})\)")
"""Pattern of the code in the text of a refusal, whose class is the same for all codes."""


def document(
    stack: str, services: list[ServiceStatus], balancer: str | None = None, ignored: Iterable[Problem] = ()
) -> dict[str, Any]:
    """The document about all services.

    Args:
        stack: the stack's name.
        services: the services, in the order of the table.
        balancer: the problem of the load balancer; None without a problem or a load balancer.
        ignored: errors in the settings of services, which are left out for that reason.
    """
    errors = configuration_errors(ignored)
    return {
        "version": FORM_VERSION,
        "stack": stack,
        "asConfigured": balancer is None and not errors and all(service.as_configured for service in services),
        "loadBalancerProblem": balancer,
        "configurationErrors": errors,
        "services": [_service(service) for service in services],
    }


def configuration_errors(ignored: Iterable[Problem]) -> list[dict[str, str]]:
    """The errors in the settings of services, as documents about several services have them."""
    return [{"code": problem.code.value, "error": str(problem)} for problem in ignored]


def failure(message: str, error: SwitchyardError) -> dict[str, Any]:
    """The document for a run in which the services cannot be read.

    Args:
        message: the message for people.
        error: the error, with its code and the exit code of the command.
    """
    code = _OF_REFUSAL.search(message) if isinstance(error, GateRefusedError | UsageError) else None
    return error_document(message, code[1] if code else error.code.value, error.exit_code)


def _service(service: ServiceStatus) -> dict[str, Any]:
    return {
        "key": key_of(service.name),
        "name": str(service.name),
        "namespace": service.namespace,
        "engine": service.engine.value,
        "configured": service.configured.value,
        "serving": None if service.serving is None else service.serving.value,
        "asConfigured": service.as_configured,
        "ingressLeadsTo": None if service.ingress_targets is None else sorted(service.ingress_targets),
        "nodePort": service.node_port,
        "simulated": service.simulated,
        "tracks": {track.value: _track(status) for track, status in service.tracks.items()},
        "frozen": None if service.frozen is None else service.frozen.to_json(),
        "release": None if service.release is None else service.release.to_json(),
        "notes": [*service.notes, *([service.release_note] if service.release_note else [])],
    }


def _track(track: TrackStatus) -> dict[str, Any]:
    return {
        "tag": track.tag,
        "configured": track.configured,
        "wanted": track.wanted,
        "ready": track.ready,
        "asConfigured": track.as_configured,
        "running": [_running(image) for image in track.running],
    }


def _running(running: Running) -> dict[str, Any]:
    return {
        "image": running.reference,
        "tag": running.image.tag,
        "digest": running.digest or running.image.digest,
        "pods": running.pods,
        "ready": running.ready,
    }
