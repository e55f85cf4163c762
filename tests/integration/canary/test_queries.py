"""The results of the Prometheus queries on given series, by the real promtool; every value is computed by hand.

A series is given by the values at 0, 1, .. 5 intervals and judged at the last. `[300s]` takes what is after the
window's start, so it has the last five of them. `increase()` takes the rise between the first and the last of those,
and extends it to the window's edges, but not below a counter of 0:

- Every 60 s, judged at 300 s: 240 s between them, 60 s before them, nothing behind them: times 300/240 = 1.25. A
  counter that rises by n each time rises by 4n, so its increase is 5n.
- Every 64 s, judged at 320 s: 256 s between them, 44 s before them, nothing behind them: times 300/256 = 1.171875. A
  counter that rises by n each time has a `rate()` of 4n · 1.171875 / 300 = n/64 a second, which a binary fraction has
  exactly. So has each edge of the histograms here: what comes out is exact too, and promtool compares exactly.
"""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.toolchain.paths import binary
from switchyard.config.models.canary import Analysis
from switchyard.manifests.analysis import metrics

Series = dict[str, str]
"""One series of promtool: its name with labels, and its values."""

Answers = Callable[[list[Series], float | None], None]
"""Asserts the value of a query on series; None for no sample."""

SAMPLES = 5
"""Number of samples of each series, after the one at 0 s."""

NOTHING = "0 0 0 0 0 0"


def promtool(*arguments: str | Path) -> None:
    result = subprocess.run([binary("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def rising(by: int) -> str:
    """A counter that starts at 0."""
    return f"0+{by}x{SAMPLES}"


def series(name: str, values: str, **labels: str) -> Series:
    """A series of version `new` of service `backend`, unless the labels say otherwise."""
    every = {"service": "backend", "rollouts_pod_template_hash": "new", **labels}
    selected = ",".join(f'{key}="{value}"' for key, value in every.items())
    return {"series": f"{name}{{{selected}}}", "values": values}


def requests(status: str, values: str, **labels: str) -> Series:
    return series("http_requests_total", values, status=status, **labels)


def durations(within: Mapping[str, str], **labels: str) -> list[Series]:
    """A histogram, by what has counted the requests within each edge; those within +Inf are all that there are."""
    name = "http_request_duration_seconds"
    buckets = [series(f"{name}_bucket", values, le=edge, **labels) for edge, values in within.items()]
    return [*buckets, series(f"{name}_count", within["+Inf"], **labels)]


def rising_durations(first: int, second: int, third: int, every: int, **labels: str) -> list[Series]:
    """By how much the counts within 0.25 s, 0.5 s, 1 s and altogether rise each time."""
    counts = zip(("0.25", "0.5", "1", "+Inf"), (first, second, third, every), strict=True)
    return durations({edge: rising(count) for edge, count in counts}, **labels)


def answers(directory: Path, metric: str, interval: int) -> Answers:
    """Evaluates a default query about version `new` on series that have a value each so many seconds."""
    [query] = [measured.query for measured in metrics("backend", Analysis(), "new") if measured.name == metric]

    def check(given: list[Series], value: float | None) -> None:
        expected = [] if value is None else [{"labels": "{}", "value": value}]
        asked = {"expr": query, "eval_time": f"{SAMPLES * interval}s", "exp_samples": expected}
        test = {"interval": f"{interval}s", "input_series": given, "promql_expr_test": [asked]}
        file = directory / "test.yml"
        file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": f"{interval}s", "tests": [test]}))
        promtool("test", "rules", file)

    return check


@pytest.fixture
def success_rate(tmp_path: Path) -> Answers:
    return answers(tmp_path, "success-rate", interval=60)


@pytest.fixture
def latency(tmp_path: Path) -> Answers:
    return answers(tmp_path, "latency-p95", interval=64)


OTHERWISE: dict[str, Any] = {
    "service_label": "shop-1",
    "window_seconds": 1,
    "min_requests": 0,
    "requests_metric": "requests",
    "duration_metric": "seconds",
    "hash_label": "pod_hash",
}


@pytest.mark.parametrize("analysis", [Analysis(), Analysis(**OTHERWISE)], ids=["defaults", "otherwise"])
def test_every_query_is_valid_promql(tmp_path: Path, analysis: Analysis) -> None:
    rules = [
        {"record": f"backend:{metric.name.replace('-', '_')}", "expr": metric.query}
        for metric in metrics("backend", analysis, "new")
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "analysis", "rules": rules}]}))
    promtool("check", "rules", file)


@pytest.mark.parametrize(
    ("good", "failed", "share"),
    [
        (951, 49, 0.951),  # 1 - 245/5000
        (95, 5, 0.95),  # 1 - 25/500
        (949, 51, 0.949),  # 1 - 255/5000
    ],
    ids=["above", "at", "below"],
)
def test_the_success_rate_is_the_share_that_did_not_fail(
    success_rate: Answers, good: int, failed: int, share: float
) -> None:
    success_rate([requests("200", rising(good)), requests("500", rising(failed))], share)


def test_where_everything_fails_the_success_rate_is_0_and_not_unknown(success_rate: Answers) -> None:
    success_rate([requests("500", rising(100))], 0.0)  # 1 - 500/500


def test_where_nothing_ever_failed_the_success_rate_is_1(success_rate: Answers) -> None:
    success_rate([requests("200", rising(100))], 1.0)  # 1 - 0/500, though no series has failures


def test_failures_are_all_of_5xx_and_nothing_else(success_rate: Answers) -> None:
    failing = [requests(status, rising(5)) for status in ("500", "503")]
    others = [requests(status, rising(30)) for status in ("200", "302", "404")]
    success_rate([*failing, *others], 0.9)  # 1 - 50/500


