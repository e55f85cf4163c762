"""Bad versions are condemned after few requests, good ones are not; the rates are simulated."""

import math

import pytest

from devtools.benchmarks.evidence import BAD, BORDER, GOOD, WORN, Version, simulate
from switchyard.config.models.watch import Watch
from switchyard.release.watch.evidence import ERRORS, LIMIT, PAST, Evidence, Finding, raised
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.sequential import SequentialState

WATCH = Watch(seconds=60)


def counts(requests: int, failed: int = 0, *, over: dict[float, int] | None = None) -> Counts:
    """Requests, those that failed, and how many took longer than each boundary."""
    over = over or {0.1: 0, 0.5: 0}
    return Counts(requests, failed, {**{le: requests - more for le, more in over.items()}, math.inf: requests})


def found(evidence: Evidence) -> dict[str, Finding]:
    return {finding.question: finding for finding in evidence.findings}


@pytest.mark.parametrize("rate", [50, 200])
@pytest.mark.parametrize("version", BAD, ids=lambda version: version.name)
def test_bad_versions_are_condemned_soon(version: Version, rate: int) -> None:
    result = simulate(version, WATCH, rate, 40, past=GOOD, seed=1)
    assert result.condemned == result.releases or version.failing == 0.01
    assert result.condemned + result.passed <= result.releases
    if version.failing >= 0.08:
        assert result.p95_seconds is not None
        assert result.p95_seconds <= 3


@pytest.mark.parametrize(
    ("version", "past"),
    [(GOOD, GOOD), (BORDER, None), (BORDER, BORDER), (WORN, WORN)],
    ids=["good", "border", "border as before", "worn as before"],
)
def test_versions_that_are_accepted_are_not_rolled_back_more_often_than_configured(
    version: Version, past: Version | None
) -> None:
    watch = Watch(seconds=60, false_rollback=0.05)
    result = simulate(version, watch, 50, 150, past=past, seed=2)
    assert result.condemned / result.releases <= 0.05


def test_a_version_at_the_condemned_share_passes_no_more_often_than_configured() -> None:
    watch = Watch(seconds=60, missed=0.05)
    result = simulate(Version("1 %", 0.01), watch, 50, 150, past=GOOD, seed=3)
    assert result.passed / result.releases <= 0.05


def test_a_good_version_passes_after_the_requests_that_the_proof_takes() -> None:
    evidence = Evidence(WATCH, Counts())
    evidence.add(counts(680))
    assert found(evidence)[ERRORS].state is SequentialState.ACCEPTABLE or found(evidence)[ERRORS].needed < 20
    evidence.add(counts(20))
    assert {finding.state for finding in evidence.findings} == {SequentialState.ACCEPTABLE}


def test_a_version_is_not_worse_than_a_past_that_failed_as_often() -> None:
    past = counts(10_000, 100)
    evidence = Evidence(WATCH, past)
    for _ in range(60):
        evidence.add(counts(100, 1))
    finding = found(evidence)[ERRORS]
    assert finding.state is not SequentialState.WORSE
    assert finding.accepted > 0.01
    assert "because the old colour failed as often" in finding.text
    assert Evidence(WATCH, Counts()).findings[0].accepted == 0.001


def test_a_version_that_fails_more_often_than_a_bad_past_is_condemned() -> None:
    evidence = Evidence(WATCH, counts(10_000, 100))
    for _ in range(10):
        evidence.add(counts(100, 8))
    assert found(evidence)[ERRORS].state is SequentialState.WORSE


@pytest.mark.parametrize(("hits", "total"), [(0, 0), (0, 100_000), (5, 50), (100, 100_000)])
def test_a_past_without_evidence_that_it_was_worse_excuses_nothing(hits: int, total: int) -> None:
    assert raised(0.001, hits, total) == 0.001


def test_a_past_in_which_all_failed_leaves_a_test_that_can_be_computed() -> None:
    evidence = Evidence(WATCH, counts(1000, 1000, over={0.1: 1000, 0.5: 1000}))
    evidence.add(counts(1000, over={0.1: 0, 0.5: 0}))
    assert {finding.state for finding in evidence.findings} == {SequentialState.ACCEPTABLE}


