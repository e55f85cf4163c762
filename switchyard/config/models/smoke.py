"""What must hold before a switch: the gate and its HTTP checks."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from switchyard.config.models.base import Bool, Int, Model, Seconds
from switchyard.config.types.values import HeaderName, HeaderValue, Path, is_regular_expression

NOT_PASSED_ON = frozenset(
    {"authorization", "connection", "content-length", "host", "proxy-authorization", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
"""Headers that a smoke test cannot send: the API server, through which it goes, reads or sets them itself."""


def _is_passed_on(name: str) -> str:
    if name.lower() in NOT_PASSED_ON or name.lower().startswith(("impersonate-", "x-remote-")):
        raise ValueError(
            "cannot be sent: the API server, through which the smoke test goes, takes this header for itself | "
            "Take it out; give the application a path that it answers without it."
        )
    return name


class SmokeCheck(Model):
    """One HTTP check: the status that `path` must answer with, and text that its body must match.

    Attributes:
        path: path and query.
        status: of the answer.
        body_matches: a regular expression that the body must contain a match of.
        headers: of the request.
    """

    path: Path
    status: Annotated[Int, Field(ge=100, le=599)] = 200
    body_matches: Annotated[str, AfterValidator(is_regular_expression)] | None = None
    headers: dict[Annotated[HeaderName, AfterValidator(_is_passed_on)], HeaderValue] = {}


class Smoke(Model):
    """Checks of a colour before it takes traffic; times in seconds.

    Attributes:
        scheme: how the pods speak on the service's port; of HTTPS the certificate is not verified.
    """

    enabled: Bool = True
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    paths: tuple[SmokeCheck, ...] = (SmokeCheck(path="/health"), SmokeCheck(path="/ready"))
    attempts: Annotated[Int, Field(ge=1, le=20)] = 3
    timeout_seconds: Seconds = 5
    interval_seconds: Seconds = 1


class Gate(Model):
    """What must hold before the switch.

    Attributes:
        timeout_seconds: how long to wait for endpoints that are not ready yet.
        min_ready_percent_of_serving: ready pods of the new colour, as a share of those that serve, percent.
        smoke: HTTP checks.
        check_nodes: asks each node's kube-proxy whether it is well, before ready pods of the old colour go. Off where
            something else implements Services.
    """

    timeout_seconds: Seconds = 30
    check_nodes: Bool = True
    min_ready_percent_of_serving: Annotated[Int, Field(ge=0, le=100)] = 100
    smoke: Smoke = Smoke()
