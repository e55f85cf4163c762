"""Values of the settings of a service, each with the rule that an error message states."""

import re
from typing import Annotated, Any

from switchyard.config.types.quantity import QUANTITY, parse_quantity
from switchyard.config.types.rules import Checked
from switchyard.config.types.text import matching

RESERVED_ENV = "VERSION"
"""Environment variable with the colour of the pod, which only this program sets."""


EXACT = 2**53
"""Number from which on digits may have been lost between YAML and JSON."""


def _quantity(text: Any) -> str:
    # YAML makes a number of an unquoted `1`, and Kubernetes takes it as the same quantity.
    number = isinstance(text, int | float) and abs(text) < EXACT
    quantity = str(text) if number and not isinstance(text, bool) else text
    if not isinstance(quantity, str):
        raise ValueError("must be a Kubernetes quantity | Examples: 100m, 0.5, 256Mi, 1Gi")
    try:
        parse_quantity(quantity)
    except ValueError:
        raise ValueError("must be a Kubernetes quantity | Examples: 100m, 0.5, 256Mi, 1Gi") from None
    return quantity


def is_regular_expression(pattern: str) -> str:
    """Returns a regular expression that Python can compile, and refuses others."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern


_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"

_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"

Image = Annotated[
    str,
    matching(
        rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*",
        "must be an image repository without tag or digest | Example: ghcr.io/org/backend; the tag belongs to a colour",
    ),
]
# Text alone: of `tag: 2.0` only the number 2 is left, of `tag: 0123456` 42798, so that no number can be trusted.
Tag = Annotated[
    str,
    matching(
        rf"{_TAG}(?:@{_DIGEST})?|@{_DIGEST}",
        "must be an image tag: 1-128 of A-Z a-z 0-9 . _ -, a digest (@sha256: and 64 of 0-9 a-f), or both | "
        "Example: v2.0.0",
    ),
]
ImageReference = Annotated[
    str,
    matching(
        rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::{_TAG}(?:@{_DIGEST})?|@{_DIGEST})",
        "must be an image with a tag, a digest or both | Example: ghcr.io/org/proxy:v1.2.3",
    ),
]
HeaderName = Annotated[
    str,
    matching(r"[-A-Za-z0-9]+", "must be the name of an HTTP header: letters, digits and - | Example: X-Probe"),
]
HeaderValue = Annotated[
    str,
    matching(
        # The HTTP library of smoke tests and hooks sends no other characters.
        r"[\t\x20-\x7e]*",
        "must be the value of an HTTP header: ASCII, in one line | Put it in quotes, and encode other characters.",
    ),
]
Quantity = Annotated[
    str,
    Checked(
        _quantity,
        "a Kubernetes quantity, such as 100m, 0.5, 256Mi or 1Gi",
        {"anyOf": [{"type": "string", "pattern": QUANTITY}, {"type": "number", "minimum": 0}]},
        before=True,
    ),
]
Path = Annotated[str, matching(r"/[^\s]*", "must be a URL path that starts with / | Example: /ready")]
EnvName = Annotated[
    str,
    matching(
        # Kubernetes 1.32 and newer take nearly any character here; these are what every version takes.
        rf"(?!{RESERVED_ENV}$)(?!\.$|\.\.)[-._A-Za-z][-._A-Za-z0-9]*",
        f"must be letters, digits and _ - ., no digit first, not . alone or .. first, and not {RESERVED_ENV}, which "
        "is set to the colour | Rename it.",
    ),
]
SecretKey = Annotated[
    str,
    matching(
        r"(?!\.$|\.\.)[-._a-zA-Z0-9]{1,253}",
        "must be a key of a ConfigMap or a Secret: at most 253 of A-Z a-z 0-9 - _ ., not . alone, not .. first | "
        "Example: token",
    ),
]


def image_reference(image: str, tag: str | None) -> str:
    """The image of a container: its repository with a tag, a digest or both."""
    return f"{image}{tag}" if tag is not None and tag.startswith("@") else f"{image}:{tag}"
