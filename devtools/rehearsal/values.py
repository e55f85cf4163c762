"""Conversion of values of the engine's gRPC interface: numbers, unknown values, secrets."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that a preview does not have. A fact of the protocol: ``pulumi.runtime.rpc.UNKNOWN``."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - marks a secret, is none

Values = dict[str, Any]


def read(struct: struct_pb2.Struct) -> tuple[Values, set[str]]:
    """Separates values and secrets of properties.

    Returns:
        The values in plain, and the names of those that have a secret in them.
    """
    raw = json_format.MessageToDict(struct)
    return {key: _plain(value) for key, value in raw.items()}, {key for key, value in raw.items() if _has_secret(value)}


def write(values: Mapping[str, Any], secrets: set[str]) -> struct_pb2.Struct:
    """Combines values and secrets into properties."""
    struct = struct_pb2.Struct()
    struct.update(
        {key: {SIGNATURE: SECRET, "value": value} if key in secrets else value for key, value in values.items()}
    )
    return struct


def has_unknown(value: Any) -> bool:
    """Whether a value is not wholly known yet."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return _plain(value.get("value"))
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    # The protocol has one kind of number.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get(SIGNATURE) == SECRET or any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)
