"""The versions of a service that were rolled back, from the record of its releases."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchyard.errors import AccessDeniedError
from switchyard.kube.api import BoundedApi

KEY = "rolledBack"
"""Key of the record under which these versions are."""


@dataclass(frozen=True)
class RolledBack:
    """A version that somebody has rolled back, and that no automatic update may bring back.

    Attributes:
        colour: in which it served.
        tag: tag of its image, or digest.
        release: id of the rollback in the record.
        at: when, RFC 3339.
        actor: who rolled it back.
        reason: why; None where nobody has said so.
    """

    colour: str
    tag: str
    release: str
    at: str
    actor: str
    reason: str | None = None


def record_name(name: str) -> str:
    """Name of the ConfigMap with the record of a service."""
    return f"{name}-release"


def rolled_back(record: Mapping[str, Any] | None) -> Sequence[RolledBack]:
    """The versions in a record; none where it has none, or where they cannot be read.

    Args:
        record: the ConfigMap; None where there is none.
    """
    try:
        items = json.loads(((record or {}).get("data") or {}).get(KEY) or "[]")
        return [
            RolledBack(
                str(item["colour"]),
                str(item["tag"]),
                str(item["release"]),
                str(item["at"]),
                str(item["actor"]),
                item.get("reason"),
            )
            for item in items
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


async def read_rolled_back(api: BoundedApi, namespace: str, name: str) -> Sequence[RolledBack]:
    """Reads the versions of a service that were rolled back; none for a user who may not read its record.

    Raises:
        switchyard.errors.ClusterError: the API server does not answer.
    """
    try:
        return rolled_back(await api.find("configmaps", record_name(name), namespace))
    except AccessDeniedError:
        return []
