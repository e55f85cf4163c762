"""The settings of the example backend: environment variables, each of which is checked."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from migrations.database import OLD, Column
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

HeaderText = Annotated[str, StringConstraints(pattern=r"^[ -~]*$")]
"""Text that fits into a response header."""

Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """The settings, from environment variables with the names of the attributes in capitals unless another is given.

    Attributes:
        colour: `VERSION`.
        version: `APP_VERSION`, release of the application.
        pod: `HOSTNAME`, which is the pod's name in Kubernetes.
        node: `NODE_NAME`.
        service: label of the metrics.
        host: address to listen on.
        port: 0 takes any free one and says which in the log.
        drain_port: where connections are drained, see `drain_connections`; 0 takes any free one.
        keep_alive_seconds: how long an idle connection is kept; more than the 60 s of a load balancer, which
            must be the first to close it: it answers 502 to a request that meets the closing.
        drain_seconds: how long requests are still taken after SIGTERM.
        start_up_seconds: not ready before.
        latency_ms: added to each answer of ``/``.
        failure_rate: share of answers of ``/`` that are a 500, 0 to 1.
        never_ready: `/ready` always answers 503.
        crash_after_seconds: the process ends with code 1 that long after its start.
        database: path of the file with the orders; without it there are none, see `orders`.
        orders_column: the column in which this version has the names of the orders.
    """

    model_config = ConfigDict(frozen=True, alias_generator=str.upper)

    colour: Annotated[Literal["blue", "green", "rollout"], Field(alias="VERSION")]
    version: Annotated[HeaderText, Field(alias="APP_VERSION")] = "unknown"
    pod: Annotated[HeaderText, Field(alias="HOSTNAME")] = "unknown"
    node: Annotated[HeaderText, Field(alias="NODE_NAME")] = "unknown"
    service: Annotated[str, StringConstraints(min_length=1)] = "backend"
    host: str = "0.0.0.0"  # noqa: S104 - the pod's address is not known before it runs
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    drain_port: Annotated[int, Field(ge=0, le=65535)] = 8001
    keep_alive_seconds: Annotated[int, Field(ge=1)] = 75
    drain_seconds: Duration = 5
    start_up_seconds: Duration = 0
    latency_ms: Duration = 0
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0
    never_ready: bool = False
    crash_after_seconds: Duration | None = None
    database: Annotated[str, StringConstraints(min_length=1)] | None = None
    orders_column: Column = OLD


class SettingsError(Exception):
    """A setting cannot be used. The text is one line with every such setting, its value and the rule."""


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Reads the settings.

    Raises:
        SettingsError: one of them cannot be used.
    """
    try:
        return Settings.model_validate(dict(environment))
    except ValidationError as error:
        raise SettingsError("; ".join(_problem(details) for details in error.errors())) from None


def _problem(details: Mapping[str, Any]) -> str:
    name = details["loc"][0]
    if details["type"] == "missing":
        return f"{name} is not set: it names the colour, blue or green, or rollout"
    rule = details["msg"][:1].lower() + details["msg"][1:]
    return f"{name}={details['input']!r}: {rule}"