@pytest.mark.parametrize(
    "given",
    [
        [],
        [requests("200", NOTHING)],
        [requests("200", NOTHING), requests("500", NOTHING)],
    ],
    ids=["no series", "no successes", "no failures either"],
)
def test_without_requests_there_is_no_success_rate(success_rate: Answers, given: list[Series]) -> None:
    success_rate(given, None)


def test_there_is_a_success_rate_from_20_requests_on(success_rate: Answers) -> None:
    success_rate([requests("200", rising(4))], 1.0)  # 5 · 4 = 20
    success_rate([requests("200", "0 4 8 12 16 19")], None)  # 15 · 1.25 = 18.75


def test_requests_that_failed_are_among_the_20(success_rate: Answers) -> None:
    success_rate([requests("200", rising(2)), requests("500", rising(2))], 0.5)  # 1 - 10/20
    success_rate([requests("500", rising(3))], None)  # 15


def test_a_version_that_has_just_started_is_judged_by_what_it_had_alone(success_rate: Answers) -> None:
    # From the fourth minute on: extended to neither side, because its counter was 0 then.
    success_rate([requests("200", "_ _ _ _ 0 20")], 1.0)
    success_rate([requests("200", "_ _ _ _ 0 19")], None)
    success_rate([requests("200", "_ _ _ _ _ 100")], None)  # a single value shows no rise


@pytest.mark.parametrize(
    "other", [{"rollouts_pod_template_hash": "old"}, {"service": "shop"}], ids=["version", "service"]
)
def test_requests_of_other_versions_are_not_counted(success_rate: Answers, other: dict[str, str]) -> None:
    of_others = [requests("200", rising(100), **other), requests("500", rising(100), **other)]
    success_rate(of_others, None)
    success_rate([*of_others, requests("200", rising(100))], 1.0)
    success_rate([*of_others, requests("500", rising(100))], 0.0)


def test_the_success_rate_is_of_all_pods_of_the_version_together(success_rate: Answers) -> None:
    well = requests("200", rising(300), pod="a")
    unwell = [requests("200", rising(80), pod="b"), requests("500", rising(20), pod="b")]
    success_rate([well, *unwell], 0.95)  # 1 - 100/2000; by pod it were 1 and 0.8


def test_a_restarted_pod_keeps_its_counted_requests(success_rate: Answers) -> None:
    # After 90 more the successes count from zero to 300: they rise by 390, which makes 487.5. The failures rise by 10
    # and then count from zero, to none, which makes 12.5: 1 - 12.5/500.
    good, failed = "900 990 1080 100 200 300", "0 10 20 0 0 0"
    success_rate([requests("200", good), requests("500", failed)], 0.975)


@pytest.mark.parametrize(
    ("rises", "seconds"),
    [
        ((90, 100, 100, 100), 0.375),  # 0.25 + 0.25 · (95 - 90) / (100 - 90)
        ((92, 96, 100, 100), 0.4375),  # 0.25 + 0.25 · (95 - 92) / (96 - 92)
        ((0, 95, 100, 100), 0.5),  # 0.25 + 0.25 · (95 - 0) / (95 - 0)
        ((0, 94, 98, 100), 0.625),  # 0.5 + 0.5 · (95 - 94) / (98 - 94)
        ((100, 100, 100, 100), 0.2375),  # 0 + 0.25 · 95 / 100: all are within the first edge
        ((0, 0, 90, 100), 1.0),  # beyond the last edge, which stands for whatever is behind it
    ],
    ids=["below", "just below", "at", "just above", "fast", "slow"],
)
def test_the_latency_is_where_95_of_100_requests_have_ended(
    latency: Answers, rises: tuple[int, int, int, int], seconds: float
) -> None:
    latency(rising_durations(*rises), seconds)


@pytest.mark.parametrize("given", [[], durations({"0.25": NOTHING, "0.5": NOTHING, "1": NOTHING, "+Inf": NOTHING})])
def test_without_requests_there_is_no_latency(latency: Answers, given: list[Series]) -> None:
    latency(given, None)


def test_there_is_a_latency_from_20_requests_on(latency: Answers) -> None:
    latency(rising_durations(0, 4, 4, 4), None)  # 4 · 4 · 1.171875 = 18.75
    latency(rising_durations(0, 5, 5, 5), 0.4875)  # 4 · 5 · 1.171875 = 23.4375; 0.25 + 0.25 · 0.95


@pytest.mark.parametrize(
    "other", [{"rollouts_pod_template_hash": "old"}, {"service": "shop"}], ids=["version", "service"]
)
def test_durations_of_other_versions_are_not_counted(latency: Answers, other: dict[str, str]) -> None:
    of_others = rising_durations(0, 0, 100, 100, **other)
    latency(of_others, None)
    latency([*of_others, *rising_durations(90, 100, 100, 100)], 0.375)


def test_the_latency_is_of_all_pods_of_the_version_together(latency: Answers) -> None:
    # 180 of 200 within 0.25 s, all within 0.5 s: 0.25 + 0.25 · (190 - 180) / (200 - 180). By pod: 0.2375 and 0.4375.
    fast, slow = rising_durations(100, 100, 100, 100, pod="a"), rising_durations(80, 100, 100, 100, pod="b")
    latency([*fast, *slow], 0.375)


def test_a_restarted_pod_keeps_its_counted_durations(latency: Answers) -> None:
    # After 100 more the counter of all starts from zero, and counts 300: it rises by 400, that of the first edge by
    # 360. So 90 and 100 each time, as in 0.375 above.
    first, every = "720 810 900 90 180 270", "800 900 1000 100 200 300"
    latency(durations({"0.25": first, "0.5": every, "1": every, "+Inf": every}), 0.375)
