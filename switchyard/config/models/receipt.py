"""How the receipt of a switch tells which version answered on a node."""

from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Model
from switchyard.config.types.text import matching
from switchyard.config.types.values import HeaderName

ProbePath = Annotated[
    str, matching(r"/[^\s#]*", "must be a URL path that starts with / | Example: /switchyard-receipt")
]


class ReceiptProbe(Model):
    """The requests that are sent to each node's NodePort after a switch, until the new version answers.

    They go through the API server, over a new connection each, and need no setting where a header of the application's
    answers is the tag or the colour of its pod.
    """

    path: ProbePath = Field(
        default="/switchyard-receipt",
        description=(
            "Path of the requests. The application must answer it with a status of 400 or more, as with 404 for a path "
            "that it does not have: the API server hands on no other answer over a connection of its own."
        ),
    )
    header: HeaderName | None = Field(
        default=None,
        description=(
            "Header of the answers that differs between the versions, as each colour's pods are asked for it. Default: "
            "a header whose value is the tag or the colour of the pod."
        ),
        examples=["X-Version"],
    )
