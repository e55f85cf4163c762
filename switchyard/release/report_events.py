"""What the records of a service's releases say for a report: deployments, rollbacks and drills. Pure functions.

A record may be of an earlier version of the program, or odd: what it does not say is None, and never a guess.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from switchyard.kube.clock import from_text
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record import PhaseRecord, ReleaseRecord

AFTER_SWITCH = frozenset({Phase.DRAIN, Phase.WATCH, Phase.BAKE, Phase.RETIRE})
"""Phases that begin once users have the new version."""

LAST_OLD = ("lastOldOnNewConnections", "lastOldOnKeptConnections")
"""Keys of a receipt with the last answers of the version that was gone from, on either kind of connection."""

WITHDRAWN = re.compile(r"^aborted by|took its place$")
"""Details of a release that an operator has ended before users got its version, by `abort` or by a switch to it."""

ALONG = re.compile(r"^released together with ")
"""Details of a release that ended only because of another one that it was released together with."""


class Status(StrEnum):
    """How a deployment counts.

    Attributes:
        SUCCEEDED: it ended well, and no rollback has undone it.
        ROLLED_BACK: it reached users, and was taken back, by the watch or by an operator.
        FAILED: anything else that went wrong.
        PREVENTED: a gate refused it before it reached users.
        TAKEN_ALONG: it failed or was taken back only because of another one that it was released together with, which
            counts by itself.
        WITHDRAWN: an operator aborted it, or switched to its version, before its own switch.
        RUNNING: it has not ended; a release that bakes or is held counts here.
        CONTINUED: a switch that found its selector as wanted: it finished an earlier command.
    """

    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolledBack"
    FAILED = "failed"
    PREVENTED = "prevented"
    TAKEN_ALONG = "takenAlong"
    WITHDRAWN = "withdrawn"
    RUNNING = "running"
    CONTINUED = "continued"


@dataclass(frozen=True)
class Rollback:
    """One rollback, with the parts of its time in seconds; None where the record does not have one.

    Attributes:
        started: the moment of the record that it is in.
        by: `watch`, `rollback`, `abort`, or `together` where another release took it along.
        serving_at: when the endpoints of the Service were those of the version before.
        seen_to_decision: from the look that condemned the version to the decision.
        decision_to_accepted: from the decision to the API server's answer to the selector.
        decision_to_serving: from the decision to the endpoints of the version before.
        seen_to_serving: both together.
        decision_to_last_bad: from the decision to the last answer of the version that was taken back.
    """

    started: datetime
    by: str
    serving_at: datetime | None
    seen_to_decision: float | None
    decision_to_accepted: float | None
    decision_to_serving: float | None
    seen_to_serving: float | None
    decision_to_last_bad: float | None


@dataclass(frozen=True)
class Deployment:
    """One deployment: a release by `deploy` or by `switch`.

    Attributes:
        record: of it.
        started: when it began.
        status: how it counts.
        reached: whether users got the new version.
        rollback: that took it back; None without one.
    """

    record: ReleaseRecord
    started: datetime
    status: Status
    reached: bool
    rollback: Rollback | None

    @property
    def has_switched(self) -> bool:
        """Whether it has brought users the new version itself, and not found that an earlier command had."""
        return self.reached and self.status is not Status.CONTINUED

    @property
    def watched(self) -> Mapping[str, Any] | None:
        """The numbers of its verdict; None where the record has none."""
        return _numbers(self.record)


@dataclass(frozen=True)
class Events:
    """What the records of a service say.

    Attributes:
        deployments: oldest first.
        rollbacks: oldest first.
        drills: records of the drills, oldest first.
        unreadable: records whose start cannot be read, or whose kind is not known.
    """

    deployments: tuple[Deployment, ...]
    rollbacks: tuple[Rollback, ...]
    drills: tuple[ReleaseRecord, ...]
    unreadable: int


def moment(text: object) -> datetime | None:
    """A moment of a record; None for anything else."""
    try:
        read = from_text(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def between(start: object, end: object) -> float | None:
    """Seconds between two moments of a record; None where one is missing, or they are in the wrong order."""
    began, ended = moment(start), moment(end)
    if began is None or ended is None or ended < began:
        return None
    return (ended - began).total_seconds()


def number(value: object) -> float | None:
    """A number of a record that is not negative; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        read = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return read if math.isfinite(read) and read >= 0 else None


def reached(record: ReleaseRecord) -> bool:
    """Whether users got the new version of a release."""
    if record.result in {Result.SUCCEEDED, Result.ROLLED_BACK}:
        return True
    return any(
        phase.phase in AFTER_SWITCH or (phase.phase is Phase.SWITCH and phase.outcome == "passed")
        for phase in record.phases
    )


