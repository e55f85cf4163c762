"""Derives deployments, rollbacks and drills from the records of a service's releases. Pure functions.

A record may be of an earlier version of the program, or incomplete. A missing value is None and never a guess.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from switchyard.config.models.hooks import HookPoint
from switchyard.kube.clock import from_text
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ABORTED, PhaseRecord, ReleaseRecord
from switchyard.release.record.replaced_release import is_taken_back
from switchyard.release.report.values import between, later, moment, number, total

AFTER_SWITCH = frozenset({Phase.DRAIN, Phase.WATCH, Phase.BAKE, Phase.RETIRE})
"""Phases that begin after users got the new version."""

LAST_OLD = ("lastOldOnNewConnections", "lastOldOnKeptConnections")
"""Keys of a receipt with the last answers of the old version, over new and over kept connections."""

WITHDRAWN = re.compile(rf"^{ABORTED}|took its place$|has not written its end$")
"""Pattern of the detail of a release that an operator ended, or whose command was killed, before users got its version.

Records of earlier versions of the program have only in this text that another release took its place.
"""

ALONG = re.compile(r"^released together with ")
"""Pattern of the detail of a release that ended only because of another one of its group."""


class Status(StrEnum):
    """The status of a deployment in the report.

    Attributes:
        SUCCEEDED: it ended well, and no rollback has undone it.
        ROLLED_BACK: it reached users, and was rolled back by the watch, a hook or an operator.
        FAILED: it failed in any other way.
        PREVENTED: a gate refused it before it reached users.
        TAKEN_ALONG: it failed or was rolled back only because of another release of its group, which
            counts by itself.
        WITHDRAWN: an operator aborted it, switched to its version, or killed its command, before its own switch.
        RUNNING: it has not ended; a release that bakes or is held counts here.
        CONTINUED: a switch whose selector was already changed: it finished an earlier command.
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
class RollbackEvent:
    """One rollback, with the parts of its time in seconds; None for a part that is not in the record.

    Attributes:
        started: start of the release that has the rollback.
        by: `watch`, `hook` for a hook after the switch that did not pass, `rollback`, `abort`, `switch` for a switch
            that has taken a running deploy back, or `together` for a rollback because of another release.
        serving_at: time at which the endpoints were those of the previous version.
        seen_to_decision: from the reading with the bad verdict to the decision.
        decision_to_accepted: from the decision to the API server's answer to the selector.
        decision_to_serving: from the decision to the endpoints of the previous version.
        seen_to_serving: from the reading with the bad verdict to the endpoints of the previous version.
        decision_to_last_bad: from the decision to the last answer of the bad version.
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
    """One deployment: a release by `deploy` or by `switch`. A switch that takes a deploy back is a rollback.

    Attributes:
        record: record of the release.
        started: start of the release.
        status: status in the report.
        reached: whether users got the new version.
        rollback: the rollback of this deployment; None without one.
    """

    record: ReleaseRecord
    started: datetime
    status: Status
    reached: bool
    rollback: RollbackEvent | None

    @property
    def has_switched(self) -> bool:
        """Whether this release itself gave users the new version, and not an earlier command."""
        return self.reached and self.status is not Status.CONTINUED

    @property
    def watched(self) -> Mapping[str, Any] | None:
        """The numbers of the verdict; None without any."""
        return _numbers(self.record)


@dataclass(frozen=True)
class Events:
    """The events of a service.

    Attributes:
        deployments: deployments, oldest first.
        rollbacks: rollbacks, oldest first.
        drills: records of the drills, oldest first.
        unreadable: number of records with an unreadable start or an unknown kind.
    """

    deployments: tuple[Deployment, ...]
    rollbacks: tuple[RollbackEvent, ...]
    drills: tuple[ReleaseRecord, ...]
    unreadable: int


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
    undone: dict[str, RollbackEvent] = {}
    rollbacks: list[RollbackEvent] = []
    released: list[ReleaseRecord] = []
    last: ReleaseRecord | None = None
    for record in ordered:
        takes_back = last is not None and is_taken_back(last, record)
        if (
            (record.kind == Act.ROLLBACK or takes_back)
            and record.result is Result.SUCCEEDED
            and not is_continued(record)
        ):
            rollback = _rollback(record, record.kind, None, None)
            rollbacks.append(rollback)
            if last is not None and (last.target, last.tag) == (record.source, record.from_tag):
                undone.setdefault(last.id, rollback)
        elif record.kind in {Act.DEPLOY, Act.SWITCH}:
            released.append(record)
            last = record if reached(record) and not is_continued(record) else last
    deployments = []
    for record in released:
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
    """Whether a switch or a rollback did not change the selector, because it finished an earlier command."""
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
    is_withdrawn = record.replaced_by is not None or WITHDRAWN.search(record.detail or "")
    if record.result is Result.FAILED and not reached(record) and is_withdrawn:
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


def _by_itself(record: ReleaseRecord) -> RollbackEvent | None:
    """The rollback by a deploy itself, whose receipt replaced that of the switch."""
    receipt = record.receipt
    if record.kind != Act.DEPLOY or record.result is not Result.ROLLED_BACK or not isinstance(receipt, Mapping):
        return None
    if receipt.get("started") == record.started:
        return None  # the receipt of the switch: somebody else has taken the release back
    if ALONG.search(record.detail or ""):
        breached = next((phase for phase in reversed(record.phases) if phase.outcome == "breached"), None)
        return _rollback(record, "together", None, receipt.get("started") if breached is None else breached.ended)
    watch = _last_watch(record)
    if watch is not None and watch.outcome == Event.REVERTED:
        return None  # by somebody else, at a time that is not known
    if watch is None or watch.outcome != "breached":
        return _rollback(record, Act.ABORT.value, None, None)
    numbers = _numbers(record) or {}
    if not numbers and any(hook.did_not_pass and hook.point == HookPoint.AFTER_SWITCH for hook in record.hooks):
        return _rollback(record, "hook", None, watch.ended)  # the watch was cut short, and has no numbers
    return _rollback(record, "watch", numbers.get("problemSeen"), numbers.get("decided", watch.ended))


def _rollback(record: ReleaseRecord, by: str, problem_seen: object, decided: object) -> RollbackEvent:
    """A rollback from its receipt, whose times count from the start of the command, which is the decision."""
    receipt = record.receipt if isinstance(record.receipt, Mapping) else {}
    by_operator = by in {Act.ROLLBACK, Act.ABORT, Act.SWITCH}
    began, waited = moment(receipt.get("started")), 0.0 if by_operator else between(decided, receipt.get("started"))
    accepted, serving = number(receipt.get("patchedAfter")), number(receipt.get("endpointsAfter"))
    to_decision, to_serving = between(problem_seen, decided), total(waited, serving)
    return RollbackEvent(
        started=_started(record),
        by=by,
        serving_at=later(began, serving),
        seen_to_decision=to_decision,
        decision_to_accepted=total(waited, accepted),
        decision_to_serving=to_serving,
        seen_to_serving=total(to_decision, to_serving),
        decision_to_last_bad=total(waited, last_bad(receipt)),
    )


def last_bad(receipt: Mapping[str, Any]) -> float | None:
    """Time of the last answer of the old version in a receipt; None if it was not seen."""
    moments = (number(receipt.get(key)) for key in LAST_OLD)
    return max((moment for moment in moments if moment is not None), default=None)
