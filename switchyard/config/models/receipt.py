"""How the receipt of a switch determines which version answered on a node."""

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

    Each request goes through the API server over a new connection. If a header of the application's answers is the tag
    or the colour of the pod, no setting is needed.
    """

    path: ProbePath = Field(
        default="/switchyard-receipt",
        description=(
            "Path of the requests. The application must answer it with a status of 400 or more, for example 404 for a "
            "path that it does not have: over such a connection, the API server forwards no other answer."
        ),
    )
    header: HeaderName | None = Field(
        default=None,
        description=(
            "Name of a response header whose value differs between the versions. The pods of each colour are asked for "
            "their value. Default: a header whose value is the tag or the colour of the pod."
        ),
        examples=["X-Version"],
    )
