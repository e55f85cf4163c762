"""Numbers without quotes in YAML, by the rules of gopkg.in/yaml.v3, which the engine uses."""

import re
from decimal import Decimal

from switchyard.config.examples import FILE_MODES

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def is_same_number(text: str, value: float) -> bool:
    """Whether every reader reads a text as this number: it is neither octal nor hexadecimal, and no digit is lost."""
    return _JSON_NUMBER.fullmatch(text.removeprefix("+")) is not None and Decimal(text) == Decimal(repr(value))


def plain_number(path: str, text: str, value: float) -> float:
    """The number that was probably meant by a text that readers of YAML take for different numbers.

    An octal number probably means its decimal digits, except for the mode of a file, which is written in octal digits.

    Args:
        path: path of the value in the configuration.
        text: the value as it is written.
        value: the number that YAML reads.
    """
    digits = text.replace("_", "")
    is_mode = path.rpartition(".")[2] in FILE_MODES
    return value if is_mode or not re.fullmatch(r"[-+]?[0-9]+", digits) else int(digits)


def number(text: str) -> float | None:
    """A number as yaml.v3 reads it; None for a text that is not a number."""
    if text[:1] == "_":
        return None
    plain = text.replace("_", "")
    if (match := _INTEGER.fullmatch(plain)) is not None:
        sign, digits = match.groups()
        octal = digits[0] == "0" and digits.isdigit() and len(digits) > 1
        return int(f"{sign}{digits}", 8 if octal else 0)
    return float(plain) if _FLOAT.fullmatch(plain) else None
