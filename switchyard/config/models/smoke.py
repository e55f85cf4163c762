"""The gate before a switch, and its HTTP checks."""

from typing import Annotated, Literal

from pydantic import Field

from switchyard.config.models.base import Bool, Int, Model, Seconds
from switchyard.config.types.rules import Checked
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
            "Remove it; give the application a path that it answers without it."
        )
    return name


SmokeHeaderName = Annotated[
    HeaderName, Checked(_is_passed_on, "the name of an HTTP header that the API server passes on")
]


class SmokeCheck(Model):
    """One HTTP check of a pod: the status that `path` must answer with, and what its body must match."""

    path: Path = Field(description="Path and query of the request.", examples=["/ready"])
    status: Annotated[Int, Field(ge=100, le=599)] = Field(default=200, description="HTTP status of the answer.")
    body_matches: Annotated[str, Checked(is_regular_expression, "a regular expression of Python")] | None = Field(
        default=None,
        description="Regular expression of Python that must match somewhere in the body of the answer.",
        examples=['"version": *"green"'],
    )
    headers: dict[SmokeHeaderName, HeaderValue] = Field(
        default={}, description="Headers of the request, by name.", examples=[{"X-Smoke": "1"}]
    )


class Smoke(Model):
    """HTTP checks of a colour before it receives traffic."""

    enabled: Bool = Field(default=True, description="Whether the checks run.")
    scheme: Literal["HTTP", "HTTPS"] = Field(
        default="HTTP",
        description="Scheme that the pods speak on the service's port. The certificate of HTTPS is not verified.",
    )
    paths: tuple[SmokeCheck, ...] = Field(
        default=(SmokeCheck.model_construct(path="/health"), SmokeCheck.model_construct(path="/ready")),
        description="Checks, all of which must succeed on every pod.",
        examples=[[{"path": "/ready", "status": 200}]],
    )
    attempts: Annotated[Int, Field(ge=1, le=20)] = Field(
        default=3, description="Number of attempts after which a check has failed."
    )
    timeout_seconds: Seconds = Field(default=5, description="Seconds that one attempt may take.")
    interval_seconds: Seconds = Field(default=1, description="Seconds between two attempts.")


class Gate(Model):
    """What must hold before a switch."""

    timeout_seconds: Seconds = Field(
        default=30, description="Seconds that the gate waits for endpoints that are not ready yet."
    )
    check_nodes: Bool = Field(
        default=True,
        description=(
            "Whether the kube-proxy of each node must report that it is healthy before ready pods of the old "
            "colour are removed. Set it to false if something else implements Services."
        ),
    )
    min_ready_percent_of_serving: Annotated[Int, Field(ge=0, le=100)] = Field(
        default=100, description="Ready pods that the new colour must have, in percent of those that serve."
    )
    smoke: Smoke = Field(default=Smoke.model_construct(), description="HTTP checks of the new colour.")
