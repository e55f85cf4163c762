"""Kubernetes quantities, exactly: what the API server refuses is refused here, before anything is touched."""

import math
import re
from decimal import Decimal

_SUFFIXES = {
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    "n": Decimal(10) ** -9,
    "u": Decimal(10) ** -6,
    "m": Decimal(10) ** -3,
    "": Decimal(1),
}

QUANTITY = (
    r"^(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$"
)
"""Pattern of a quantity for editors, without named groups."""

_QUANTITY = re.compile(
    r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d{1,2}))?",
    re.ASCII,
)


def parse_quantity(text: str) -> Decimal:
    """Parses a quantity to its base unit: cores for CPU, bytes for memory.

    Negative quantities are valid to Kubernetes' parser but to no field of a container, so they are refused.

    Raises:
        ValueError: the text is not a quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no Kubernetes quantity")
    number = Decimal(match["number"])
    if match["exponent"] is not None:
        return number.scaleb(int(match["exponent"]))
    return number * _SUFFIXES[match["suffix"] or ""]


def mebibytes(amount: Decimal) -> int:
    """Bytes as whole mebibytes, rounded up."""
    return math.ceil(amount / 1024**2)


def millicores(amount: Decimal) -> int:
    """Cores as whole millicores, rounded up."""
    return math.ceil(amount * 1000)
