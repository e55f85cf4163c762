"""The recent past of the old colour: an increase between two readings, and never the counters of a whole life."""

import pytest

from switchyard.config.models.watch import Watch
from switchyard.release.watch.evidence import ACCEPTED_SLOW_SHARE, ERRORS, MIN_PAST_REQUESTS, PAST, Evidence, Finding
from switchyard.release.watch.past import past_between
from switchyard.release.watch.pod_health import WatchedPod
from switchyard.release.watch.pod_metrics import Reading
from switchyard.release.watch.samples import Counts, Series
from switchyard.release.watch.sequential import SequentialState

WATCH = Watch(seconds=60)
WEEKS = 1_000_000
"""Requests that a process has answered before its readings."""


def series(requests: float, failed: float = 0, slow: float = 0) -> dict[Series, float]:
    """Counters of a pod; its slow requests take between 0.1 and 0.5 s."""
    counted: dict[Series, float] = {
        ("http_requests_total", (("status", "200"),)): requests - failed,
        ("http_requests_total", (("status", "500"),)): failed,
    }
    for boundary, count in (("0.1", requests - slow), ("0.5", requests), ("+Inf", requests)):
        counted["http_request_duration_seconds_bucket", (("le", boundary),)] = count
    return counted


def reading(**pods: dict[Series, float] | None) -> Reading:
    """A reading of some pods; one without series does not answer."""
    listed = tuple(WatchedPod(uid, f"backend-blue-{uid}", ready=True) for uid in pods)
    return Reading(listed, {uid: counted for uid, counted in pods.items() if counted is not None})


def judged(past: Counts, failed: float = 0, slow: float = 0) -> dict[str, Finding]:
    """The findings about a new version with these requests among 100 a second, in 10 s."""
    evidence = Evidence(WATCH, past)
    for _ in range(10):
        evidence.add(past_between(reading(a=series(0)), reading(a=series(100, failed, slow)), WATCH))
    return {finding.question: finding for finding in evidence.findings}


def test_an_old_outage_excuses_nothing() -> None:
    before = series(WEEKS, failed=WEEKS / 20, slow=WEEKS / 2)
    after = series(WEEKS + 3000, failed=WEEKS / 20, slow=WEEKS / 2)
    past = past_between(reading(a=before), reading(a=after), WATCH)
    assert (past.requests, past.failed, past.slower(0.1)) == (3000, 0, 0)
    findings = judged(past, failed=5, slow=40)
    assert (findings[ERRORS].state, findings[ERRORS].accepted) == (SequentialState.WORSE, 0.001)
    assert findings[PAST].state is SequentialState.WORSE
    assert findings[PAST].accepted == pytest.approx(ACCEPTED_SLOW_SHARE)


def test_a_fault_of_the_last_minutes_is_what_the_new_version_is_compared_with() -> None:
    after = series(WEEKS + 3000, failed=150, slow=1200)
    past = past_between(reading(a=series(WEEKS)), reading(a=after), WATCH)
    assert (past.requests, past.failed, past.slower(0.1)) == (3000, 150, 1200)
    findings = judged(past, failed=5, slow=40)
    assert {findings[question].state for question in (ERRORS, PAST)} <= {
        SequentialState.OPEN,
        SequentialState.ACCEPTABLE,
    }
    assert "because the old colour failed as often" in findings[ERRORS].text
    assert judged(past, failed=30)[ERRORS].state is SequentialState.WORSE


def test_a_restarted_process_counts_from_zero_and_so_does_a_new_pod() -> None:
    first = reading(restarted=series(WEEKS, failed=WEEKS / 20), stays=series(500))
    last = reading(restarted=series(300, failed=3), stays=series(600), created=series(200, failed=2))
    past = past_between(first, last, WATCH)
    assert (past.requests, past.failed) == (600, 5)


def test_a_pod_whose_counters_were_not_read_at_first_counts_nothing() -> None:
    last = reading(silent=series(WEEKS, failed=WEEKS / 20), other=series(150))
    assert past_between(reading(silent=None, other=series(50)), last, WATCH).requests == 100
    assert past_between(Reading(error="no answer within 5 s"), last, WATCH) == Counts()


def test_a_pod_that_is_gone_or_silent_at_last_counts_nothing() -> None:
    first = reading(gone=series(WEEKS), silent=series(WEEKS), other=series(50))
    assert past_between(first, reading(silent=None, other=series(150)), WATCH).requests == 100


def test_too_few_recent_requests_leave_the_accepted_share_of_the_settings() -> None:
    before = series(WEEKS, failed=WEEKS / 20)
    for recent, is_raised in ((MIN_PAST_REQUESTS - 1, False), (MIN_PAST_REQUESTS, True)):
        after = series(WEEKS + recent, failed=WEEKS / 20 + recent)
        past = past_between(reading(a=before), reading(a=after), WATCH)
        findings = judged(past)
        assert (findings[ERRORS].accepted > 0.001) is is_raised
        assert (PAST in findings) is is_raised
