"""The figures of released versions come from the requests and from when the selector changed."""

import json
from collections import Counter
from typing import Any

import pytest

from devtools.benchmarks.load import Request
from devtools.benchmarks.report_watched import watched
from devtools.benchmarks.watched import BAD, GOOD, Plan, planned_releases, together
from devtools.benchmarks.watched_methods import ANALYSIS, DEPLOY, ENDPOINT
from devtools.benchmarks.watched_run import NEW, OLD, measured
from devtools.toolchain.paths import PROJECT

BAD_ALL = BAD[0].name


def request(done: float, version: str, status: int = 200, *, keep_alive: bool = False) -> Request:
    return Request(done - 0.1, done - 0.1, done, status, "", "node", "", version, "pod", keep_alive)


def test_last_answers_count_from_the_switch_by_kind_of_connection() -> None:
    requests = [
        request(9, OLD, 500),
        request(11, NEW, 500),
        request(12, NEW, 500, keep_alive=True),
        request(13, OLD, keep_alive=True),
        request(14, OLD),
    ]
    assert measured(requests, [10.0, 11.5]) == {
        "back": 1.5,
        "last_new": 1.0,
        "last_kept": 2.0,
        "stays": False,
        "failed": 2,
        "answered": 2,
        "requests": 4,
    }


def test_a_version_that_answers_at_the_end_of_the_load_stays() -> None:
    assert measured([request(11, NEW), request(20, NEW, keep_alive=True)], [10.0])["stays"]


@pytest.mark.parametrize(("changes", "version"), [([], NEW), ([10.0], OLD)])
def test_a_run_without_a_switch_or_without_a_request_is_none(changes: list[float], version: str) -> None:
    with pytest.raises(ValueError, match=r"switched|no request"):
        measured([request(11, version)], changes)


def test_the_peer_gets_only_what_its_analysis_can_judge() -> None:
    counted = Counter(
        (planned.method, planned.case.name) for planned in planned_releases([DEPLOY, ANALYSIS], [50, 200], 3, 2)
    )
    assert {case for method, case in counted if method == ANALYSIS} == {case.name for case in BAD if case.by_argo}
    assert {counted[DEPLOY, case.name] for case in BAD} == {6}
    assert counted[DEPLOY, GOOD.name] == 4
    numbers = [planned.number for planned in planned_releases([DEPLOY, ENDPOINT], [50], 2, 1)]
    assert len(numbers) == len(set(numbers)) == 21


def a_run(last: float, failed: int, *, rolled_back: bool = True, stays: bool = False) -> dict[str, Any]:
    run = {"rate": 50, "rolled_back": rolled_back, "reason": "", "back": last, "last_new": last, "last_kept": None}
    return run | {"stays": stays, "failed": failed, "answered": failed, "requests": 100, "took": 30.0}


def page(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], good: list[dict[str, Any]]) -> str:
    runs = {DEPLOY: {BAD_ALL: ours, GOOD.name: good}, ANALYSIS: {BAD_ALL: theirs}}
    plan = {"rates": [50], "watch_seconds": None, "at_once": 1}
    return "\n".join(watched({"runs": runs, "plan": plan, "problems": ["one broke"], "load": [1.0, 9.0]}))


def test_met_targets_are_reported() -> None:
    text = page([a_run(2, 10)] * 2, [a_run(30, 100)] * 2, [a_run(2, 0, rolled_back=False)])
    assert "2 of 2 releases of bad versions were rolled back (target: all; met)" in text
    assert "over any connection: 2.0 s at p95 of 2 releases, at most 2.0 s" in text
    assert "0.10x (100 % fail at 50/s) (target: at most 0.2x; met)" in text
    assert "0 of 1 were rolled back (target: none; met), 0 held" in text
    assert "not met" not in text


def test_missed_targets_are_reported() -> None:
    ours = [a_run(11, 30), a_run(11, 30, rolled_back=False, stays=True)]
    text = page(ours, [a_run(30, 100)] * 2, [a_run(2, 0)])
    assert text.count("**not met**") == 5
    assert "1 of 2 releases of bad versions were rolled back" in text
    assert "1 of 2 still answered at the end" in text
    assert "- one broke" in text


def test_a_bad_version_that_a_peer_does_not_roll_back_is_reported() -> None:
    text = page([a_run(2, 10)], [a_run(30, 100, rolled_back=False, stays=True)], [])
    assert "0.10x (100 % fail at 50/s, not rolled back by Argo Rollouts in 1 of 1 releases)" in text


def test_a_plan_has_the_keys_that_the_recorded_data_has() -> None:
    recorded = json.loads((PROJECT / "docs" / "benchmarks.json").read_text())["watch"]["plan"]
    assert Plan(5, 10).to_json().keys() == recorded.keys()


def test_methods_that_are_not_measured_again_stay() -> None:
    earlier = {
        "runs": {DEPLOY: {}, ANALYSIS: {BAD_ALL: [1]}},
        "problems": ["a"],
        "load": [1.0],
        "plan": {"rates": [200]},
    }
    taken = {"runs": {ANALYSIS: {BAD_ALL: [2]}}, "problems": ["b"], "load": [2.0], "plan": {"rates": [50]}}
    both = together(taken, earlier)
    assert both["runs"] == {DEPLOY: {}, ANALYSIS: {BAD_ALL: [2]}}
    assert (both["problems"], both["load"], both["plan"]) == (["a", "b"], [1.0, 2.0], {"rates": [50, 200]})
    assert together(earlier, taken) == earlier
    assert together(taken, None) == taken
