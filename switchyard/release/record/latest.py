"""The latest release of a service, from the ConfigMap of its record and from its Lease."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchyard.kube.rolled_back import CURRENT, HISTORY, check_version, json_of, unreadable
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.lease_holder import Held
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replaced_release import running_in
from switchyard.release.record.store import parse_releases

_RUNNING = f'"{Result.RUNNING}"'
"""Part of the JSON of a release that runs, and of no release that has ended."""


@dataclass(frozen=True)
class LatestRelease:
    """The latest release of a service.

    Attributes:
        record: record of the release.
        attended: whether a command drives it, by its Lease; None where the Lease may not be read, or was renewed at a
            time in the future. A release that has ended is attended by none.
        holder: the command that runs it; None without one, or if the Lease may not be read.
        beneath: the release that runs on if this one has not changed the selector; None without one.
        serving: the colour that serves now; None where it is not known.
        follows_now: whether every node, asked again, follows a switch that was in doubt.
        doubt_now: what does not follow it, asked again, in words; None where it was not asked again, or follows.
    """

    record: ReleaseRecord
    attended: bool | None = False
    holder: Held | None = None
    beneath: ReleaseRecord | None = None
    serving: str | None = None
    follows_now: bool = False
    doubt_now: str | None = None

    @property
    def is_abandoned(self) -> bool:
        """Whether its command was killed before it changed the selector."""
        record = self.record
        by_command = record.running and record.kind in {Act.SWITCH, Act.ROLLBACK}
        return by_command and self.attended is False and self.serving not in {None, record.target}

    @property
    def is_superseded(self) -> bool:
        """Whether a later change without a record, for example by an update, has switched to another colour."""
        record = self.record
        if self.serving is None or record.result not in {Result.SUCCEEDED, Result.ROLLED_BACK}:
            return False
        went_back = record.result is Result.ROLLED_BACK or record.kind == Act.DRILL
        return self.serving != (record.source if went_back else record.target)

    @property
    def following(self) -> Phase | None:
        """The phase after the present one; None in the last phase, and for a release that has ended."""
        phases = list(Phase)[list(Phase).index(self.record.phase) + 1 :]
        return phases[0] if phases and self.record.running and self.record.kind == Act.DEPLOY else None

    @property
    def doubt(self) -> str | None:
        """The message about nodes or endpoints that were not seen to follow the switch; None without a doubt."""
        retired = self.record.kind == Act.DEPLOY and self.record.result is Result.SUCCEEDED  # a retirement checks again
        is_settled = retired or self.follows_now or self.is_superseded
        return None if is_settled else self.doubt_now or self.record.doubt

    @property
    def not_seen(self) -> str | None:
        """The message that this cluster does not show whether nodes follow the switch; None if it does."""
        return None if self.is_superseded else (self.record.receipt or {}).get("notSeen")

    def to_json(self) -> dict[str, Any]:
        """The JSON of the release in `switchyard status --json`."""
        record = self.record
        return {
            "id": record.id,
            "kind": record.kind,
            "from": record.source,
            "to": record.target,
            "tag": record.tag,
            "phase": record.phase.value,
            "next": self.following,
            "result": record.result.value,
            "held": record.held,
            "attended": self.attended,
            "started": record.started,
            "ended": record.ended,
            "actor": record.actor,
            "doubt": self.doubt,
            "notSeen": self.not_seen,
            "holder": None if self.holder is None else _holder(self.holder),
        }


def _holder(held: Held) -> dict[str, Any]:
    return {
        "act": held.act,
        "phase": held.phase,
        "user": held.user,
        "host": held.host,
        "process": held.process,
        "detached": held.detached,
    }


def latest_release(config_map: Mapping[str, Any]) -> LatestRelease | None:
    """The latest release in a record, without its command; None without one.

    The history is only parsed where a release runs in it: a status reads the records of all services of a stack.

    Args:
        config_map: the record, which has the labels of this program.

    Raises:
        switchyard.release_errors.RecordUnreadableError: the record is of a newer version of this program, or not
            valid.
    """
    check_version(config_map)
    if _RUNNING in str((config_map.get("data") or {}).get(HISTORY)):
        releases = parse_releases(config_map)
        current, beneath = releases.current, running_in(releases.history)
        return None if current is None else LatestRelease(current, beneath=beneath)
    document = json_of(config_map, CURRENT, None)
    try:
        return None if document is None else LatestRelease(ReleaseRecord.from_json(document))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unreadable(config_map, CURRENT, repr(error)) from None


def living_holder(lease: Mapping[str, Any] | None, now: datetime) -> Held | None:
    """The command that a Lease names, if it still renews the Lease; None otherwise.

    Args:
        lease: the Lease of the service; None without one.
        now: the time by the API server's clock.
    """
    held = None if lease is None else Held.of(dict(lease))
    return held if held is not None and held.lives(now) else None
