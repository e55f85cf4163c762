"""What the benchmark of canaries computes: figures of recorded requests and statuses, and a canary's length."""

from typing import Any

import pytest

from devtools.benchmarks.canary import Outcome, analyses_of, answers_of, outcome_of, planned_seconds, weight_at
from devtools.benchmarks.documented import FASTER, query, rollout, settings, shortened, template
from devtools.benchmarks.load import Request
from devtools.benchmarks.report_canary import canary as report
from switchyard.config.models.canary import Analysis, Canary
from switchyard.config.models.service import CanarySettings

STEPS: list[dict[str, Any]] = [{"setWeight": 10}, {"pause": {}}, {"analysis": {}}, {"setWeight": 30}, {"pause": {}}]


def request(sent: float, version: str, *, status: int = 200, keep_alive: bool = False) -> Request:
    return Request(sent, sent, sent + 0.5, status, "", "n1", "rollout", version, "pod", keep_alive)


def status(**fields: Any) -> dict[str, Any]:
    """A Rollout whose controller has seen it, with a new version under way."""
    return {"metadata": {"generation": 3}, "status": {"observedGeneration": "3", "currentPodHash": "new", **fields}}


def service() -> CanarySettings:
    return CanarySettings.model_validate(settings("shop", shortened(Canary(), "http://127.0.0.1:9", "shop")))


def test_a_canary_takes_its_pauses_and_one_interval_less_than_it_measures() -> None:
    canary = Canary.model_validate(
        {
            "steps": [{"weight": 10}, {"pause": 7}, {"analysis": True}, {"weight": 50}, {"pause": 100}],
            "analysis": {"count": 4, "intervalSeconds": 20, "initialDelaySeconds": 5},
        }
    )
    assert planned_seconds(canary) == 7 + 5 + 3 * 20 + 100


def test_a_canary_without_analyses_takes_its_pauses() -> None:
    assert planned_seconds(Canary.model_validate({"steps": [{"weight": 10}, {"pause": 7}], "analysis": None})) == 7


def test_the_default_canary_is_within_its_target() -> None:
    assert planned_seconds(Canary()) <= 43 * 60


def test_a_pause_for_a_human_is_not_computed() -> None:
    with pytest.raises(ValueError, match="human"):
        planned_seconds(Canary.model_validate({"steps": [{"weight": 10}, {"pause": 0}], "analysis": None}))


def test_the_short_canary_is_the_default_one_so_many_times_faster() -> None:
    short = Canary.model_validate(shortened(Canary(), "http://127.0.0.1:9", "shop"))
    assert planned_seconds(short) * FASTER == planned_seconds(Canary())
    assert [step.weight for step in short.steps] == [step.weight for step in Canary().steps]
    assert short.analysis is not None
    assert short.analysis.window_seconds * FASTER == Analysis().window_seconds
    assert short.analysis.failure_limit == Analysis().failure_limit


@pytest.mark.parametrize(
    ("rollout", "outcome"),
    [
        (status(abort=True, phase="Degraded"), Outcome.ABORTED),
        (status(phase="Healthy", stableRS="new"), Outcome.PROMOTED),
        (status(phase="Paused", pauseConditions=[{"reason": "InconclusiveAnalysisRun"}]), Outcome.PAUSED),
        (status(phase="Paused", pauseConditions=[{"reason": "CanaryPauseStep"}]), None),
        (status(phase="Progressing", stableRS="old"), None),
        (status(abort=True, currentPodHash="old"), None),
        (status(abort=True, observedGeneration="2"), None),
    ],
    ids=["abort", "promoted", "inconclusive", "a step's own pause", "under way", "of the old one", "not seen yet"],
)
def test_the_outcome_is_what_the_controller_says_of_the_new_version(
    rollout: dict[str, Any], outcome: Outcome | None
) -> None:
    assert outcome_of(rollout, "old") is outcome


@pytest.mark.parametrize(("index", "weight"), [(0, 10), (2, 10), (3, 30), (5, 30)])
def test_the_share_is_that_of_the_last_weight(index: int, weight: int) -> None:
    assert weight_at(STEPS, index) == weight


def test_times_count_from_the_first_request_to_the_new_version() -> None:
    requests = [
        request(0, "v1.0.0"),
        request(10, "v2.0.0", status=500),
        request(12, "v2.0.0", status=500),
        request(15, "v2.0.0", status=500, keep_alive=True),
        request(16, "", status=0),
    ]
    figures = answers_of(requests, decided_at=13)
    assert (figures["verdict"], figures["last_new"], figures["last"]) == (3, 2.5, 5.5)
    assert (figures["answered"], figures["failed"], figures["failed_elsewhere"]) == (3, 4, 1)


