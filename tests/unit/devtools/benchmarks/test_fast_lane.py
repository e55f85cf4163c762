"""The commands of the fast lane as a method of switching: what they say is read, and the page says how they stand."""

import json
from typing import Any

from devtools.benchmarks.argo import UNDO
from devtools.benchmarks.fast_lane import ROLLBACK, SWITCH, result_of
from devtools.benchmarks.peers import PATCH
from devtools.benchmarks.report_fast_lane import fast_lane

STARTUP = {"interpreter": [0.01], "imports": [0.3], "state": [0.1]}


def document(**changes: Any) -> str:
    return json.dumps({"problem": None, "receipt": {"drain": {"connectionsLeft": 0, "problem": None}}, **changes})


def test_a_good_command_has_counted_its_connections_and_no_problem() -> None:
    result = result_of(0, document(), "a warning")
    assert (result.left, result.problem) == (0, "")


def test_every_problem_of_a_command_is_named() -> None:
    assert result_of(0, document(problem="no state"), "").problem == "no state"
    drain = {"drain": {"connectionsLeft": None, "problem": "a pod did not answer"}}
    result = result_of(0, document(receipt=drain), "")
    assert (result.left, result.problem) == (None, "a pod did not answer")
    assert result_of(1, json.dumps({"error": "refused", "code": "SY-P023", "exitCode": 1}), "").problem == "refused"
    assert result_of(1, document(), "SY-P140 names a node").problem == "exit code 1: SY-P140 names a node"
    assert result_of(-9, "", "killed").problem == "exit code -9: killed"


def results(switch: float, rollback: float) -> dict[str, list[dict[str, Any]]]:
    first = {PATCH: 0.1, UNDO: 1.0, SWITCH: switch, ROLLBACK: rollback}
    return {method: [{"first_new": seconds}] * 3 for method, seconds in first.items()}


def test_the_targets_are_twice_a_patch_and_below_an_undo() -> None:
    lines = "\n".join(fast_lane(results(0.2, 0.15), STARTUP))
    assert f"- `switchyard switch`: 0.20 s, **2.0x** {PATCH} (target: at most 2x; met), 0.20x {UNDO}" in lines
    assert f"- `switchyard rollback`: 0.15 s, **1.5x** {PATCH} (target: at most 2x; met), 0.15x {UNDO}" in lines
    assert lines.count("(target: below 1x; met)") == 2
    assert "The reason for more" not in lines


def test_the_reason_for_a_missed_target_is_stated_with_its_times() -> None:
    lines = "\n".join(fast_lane(results(0.5, 1.2), STARTUP))
    assert "**5.0x** kubectl patch (target: at most 2x; **not met**)" in lines
    assert (
        f"12.0x** kubectl patch (target: at most 2x; **not met**), 1.20x {UNDO} (target: below 1x; **not met**)"
        in lines
    )
    assert "the imports are complete after 0.30 s, which alone is 3.0x `kubectl patch`" in lines
    assert "The other 0.90 s, about 9.0x, are the reads" in lines


def test_without_the_start_up_s_figures_the_reason_has_none() -> None:
    reason = fast_lane(results(0.5, 0.5), None)[-2]
    assert "starts an interpreter" in reason
    assert "Medians of" not in reason


def test_an_older_run_without_the_commands_has_no_target() -> None:
    assert fast_lane({PATCH: [{"first_new": 0.1}]}, None) == []
