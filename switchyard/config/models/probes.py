"""The kubelet's probes of a container: HTTP, TCP, gRPC or a command; times in seconds."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from switchyard.config.models.base import Int, Model, Seconds, redefined
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import PortName
from switchyard.config.types.values import HeaderName, HeaderValue, Path

Delay = Annotated[Int, Field(ge=0, le=3600)]
PortNumber = Annotated[Int, Field(ge=1, le=65535)]

_DEFERRED = ConfigDict(defer_build=True)  # until a service has a probe
_NUMBER, _NAME = TypeAdapter(PortNumber, config=_DEFERRED), TypeAdapter(PortName, config=_DEFERRED)


def _is_port(port: object) -> object:
    try:
        return _NUMBER.validate_python(port) if isinstance(port, int) else _NAME.validate_python(port)
    except ValidationError:
        raise ValueError("must be a port: a number from 1 to 65535, or the name of a port | Example: 8080") from None


Port = Annotated[
    int | str,
    Checked(
        _is_port,
        "a number from 1 to 65535, or the name of a port",
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string"}]},
        before=True,
    ),
]
"""A port of the container, by its number or by its name."""

HTTP_KEYS = ("path", "scheme", "headers", "port")
"""Keys that belong to an HTTP probe alone."""


class TcpSocket(Model):
    """A probe that succeeds when the port accepts a TCP connection."""

    port: Port = Field(description="Number or name of a port of the container.", examples=[8000])


class Grpc(Model):
    """A probe that succeeds when the gRPC health service reports SERVING."""

    port: PortNumber = Field(description="Number of the port. Kubernetes takes no name here.", examples=[8000])
    service: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Service name in the gRPC health check request. Without it, the health of the whole server is checked."
        ),
        examples=["backend"],
    )


class HttpProbe(Model):
    """A probe of a container, with the defaults of the liveness probe.

    It is an HTTP request unless `tcpSocket`, `grpc` or `exec` is given.
    """

    path: Path = Field(default="/health", description="Path of the HTTP request.")
    port: Port | None = Field(
        default=None,
        description="Number or name of a port of the container. Default: the port of the service.",
        examples=[8000, "http"],
    )
    scheme: Literal["HTTP", "HTTPS"] = Field(
        default="HTTP", description="Scheme of the HTTP request. The certificate of HTTPS is not verified."
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default={}, description="Headers of the HTTP request, by name.", examples=[{"X-Probe": "liveness"}]
    )
    tcp_socket: TcpSocket | None = Field(
        default=None,
        description="Checks that a port accepts a TCP connection, instead of an HTTP request.",
        examples=[{"port": 8000}],
    )
    grpc: Grpc | None = Field(
        default=None, description="Asks the gRPC health service, instead of an HTTP request.", examples=[{"port": 8000}]
    )
    exec: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Runs a command in the container, which succeeds with exit code 0, instead of an HTTP request.",
        examples=[["/bin/healthy"]],
    )
    initial_delay_seconds: Delay = Field(default=30, description="Seconds before the first probe.")
    period_seconds: Seconds = Field(default=10, description="Seconds between two probes.")
    timeout_seconds: Seconds = Field(default=1, description="Seconds that one probe may take.")
    failure_threshold: Annotated[Int, Field(ge=1, le=100)] = Field(
        default=3, description="Consecutive failures after which the probe has failed."
    )
    termination_grace_period_seconds: Seconds | None = Field(
        default=None,
        description=(
            "Seconds until SIGKILL when this probe ends the container. Default: `drain.terminationGracePeriodSeconds`."
        ),
        examples=[10],
    )

    @property
    def is_http(self) -> bool:
        """Whether the probe is an HTTP request."""
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
        http_keys = [key for key in HTTP_KEYS if key in self.model_fields_set]
        if len(others) > 1 or (others and http_keys):
            raise ValueError(
                f"has {' and '.join([*http_keys, *others])}, and a probe does one thing | "
                "Keep the HTTP keys (path, port, scheme, headers), or one of tcpSocket, grpc and exec."
            )
        return self


_FIELDS = {"tcpSocket": "tcp_socket", "grpc": "grpc", "exec": "exec"}


class ReadinessProbe(HttpProbe):
    """The probe that decides whether a pod receives traffic, with its own defaults."""

    path: Path = redefined(HttpProbe, "path", "/ready")
    initial_delay_seconds: Delay = redefined(HttpProbe, "initial_delay_seconds", 5)
    period_seconds: Seconds = redefined(HttpProbe, "period_seconds", 5)
    success_threshold: Annotated[Int, Field(ge=1, le=100)] = Field(
        default=1, description="Consecutive successes after which a pod that was not ready is ready."
    )


class StartupProbe(HttpProbe):
    """The probe that delays the other two until the application has started.

    The application has `failureThreshold` x `periodSeconds` to start, 300 s by default.
    """

    initial_delay_seconds: Delay = redefined(HttpProbe, "initial_delay_seconds", 0)
    period_seconds: Seconds = redefined(HttpProbe, "period_seconds", 10)
    failure_threshold: Annotated[Int, Field(ge=1, le=1000)] = redefined(HttpProbe, "failure_threshold", 30)
