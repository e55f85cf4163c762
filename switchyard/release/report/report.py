"""Computes the success measures and DORA's five from the records of releases. Pure.

Values that the records do not have are unknown, and the measure names their source. Times are those of the API server's
clock, in whole seconds; durations within a receipt are finer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.report.dora import FAILED, dora, weekly
from switchyard.release.report.events import (
    Deployment,
    Events,
    RollbackEvent,
    Status,
    events_of,
    last_bad,
)
from switchyard.release.report.measure import Distribution, Measure, at_least, share
from switchyard.release.report.requests import availability, downtime, error_rate
from switchyard.release.report.values import between, moment, number

SUCCESS, ROLLBACK_SECONDS, DEPLOYMENT_SECONDS = 0.99, 60.0, 900.0
"""Targets: the share of successful deployments, and the longest rollback and deployment."""

WEEK = 7 * 86400.0


@dataclass(frozen=True)
class Report:
    """The measures of some services in a period.

    Attributes:
        since: start of the period.
        until: end of the period.
        measures: the success measures.
        dora: DORA's five.
        drills: measure of the drills.
        unreadable: records that were not counted, because their start or their kind is not known.
    """

    since: datetime
    until: datetime
    measures: tuple[Measure, ...]
    dora: tuple[Measure, ...]
    drills: Measure
    unreadable: int

    def to_json(self) -> dict[str, Any]:
        """The measures as `--json` prints them."""
        return {
            "measures": [measure.to_json() for measure in self.measures],
            "dora": [measure.to_json() for measure in self.dora],
            "drills": self.drills.to_json(),
            "unreadable": self.unreadable,
        }


def report(services: Mapping[str, Sequence[ReleaseRecord]], since: datetime, until: datetime) -> Report:
    """Computes the measures of releases that began within a period, both ends included.

    Args:
        services: the records of each service, in any order, also from before the period.
        since: start of the period.
        until: end of the period.
    """
    all_events = [events_of(records) for records in services.values()]
    events = [_within(events, since, until) for events in all_events]
    deployments = [deployment for event in events for deployment in event.deployments]
    rollbacks = [rollback for event in events for rollback in event.rollbacks]
    drills = [drill for event in events for drill in event.drills]
    weeks = max((until - since).total_seconds() / WEEK, 1 / 7)
    return Report(
        since,
        until,
        (
            _success(deployments),
            _rollback_time(rollbacks),
            downtime(deployments, rollbacks),
            _deployment_time(deployments),
            error_rate(deployments),
            availability(),
            _releases_a_week(deployments, weeks),
        ),
        dora(deployments, weeks),
        _drills(drills),
        sum(event.unreadable for event in all_events),
    )


def _within(events: Events, since: datetime, until: datetime) -> Events:
    return Events(
        tuple(deployment for deployment in events.deployments if since <= deployment.started <= until),
        tuple(rollback for rollback in events.rollbacks if since <= rollback.started <= until),
        tuple(drill for drill in events.drills if since <= (moment(drill.started) or until) <= until),
        events.unreadable,
    )


def _success(deployments: Iterable[Deployment]) -> Measure:
    counts = Counter(deployment.status for deployment in deployments)
    succeeded = counts[Status.SUCCEEDED]
    attempted = succeeded + sum(counts[status] for status in FAILED)
    value, bound = share(succeeded, attempted), at_least(succeeded, attempted)
    return Measure(
        "deploymentsThatSucceed",
        "deployments that succeed",
        "share",
        value,
        ">= 99 %",
        None if value is None else value >= SUCCESS,
        attempted,
        "deployments that succeeded or failed",
        bound,
        None if bound is None else bound >= SUCCESS,
        "" if attempted else "no deployment has ended in this time",
        counts={status.value: counts[status] for status in Status},
    )


def _rollback_time(rollbacks: Sequence[RollbackEvent]) -> Measure:
    totals = [rollback.seen_to_serving for rollback in rollbacks if rollback.seen_to_serving is not None]
    parts = (
        Distribution.of("problem seen -> decision", (rollback.seen_to_decision for rollback in rollbacks)),
        Distribution.of("decision -> selector accepted", (rollback.decision_to_accepted for rollback in rollbacks)),
        Distribution.of(
            "decision -> endpoints of the version before", (rollback.decision_to_serving for rollback in rollbacks)
        ),
        Distribution.of("problem seen -> endpoints of the version before", totals),
        Distribution.of(
            "decision -> last answer of the bad version", (back.decision_to_last_bad for back in rollbacks)
        ),
    )
    worst, within = parts[3].worst, sum(total <= ROLLBACK_SECONDS for total in totals)
    late = any((rollback.decision_to_serving or 0) > ROLLBACK_SECONDS for rollback in rollbacks)
    bound = at_least(within, len(totals))
    note = "" if totals else "unknown: the time of a problem is known only if the watch has judged the version bad"
    return Measure(
        "rollbackTime",
        "rollback time",
        "seconds",
        worst,
        "<= 60 s",
        False if late else None if worst is None else worst <= ROLLBACK_SECONDS,
        len(totals),
        "rollbacks whose problem was seen by the watch",
        bound,
        None if bound is None else bound >= SUCCESS,
        note,
        parts,
        {
            by: sum(rollback.by == by for rollback in rollbacks)
            for by in ("watch", "hook", "rollback", "abort", "switch", "together")
        },
    )


def _deployment_time(deployments: Iterable[Deployment]) -> Measure:
    ended = [
        deployment.record
        for deployment in deployments
        if deployment.record.kind == Act.DEPLOY and deployment.record.result is Result.SUCCEEDED
    ]
    works = [duration for record in ended if (duration := _work(record)) is not None]
    work = Distribution.of("the phases without the bake", works)
    whole = Distribution.of("warm -> retired, with the bake", (_from_to(record, Phase.RETIRE) for record in ended))
    serving = Distribution.of("warm -> switched", (_from_to(record, Phase.SWITCH) for record in ended))
    within = sum(value <= DEPLOYMENT_SECONDS for value in works)
    bound = at_least(within, len(works))
    return Measure(
        "deploymentTime",
        "deployment time",
        "seconds",
        work.worst,
        "<= 15 min",
        None if work.worst is None else work.worst <= DEPLOYMENT_SECONDS,
        len(works),
        "releases by `deploy` that were retired",
        bound,
        None if bound is None else bound >= SUCCESS,
        "the longest; the bake, which keeps the old version ready on purpose, is not counted"
        if works
        else "unknown: no release by `deploy` has been retired in this time",
        (work, whole, serving),
    )


def _work(record: ReleaseRecord) -> float | None:
    """Seconds of all phases but the bake; None if the record lacks the warm phase or the retirement."""
    if _from_to(record, Phase.RETIRE) is None:
        return None
    phases = [phase for phase in record.phases if phase.phase is not Phase.BAKE]
    durations = [between(phase.started, phase.ended) for phase in phases]
    known = [duration for duration in durations if duration is not None]
    return sum(known) if len(known) == len(durations) else None


def _from_to(record: ReleaseRecord, phase: Phase) -> float | None:
    """Seconds from the start of the warm to the end of a phase that has passed."""
    warm = next((part for part in record.phases if part.phase is Phase.WARM), None)
    last = next((part for part in reversed(record.phases) if part.phase is phase and part.outcome == "passed"), None)
    return None if warm is None or last is None else between(warm.started, last.ended)


def _releases_a_week(deployments: Sequence[Deployment], weeks: float) -> Measure:
    return Measure(
        "releasesAWeek",
        "releases a week",
        "perWeek",
        *weekly(deployments, weeks, "x2"),
        note="how many there were before this program is not in the records, so x2 is not judged",
    )


def _drills(drills: Sequence[ReleaseRecord]) -> Measure:
    done = [
        drill.receipt for drill in drills if drill.result is Result.SUCCEEDED and isinstance(drill.receipt, Mapping)
    ]
    parts = (
        Distribution.of("rollback -> selector accepted", (number(receipt.get("patchedAfter")) for receipt in done)),
        Distribution.of(
            "rollback -> endpoints of where it began", (number(receipt.get("endpointsAfter")) for receipt in done)
        ),
        Distribution.of("rollback -> last answer of the other version", map(last_bad, done)),
    )
    succeeded = sum(drill.result is Result.SUCCEEDED for drill in drills)
    return Measure(
        "drills",
        "drills",
        "seconds",
        parts[1].worst,
        size=len(drills),
        of="drills, which count nowhere else",
        note="" if drills else "no drill in this time",
        parts=parts,
        counts={"succeeded": succeeded, "others": len(drills) - succeeded},
    )
