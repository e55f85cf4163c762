"""The kubelet's probes of a container: HTTP, TCP, gRPC or a command; times in seconds."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from switchyard.config.models.base import Int, Model, Seconds
from switchyard.config.types.text import PortName
from switchyard.config.types.values import HeaderName, HeaderValue, Path

PortNumber = Annotated[Int, Field(ge=1, le=65535)]

_NUMBER, _NAME = TypeAdapter(PortNumber), TypeAdapter(PortName)


def _is_port(port: object) -> object:
    try:
        return _NUMBER.validate_python(port) if isinstance(port, int) else _NAME.validate_python(port)
    except ValidationError:
        raise ValueError("must be a port: a number from 1 to 65535, or the name of a port | Example: 8080") from None


Port = Annotated[int | str, BeforeValidator(_is_port)]
"""A port of the container, by its number or by its name."""

HTTP_KEYS = ("path", "scheme", "headers", "port")
"""Keys that belong to an HTTP probe alone."""


class TcpSocket(Model):
    """Succeeds when the port accepts a connection.

    Attributes:
        port: number or name of a port of the container.
    """

    port: Port


class Grpc(Model):
    """Succeeds when the gRPC health service says SERVING.

    Attributes:
        port: number of the port; Kubernetes takes no name here.
        service: what the health service is asked about; None asks about the server.
    """

    port: PortNumber
    service: Annotated[str, Field(min_length=1)] | None = None


class HttpProbe(Model):
    """A probe; HTTP unless `tcpSocket`, `grpc` or `exec` is given. These are the liveness probe's defaults.

    Attributes:
        path: of the HTTP request.
        port: number or name of a port of the container; None is the service's own.
        scheme: HTTP or HTTPS; the certificate is not verified.
        headers: of the HTTP request.
        tcp_socket: checks that a port accepts a connection, instead of an HTTP request.
        grpc: asks the gRPC health service instead.
        exec: a command in the container, whose exit code 0 is success, instead.
        initial_delay_seconds: before the first probe.
        period_seconds: between two probes.
        timeout_seconds: for one probe.
        failure_threshold: failures in a row that count.
        termination_grace_period_seconds: replaces drain.terminationGracePeriodSeconds when the probe ends the
            container.
    """

    path: Path = "/health"
    port: Port | None = None
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    headers: dict[HeaderName, HeaderValue] = {}
    tcp_socket: TcpSocket | None = None
    grpc: Grpc | None = None
    exec: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = 30
    period_seconds: Seconds = 10
    timeout_seconds: Seconds = 1
    failure_threshold: Annotated[Int, Field(ge=1, le=100)] = 3
    termination_grace_period_seconds: Seconds | None = None

    @property
    def is_http(self) -> bool:
        """Whether it is an HTTP request."""
        return self.tcp_socket is None and self.grpc is None and self.exec is None

    @property
    def asked_port(self) -> int | str | None:
        """The port that it asks; None is the service's own, or no port for a command."""
        if self.is_http:
            return self.port
        handler = self.tcp_socket or self.grpc
        return None if handler is None else handler.port

    @model_validator(mode="after")
    def _has_one_handler(self) -> "HttpProbe":
        others = [key for key in ("tcpSocket", "grpc", "exec") if getattr(self, _FIELDS[key]) is not None]
        given = [key for key in HTTP_KEYS if key in self.model_fields_set]
        if len(others) > 1 or (others and given):
            raise ValueError(
                f"has {' and '.join([*given, *others])}, and a probe does one thing | "
                "Keep the HTTP keys (path, port, scheme, headers), or one of tcpSocket, grpc and exec."
            )
        return self


_FIELDS = {"tcpSocket": "tcp_socket", "grpc": "grpc", "exec": "exec"}


class ReadinessProbe(HttpProbe):
    """The probe that decides on traffic, with the defaults that it has; times in seconds.

    Attributes:
        success_threshold: successes in a row after which a pod that was not ready is.
    """

    path: Path = "/ready"
    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = 5
    period_seconds: Seconds = 5
    success_threshold: Annotated[Int, Field(ge=1, le=100)] = 1


class StartupProbe(HttpProbe):
    """The probe that holds the other two back until the application has started; times in seconds.

    The application has ``failureThreshold`` x ``periodSeconds`` to start, 5 min by default.
    """

    initial_delay_seconds: Annotated[Int, Field(ge=0, le=3600)] = 0
    period_seconds: Seconds = 10
    failure_threshold: Annotated[Int, Field(ge=1, le=1000)] = 30