def events_of(records: Sequence[ReleaseRecord]) -> Events:
    """The events of one service, from its records in any order."""
    known = {Act.DEPLOY, Act.SWITCH, Act.ROLLBACK, Act.DRILL}
    readable = [record for record in records if moment(record.started) is not None and record.kind in known]
    ordered = sorted(readable, key=lambda record: (_started(record), record.id))
    undone: dict[str, Rollback] = {}
    rollbacks: list[Rollback] = []
    last: ReleaseRecord | None = None
    for record in ordered:
        if record.kind == Act.ROLLBACK and record.result is Result.SUCCEEDED and not is_continued(record):
            rollback = _by_command(record)
            rollbacks.append(rollback)
            if last is not None and (last.target, last.tag) == (record.source, record.from_tag):
                undone.setdefault(last.id, rollback)
        if record.kind in {Act.DEPLOY, Act.SWITCH} and reached(record) and not is_continued(record):
            last = record
    deployments = []
    for record in (record for record in ordered if record.kind in {Act.DEPLOY, Act.SWITCH}):
        own = None if record.id in undone else _by_itself(record)
        if own is not None:
            rollbacks.append(own)
        rollback_of = undone.get(record.id, own)
        status = _status(record, is_undone=record.id in undone)
        deployments.append(Deployment(record, _started(record), status, reached(record), rollback_of))
    return Events(
        tuple(deployments),
        tuple(sorted(rollbacks, key=lambda rollback: rollback.started)),
        tuple(record for record in ordered if record.kind == Act.DRILL),
        len(records) - len(readable),
    )


def is_continued(record: ReleaseRecord) -> bool:
    """Whether a switch or a rollback found the selector as wanted: it finished an earlier command."""
    receipt = record.receipt
    if record.kind == Act.DEPLOY or not isinstance(receipt, Mapping):
        return False
    return "patchedAfter" in receipt and receipt["patchedAfter"] is None


def _started(record: ReleaseRecord) -> datetime:
    return from_text(record.started)


def _status(record: ReleaseRecord, *, is_undone: bool) -> Status:
    if is_continued(record):
        return Status.CONTINUED
    if is_undone and not record.running:
        return Status.ROLLED_BACK
    if record.result in {Result.FAILED, Result.ROLLED_BACK} and ALONG.search(record.detail or ""):
        return Status.TAKEN_ALONG
    if record.result is Result.FAILED and not reached(record) and WITHDRAWN.search(record.detail or ""):
        return Status.WITHDRAWN
    return {
        Result.RUNNING: Status.RUNNING,
        Result.REFUSED: Status.PREVENTED,
        Result.ROLLED_BACK: Status.ROLLED_BACK,
        Result.SUCCEEDED: Status.SUCCEEDED,
        Result.FAILED: Status.FAILED,
    }[record.result]


def _numbers(record: ReleaseRecord) -> Mapping[str, Any] | None:
    watch = _last_watch(record)
    return watch.numbers if watch is not None and isinstance(watch.numbers, Mapping) else None


def _last_watch(record: ReleaseRecord) -> PhaseRecord | None:
    return next((phase for phase in reversed(record.phases) if phase.phase is Phase.WATCH), None)


def _by_command(record: ReleaseRecord) -> Rollback:
    return _rollback(record, Act.ROLLBACK.value, None, None)


def _by_itself(record: ReleaseRecord) -> Rollback | None:
    """The rollback that a deploy has done itself, whose receipt then took the place of that of the switch."""
    receipt = record.receipt
    if record.kind != Act.DEPLOY or record.result is not Result.ROLLED_BACK or not isinstance(receipt, Mapping):
        return None
    if receipt.get("started") == record.started:
        return None  # the receipt of the switch: somebody else has taken the release back
    if ALONG.search(record.detail or ""):
        breached = next((phase for phase in reversed(record.phases) if phase.outcome == "breached"), None)
        return _rollback(record, "together", None, receipt.get("started") if breached is None else breached.ended)
    watch = _last_watch(record)
    if watch is None or watch.outcome != "breached":
        return _rollback(record, Act.ABORT.value, None, None)
    numbers = _numbers(record) or {}
    return _rollback(record, "watch", numbers.get("problemSeen"), numbers.get("decided", watch.ended))


def _rollback(record: ReleaseRecord, by: str, problem_seen: object, decided: object) -> Rollback:
    """A rollback by its receipt, whose durations count from the command's start: for an operator, the decision."""
    receipt = record.receipt if isinstance(record.receipt, Mapping) else {}
    by_operator = by in {Act.ROLLBACK.value, Act.ABORT.value}
    began, waited = moment(receipt.get("started")), 0.0 if by_operator else between(decided, receipt.get("started"))
    accepted, serving = number(receipt.get("patchedAfter")), number(receipt.get("endpointsAfter"))
    to_decision, to_serving = between(problem_seen, decided), _sum(waited, serving)
    return Rollback(
        started=_started(record),
        by=by,
        serving_at=_later(began, serving),
        seen_to_decision=to_decision,
        decision_to_accepted=_sum(waited, accepted),
        decision_to_serving=to_serving,
        seen_to_serving=_sum(to_decision, to_serving),
        decision_to_last_bad=_sum(waited, last_bad(receipt)),
    )


def last_bad(receipt: Mapping[str, Any]) -> float | None:
    """When the version that was gone from gave its last answer, by a receipt; None where that was not seen."""
    moments = (number(receipt.get(key)) for key in LAST_OLD)
    return max((moment for moment in moments if moment is not None), default=None)


def _later(began: datetime | None, seconds: float | None) -> datetime | None:
    try:
        return None if began is None or seconds is None else began + timedelta(seconds=seconds)
    except OverflowError:  # no time that a calendar has
        return None


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
