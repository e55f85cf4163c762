"""The latest release of a service as others see it: by the ConfigMap of its record and by its Lease."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchyard.kube.rolled_back import check_version, json_of, unreadable
from switchyard.release.lease_holder import Held
from switchyard.release.record import ReleaseRecord
from switchyard.release.store import CURRENT


@dataclass(frozen=True)
class LatestRelease:
    """The latest release of a service.

    Attributes:
        record: of the release.
        attended: whether a command drives it, by its Lease; None where the Lease may not be read. A release that has
            ended is attended by none.
    """

    record: ReleaseRecord
    attended: bool | None = False

    def to_json(self) -> dict[str, Any]:
        """The release as `switchyard status --json` has it."""
        record = self.record
        return {
            "id": record.id,
            "kind": record.kind,
            "from": record.source,
            "to": record.target,
            "tag": record.tag,
            "phase": record.phase.value,
            "result": record.result.value,
            "held": record.held,
            "attended": self.attended,
            "started": record.started,
            "ended": record.ended,
            "actor": record.actor,
        }


def latest_record(config_map: Mapping[str, Any]) -> ReleaseRecord | None:
    """The latest release in a record; None where it has none.

    Args:
        config_map: the record, which has the labels of this program.

    Raises:
        switchyard.release_errors.RecordUnreadableError: the record is of a newer version of this program, or is broken.
    """
    check_version(config_map)
    current = json_of(config_map, CURRENT, None)
    try:
        return None if current is None else ReleaseRecord.from_json(current)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unreadable(config_map, CURRENT, repr(error)) from None


def attended(lease: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether the command that a Lease names still renews it.

    Args:
        lease: the Lease of the service; None where there is none.
        now: the time by the API server's clock.
    """
    return lease is not None and Held.of(dict(lease)).lives(now)