def test_a_version_without_requests_has_no_times() -> None:
    figures = answers_of([], decided_at=13)
    assert (figures["verdict"], figures["last_new"], figures["last"], figures["requests"]) == (None, None, None, 0)


def test_analyses_are_reported_in_their_order_with_what_they_found() -> None:
    def run(created: str, phase: str, *measured: dict[str, str]) -> dict[str, Any]:
        results = [{"phase": phase, "measurements": list(measured)}]
        return {"metadata": {"creationTimestamp": created, "name": "run"}, "status": {"metricResults": results}}

    lines = analyses_of([run("2", "Failed", {"value": "[0.5]"}, {"message": "no"}), run("1", "Successful", {})])
    assert lines == ["Successful: ?", "Failed: [0.5], no"]


def test_the_documented_question_is_about_the_whole_service() -> None:
    asked = query(Analysis(labels={"namespace": "shop"}, window_seconds=10))
    every = 'namespace="shop",service=~"{{args.service-name}}"'
    good, all_of_them = (
        f"sum(irate(http_requests_total{{{which}}}[10s]))" for which in (f'{every},status!~"5.*"', every)
    )
    assert asked == f"{good} / {all_of_them}"


def test_the_documented_rollout_has_the_pods_and_times_of_this_program_s() -> None:
    same = service()
    spec, analysis = rollout("backend", same)["spec"], same.canary.analysis
    assert analysis is not None
    assert spec["replicas"] == 10
    assert spec["template"]["spec"]["containers"][0]["image"] == "ghcr.io/org/backend:v1.0.0"
    steps = spec["strategy"]["canary"]["steps"]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [10, 30, 50]
    [metric] = template(same)["spec"]["metrics"]
    assert metric["successCondition"] == "result[0] >= 0.95"
    assert "failureCondition" not in metric
    assert (metric["interval"], metric["count"]) == (f"{analysis.interval_seconds}s", analysis.count)


def run_of(outcome: str, **figures: Any) -> dict[str, Any]:
    times = {"verdict": 20.0, "last_new": 20.0, "last": 25.0, "failed": 200, "failed_elsewhere": 0, "decided": 90.0}
    return {"outcome": outcome, "weight": 10, "analyses": ["Failed: [0]"], **times, **figures}


def reported(ours: dict[str, list[Any]], documented: dict[str, list[Any]], right: dict[str, str]) -> str:
    results = {
        "runs": {"this program": ours, "Argo Rollouts' documented example": documented},
        "right": right,
        "timed": ["bad"],
        "settings": shortened(Canary(), "http://127.0.0.1:9", "shop"),
        "planned": 1920,
        "planned_here": 64,
    }
    return "\n".join(report(results))


def test_the_report_says_which_outcomes_are_correct() -> None:
    good = [run_of("promoted")]
    page = reported(
        {"bad": [run_of("aborted")] * 2, "no request fails": good},
        {"bad": [run_of("aborted", last_new=40.0), run_of("promoted")], "no request fails": [run_of("aborted")]},
        {"bad": "aborted", "no request fails": "promoted"},
    )
    assert "| bad | aborted | 2x aborted at 10 % (Failed): correct | 1x aborted at 10 % (Failed); 1x promoted" in page
    assert "**wrong** in 1 of 2" in page
    assert "aborted at 10 % (Failed): **wrong** |" in page
    assert "**0.50x**" in page
    assert "never later; met" in page
    assert "32 min" in page


def test_the_report_says_when_this_program_is_later_or_never_aborts() -> None:
    good = {"no request fails": [run_of("promoted")]}
    right = {"bad": "aborted"}
    late = reported({"bad": [run_of("aborted", last_new=50.0)], **good}, {"bad": [run_of("aborted")], **good}, right)
    assert "**2.50x**" in late
    assert "never later; **not met**)" in late
    close = reported({"bad": [run_of("aborted", last_new=20.4)], **good}, {"bad": [run_of("aborted")], **good}, right)
    assert "never later; **not met**) by 0.4 s" in close
    never = reported({"bad": [run_of("promoted")], **good}, {"bad": [run_of("aborted")], **good}, right)
    assert "no ratio" in never