def test_a_percentile_above_the_limit_is_condemned_without_any_past() -> None:
    evidence = Evidence(WATCH, Counts())
    for _ in range(5):
        evidence.add(counts(20, over={0.1: 12, 0.5: 8}))
    assert evidence.is_condemned
    finding = found(evidence)[LIMIT]
    assert (finding.state, finding.hits) == (SequentialState.WORSE, 40)
    assert finding.text == "40 of 100 requests (40 %) took longer than 0.5 s, and 5 % is accepted"


def test_a_past_above_the_limit_counts_by_the_boundaries_that_it_has() -> None:
    past = counts(10_000, over={0.25: 9000, 1.0: 4000})
    evidence = Evidence(WATCH, past)
    for _ in range(10):
        evidence.add(counts(20, over={0.1: 18, 0.5: 8}))
    assert not evidence.is_condemned
    finding = found(evidence)[LIMIT]
    assert 0.4 < finding.accepted < 0.5
    without = Evidence(WATCH, counts(10_000, over={0.1: 9000, 0.25: 4000}))  # slower than 0.25 s is not above the limit
    for _ in range(10):
        without.add(counts(20, over={0.1: 18, 0.5: 8}))
    assert without.is_condemned


def test_three_times_the_percentile_of_the_past_is_condemned_within_the_limit() -> None:
    evidence = Evidence(WATCH, counts(10_000, over={0.1: 200, 0.25: 10, 0.5: 0}))
    for _ in range(5):
        evidence.add(counts(20, over={0.1: 19, 0.25: 8, 0.5: 0}))
    findings = found(evidence)
    assert findings[LIMIT].state is not SequentialState.WORSE
    assert findings[PAST].state is SequentialState.WORSE
    assert (
        "95 of 100 requests (95 %) took longer than 0.1 s, compared with 2 % of the old colour's" in findings[PAST].text
    )


def test_a_slower_version_that_is_still_fast_is_not_condemned() -> None:
    evidence = Evidence(WATCH, counts(10_000, over={0.005: 100, 0.05: 0, 0.5: 0}))
    for _ in range(60):
        evidence.add(counts(50, over={0.005: 50, 0.05: 1, 0.5: 0}))
    assert {finding.state for finding in evidence.findings} == {SequentialState.ACCEPTABLE}


def test_a_histogram_that_ends_below_the_limit_condemns_nothing_by_it() -> None:
    evidence = Evidence(WATCH, Counts())
    evidence.add(counts(1000, over={0.1: 500}))
    finding = found(evidence)[LIMIT]
    assert finding.state is SequentialState.OPEN
    assert "the largest boundary of http_request_duration_seconds, and the limit is 0.5 s" in finding.text
    assert not evidence.is_condemned


def test_a_missing_histogram_is_no_success() -> None:
    evidence = Evidence(WATCH, Counts())
    evidence.add(Counts(10_000))
    finding = found(evidence)[LIMIT]
    assert finding.state is SequentialState.OPEN
    assert finding.text == "the latency is not known: no pod has a series http_request_duration_seconds_bucket"


def test_latency_that_is_not_judged_is_no_question() -> None:
    watch = Watch.model_validate({"latencyP95": {"enabled": False}})
    evidence = Evidence(watch, Counts())
    evidence.add(counts(10_000, over={0.5: 10_000}))
    assert set(found(evidence)) == {ERRORS}
    assert not evidence.is_condemned


def test_bursts_of_slow_requests_condemn_nothing_and_lasting_ones_do() -> None:
    evidence = Evidence(WATCH, Counts())
    for _ in range(4):
        evidence.add(counts(50, over={0.5: 0}))
        evidence.add(counts(50, over={0.5: 50}))  # a node stands still for a second
        assert not evidence.is_condemned
        assert found(evidence)[LIMIT].state is SequentialState.OPEN
    evidence.add(counts(50, over={0.5: 50}))
    assert evidence.is_condemned


def test_what_leaves_the_whole_watch_within_the_limit_condemns_nothing() -> None:
    evidence = Evidence(WATCH, Counts())
    for _ in range(200):
        evidence.add(counts(50, over={0.5: 0}))
    for _ in range(8):
        evidence.add(counts(50, over={0.5: 50}))
    assert not evidence.is_condemned


def test_early_looks_count_by_their_time() -> None:
    evidence = Evidence(WATCH, Counts())
    for look in range(20):
        assert not evidence.is_condemned, look
        evidence.add(counts(20, over={0.5: 20}), 0.25)
    assert evidence.is_condemned
