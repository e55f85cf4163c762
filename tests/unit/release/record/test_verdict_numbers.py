"""The numbers of a verdict: those of both colours, the bounds, and when the problem was seen; kept by the record."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from switchyard.config.models.watch import Watch
from switchyard.release.phases import Phase
from switchyard.release.record.release_record import PhaseRecord, ReleaseRecord
from switchyard.release.record.verdict_numbers import WatchedVerdict, numbers_of
from switchyard.release.watch.evidence import Evidence
from switchyard.release.watch.pod_health import PodHealth
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.verdict import Outcome, Verdict, judge
from tests.support.release_records import START, record

WATCH = Watch()
PAST = Counts(1000, 1, {0.1: 900, 0.5: 1000, float("inf"): 1000})
BUCKETS = {0.1: 50, 0.5: 100, float("inf"): 100}


def clock() -> Iterator[datetime]:
    moment = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    while True:
        yield moment
        moment += timedelta(seconds=3)


def verdict() -> Verdict:
    evidence = Evidence(WATCH, PAST)
    evidence.add(Counts(100, 30, BUCKETS))
    return judge(WATCH, evidence, PodHealth(WATCH), seconds=2.04, source="")


def test_the_numbers_are_those_of_both_colours_with_the_bounds_of_the_test() -> None:
    numbers = numbers_of(verdict(), WATCH, None, "2030-01-31T12:00:03Z")
    assert (numbers["outcome"], numbers["seconds"]) == ("breach", 2.0)
    assert numbers["new"] == {"requests": 100, "errors": 30, "p95": 0.46, "restarts": 0}
    assert numbers["old"] == {"requests": 1000, "errors": 1, "p95": 0.3}
    assert (numbers["bounds"]["falseRollback"], numbers["bounds"]["seconds"]) == (0.01, 300)
    [errors] = [question for question in numbers["questions"] if question["question"] == "errors"]
    assert (errors["state"], errors["requests"], errors["hits"]) == ("worse", 100, 30)


def test_the_problem_is_seen_at_the_first_look_that_condemns_and_acted_upon_later() -> None:
    moments = clock()
    looks: list[Verdict] = []
    watched = WatchedVerdict(lambda: next(moments), looks.append)
    for outcome in (Outcome.UNDECIDED, Outcome.BREACH, Outcome.BREACH):
        watched(Verdict(outcome, "So it is."))
    numbers = watched.numbers(Verdict(Outcome.BREACH, "So it is."), WATCH)
    assert (numbers["problemSeen"], numbers["decided"]) == ("2030-01-31T12:00:00Z", "2030-01-31T12:00:03Z")
    assert len(looks) == 3
    assert watched.numbers(Verdict(Outcome.PASS, "So it is."), WATCH)["problemSeen"] is None


def test_the_record_keeps_the_numbers_and_reads_phases_without_them() -> None:
    watched = record().entering(Phase.WATCH, START).leaving("breached", START, "So it is.", {"outcome": "breach"})
    document: dict[str, Any] = watched.to_json()
    assert document["phases"][0]["numbers"] == {"outcome": "breach"}
    assert ReleaseRecord.from_json(document) == watched
    older = {key: value for key, value in document["phases"][0].items() if key != "numbers"}
    assert PhaseRecord.from_json(older).numbers is None
    assert "numbers" not in PhaseRecord.from_json(older).to_json()
