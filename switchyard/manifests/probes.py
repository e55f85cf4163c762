"""The kubelet's probes of a container."""

from typing import Any

from switchyard.config.models.probes import HttpProbe, ReadinessProbe
from switchyard.manifests.manifest import Manifest


def probe(settings: HttpProbe, port: str | int | None) -> Manifest:
    """Renders one probe of a container.

    Args:
        settings: settings of the probe.
        port: default port of an HTTP probe.
    """
    rendered: dict[str, Any] = {
        **_handler(settings, port),
        "initialDelaySeconds": settings.initial_delay_seconds,
        "periodSeconds": settings.period_seconds,
        "timeoutSeconds": settings.timeout_seconds,
        "failureThreshold": settings.failure_threshold,
    }
    if isinstance(settings, ReadinessProbe) and settings.success_threshold != 1:
        rendered["successThreshold"] = settings.success_threshold
    if settings.termination_grace_period_seconds is not None:
        rendered["terminationGracePeriodSeconds"] = settings.termination_grace_period_seconds
    return rendered


def _handler(settings: HttpProbe, port: str | int | None) -> Manifest:
    if settings.tcp_socket is not None:
        return {"tcpSocket": {"port": settings.tcp_socket.port}}
    if settings.grpc is not None:
        service = {} if settings.grpc.service is None else {"service": settings.grpc.service}
        return {"grpc": {"port": settings.grpc.port, **service}}
    if settings.exec is not None:
        return {"exec": {"command": list(settings.exec)}}
    request: dict[str, Any] = {"path": settings.path, "port": settings.port or port}
    if settings.scheme != "HTTP":
        request["scheme"] = settings.scheme
    if settings.headers:
        request["httpHeaders"] = [{"name": name, "value": value} for name, value in settings.headers.items()]
    return {"httpGet": request}
