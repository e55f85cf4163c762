"""The page says of kept connections who stays, what failed, and whether the bars are met."""

from pathlib import Path
from typing import Any

import pytest

from devtools.benchmarks.plots import plot_kept
from devtools.benchmarks.report_kept import kept, last, met, rows

RUN: dict[str, Any] = {
    "direct": 0.5,
    "proxied": 0.7,
    "done": 0.9,
    "left": 0,
    "requests": 1000,
    "failed": 0,
    "problem": "",
}
SWITCH, ROLLBACK = "a switch", "a rollback"


def long(**changes: Any) -> dict[str, Any]:
    """A long run that meets its bars, with changes."""
    runs = {SWITCH: [RUN] * 50, ROLLBACK: [RUN] * 50}
    good = {"clients": 20, "rate": 1500, "seconds": 1000.0, "requests": 1_000_000, "failed": {}, "failures": []}
    return {**good, "runs": runs, **changes}


def page(*parts: Any) -> str:
    return "\n".join(kept(*parts))


def test_the_table_says_who_stays_and_whether_the_target_is_met() -> None:
    lines = page({"a": [RUN, RUN], "b": [RUN, RUN | {"proxied": None}]})
    assert (
        "| a | 2 | 0.50 s | 0.50 s | 0.70 s | 0.70 s | 0.90 s | 0 of 2,000; under 1,497 in a million (95%) | yes |"
        in lines
    )
    assert "| b | 2 | 0.50 s | 0.50 s | not closed (1 of 2) | not closed | 0.90 s |" in lines
    assert "million requests" not in lines


def test_the_long_run_is_in_the_same_table_with_its_rate() -> None:
    lines = page({"a": [RUN]}, long())
    assert lines.index("| a | 1 |") < lines.index(f"| {SWITCH}, long run at 1,000 requests a second | 50 |")
    assert f"| {ROLLBACK}, long run at 1,000 requests a second | 50 |" in lines


def test_the_long_run_meets_its_targets_without_a_late_answer() -> None:
    lines = page({"a": [RUN]}, long())
    assert "**0 of 1,000,000 requests failed** over 100 commands, a switch and a rollback in turn, in 17 min" in lines
    assert "target: none of 1,000,000; met)" in lines
    assert "fewer than 3.0 in a million fail" in lines
    assert (
        "**The last answer of the old version came 0.70 s after the start of the command at p95**, over both kinds of "
        "clients (target: 5 s; met)" in lines
    )
    assert "Failures by cause" not in lines


def test_a_failed_request_is_named_and_misses_the_target() -> None:
    failure = {"command": 7, "after": 0.25, "behind_proxy": True, "kept": True, "cause": "502"}
    lines = page({"a": [RUN]}, long(failed={"502": 1}, failures=[failure]))
    assert "**1 of 1,000,000 requests failed**" in lines
    assert "target: none of 1,000,000; **not met**)" in lines
    assert "Failures by cause: 1x 502. The first: 0.25 s after command 7 (behind the proxy)." in lines


def test_too_few_requests_miss_the_target() -> None:
    assert "target: none of 1,000,000; **not met**)" in page({"a": [RUN]}, long(requests=999_999))


def test_a_late_or_missing_last_answer_misses_the_target() -> None:
    late = long(runs={SWITCH: [RUN] * 9 + [RUN | {"proxied": 50.0}] * 6})
    assert (
        "50.00 s after the start of the command at p95**, over both kinds of clients (target: 5 s; **not met**)"
        in page({"a": [RUN]}, late)
    )
    stays = long(runs={SWITCH: [RUN] * 99 + [RUN | {"direct": None}]})
    assert "over both kinds of clients; in 1 the old version still answered (target: 5 s; **not met**)" in page(
        {"a": [RUN]}, stays
    )


def test_problems_of_commands_are_on_the_page() -> None:
    runs = {SWITCH: [RUN, RUN | {"problem": "a pod did not answer"}]}
    lines = page({"a": [RUN, RUN | {"problem": "exit code 1"}]}, long(runs=runs))
    named = f"- a: exit code 1\n- {SWITCH}, long run at 1,000 requests a second: a pod did not answer"
    assert f"2 of the commands reported a problem:\n\n{named}" in lines


def test_the_later_kind_of_clients_decides() -> None:
    assert last(RUN) == 0.7
    assert last(RUN | {"direct": None}) is None
    assert met([RUN] * 3)
    assert not met([RUN, RUN | {"proxied": 100.0}])
    assert not met([RUN] * 99 + [RUN | {"proxied": None}])


def test_ways_without_a_run_have_no_row() -> None:
    assert list(rows({"a": [RUN], "b": []}, long(runs={SWITCH: [RUN], ROLLBACK: []}))) == [
        "a",
        f"{SWITCH}, long run at 1,000 requests a second",
    ]


@pytest.mark.parametrize("stays", [None, 0.7])
def test_the_plot_is_drawn_with_and_without_ways_that_stay(tmp_path: Path, stays: float | None) -> None:
    target = tmp_path / "plot.png"
    plot_kept(rows({"a": [RUN | {"direct": stays}], "b": [RUN, RUN]}, long()), target)
    assert target.read_bytes().startswith(b"\x89PNG")
