"""The dry run of an analysis: verdicts as Argo Rollouts gives them, in words, and exit codes for scripts."""

from typing import Any

import pytest

from switchyard.analysis_errors import NoVersionError
from switchyard.cli.analysis import AnalysisVerdict, Judgement, Version, analysed, hint, judge, succeeded, versions_of
from switchyard.config.models.canary import Analysis
from switchyard.config.models.service import CanarySettings
from switchyard.manifests.analysis import Metric, metrics
from tests.support.configuration import read
from tests.support.fake_prometheus import CANARY, HASH, STABLE, rollout

NEW = Version("new", HASH)
NAN, INF = float("nan"), float("inf")


def metric(name: str) -> Metric:
    [result] = [candidate for candidate in metrics("backend", Analysis(), HASH) if candidate.name == name]
    return result


def judged(name: str, *result: float, analysis: Analysis | None = None) -> Judgement:
    return judge(analysis or Analysis(), NEW, metric(name), result)


@pytest.mark.parametrize(
    ("name", "result", "verdict"),
    [
        ("success-rate", [1.0], "Successful"),
        ("success-rate", [0.951], "Successful"),
        ("success-rate", [0.95], "Successful"),
        ("success-rate", [0.9499999999999998], "Failed"),
        ("success-rate", [0.0], "Failed"),
        ("success-rate", [INF], "Successful"),
        ("success-rate", [-INF], "Failed"),
        ("success-rate", [NAN], "Inconclusive"),
        ("success-rate", [], "Inconclusive"),
        ("latency-p95", [0.0], "Successful"),
        ("latency-p95", [0.49999999999999994], "Successful"),
        ("latency-p95", [0.5], "Failed"),
        ("latency-p95", [0.501], "Failed"),
        ("latency-p95", [INF], "Failed"),
        ("latency-p95", [NAN], "Inconclusive"),
        ("latency-p95", [], "Inconclusive"),
    ],
)
def test_a_verdict_is_the_one_of_the_rendered_conditions(name: str, result: list[float], verdict: str) -> None:
    assert judged(name, *result).verdict == verdict


def test_the_first_sample_decides() -> None:
    assert judged("success-rate", 0.9, 1.0).verdict is AnalysisVerdict.FAILED


def test_success_and_failure_conditions_exclude_each_other() -> None:
    rate, latency = metric("success-rate"), metric("latency-p95")
    assert (rate.success, rate.failure) == (">= 0.95", "< 0.95")
    assert (latency.success, latency.failure) == ("< 0.5", ">= 0.5")


@pytest.mark.parametrize(
    ("name", "result", "why"),
    [
        ("success-rate", [0.97], "0.97 is at least 0.95"),
        ("success-rate", [0.91], "0.91 is below 0.95"),
        ("success-rate", [0.9523809523809523], "0.9524 is at least 0.95"),
        # Rounded, it would seem to be on the other side.
        ("success-rate", [0.9499999999999998], "0.9499999999999998 is below 0.95"),
        ("latency-p95", [0.3], "0.3 is below 0.5"),
        ("latency-p95", [0.49999], "0.49999 is below 0.5"),
        ("latency-p95", [0.5], "0.5 is at least 0.5"),
        ("latency-p95", [INF], "inf is at least 0.5"),
        ("latency-p95", [NAN], "not a number: nothing was counted in 300 s"),
        ("latency-p95", [], "fewer than 20 requests in 300 s"),
    ],
)
def test_a_verdict_has_its_reason_in_words(name: str, result: list[float], why: str) -> None:
    assert judged(name, *result).reason == why


@pytest.mark.parametrize("least", [0, 1])
def test_a_minimum_of_0_or_1_reports_no_requests(least: int) -> None:
    few = judged("success-rate", analysis=Analysis(min_requests=least, window_seconds=60))
    assert few.reason == "no requests in 60 s"


def test_only_the_version_in_question_decides_whether_all_is_well() -> None:
    good, bad = judged("success-rate", 1.0), judged("latency-p95", 1.0)
    of_stable = judge(Analysis(), Version("stable", STABLE), metric("latency-p95"), [1.0])
    assert succeeded([good, of_stable])
    assert not succeeded([good, bad, of_stable])
    assert not succeeded([judged("success-rate")])


def test_a_result_without_samples_may_lack_labels() -> None:
    analysis = Analysis(service_label="shop", hash_label="pod_hash")
    assert hint("backend", analysis, [judged("success-rate", NAN), judged("latency-p95", 1.0)]) is None
    said = hint("backend", analysis, [judged("success-rate", 1.0), judged("latency-p95")])
    assert said is not None
    assert 'http_requests_total and http_request_duration_seconds, with labels service="shop" and pod_hash' in said


def settings(raw: dict[str, Any] = CANARY) -> CanarySettings:
    service, _ = analysed("backend", read({"backend": raw}).services["backend"])
    return service


def test_the_canary_version_comes_before_the_stable_one() -> None:
    assert versions_of("backend", settings(), rollout()) == [NEW, Version("stable", STABLE)]
    assert versions_of("backend", settings(), rollout(new=STABLE)) == [Version("stable", STABLE)]
    assert versions_of("backend", settings(), rollout(stable="")) == [NEW]


@pytest.mark.parametrize(
    ("live", "why"),
    [
        (None, "there is no Rollout in namespace default"),
        (rollout(observed="1"), "the controller has not observed the current Rollout yet"),
        (rollout(new=""), "the controller has not observed the current Rollout yet"),
        (rollout() | {"status": {}}, "the controller has not observed the current Rollout yet"),
    ],
)
def test_without_an_observed_version_nothing_is_judged(live: dict[str, Any] | None, why: str) -> None:
    with pytest.raises(NoVersionError, match=why):
        versions_of("backend", settings(), live)
