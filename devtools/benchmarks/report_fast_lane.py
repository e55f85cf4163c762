"""The section of the page that compares the fast lane with `kubectl patch` and Argo Rollouts."""

from typing import Any

from devtools.benchmarks.argo import UNDO
from devtools.benchmarks.fast_lane import ROLLBACK, SWITCH
from devtools.benchmarks.measure import median
from devtools.benchmarks.peers import PATCH

TIMES_PATCH = 2
"""How many times as long as `kubectl patch` the first new answer may take, at the median."""


def fast_lane(results: dict[str, list[dict[str, Any]]], startup: dict[str, list[float]] | None) -> list[str]:
    """How the fast lane stands beside its peers of the same run, and why where it is behind.

    Args:
        results: runs by way.
        startup: seconds of what a rollback does before its first request, if they were measured.
    """
    if SWITCH not in results:
        return []
    first = {way: median([run["first_new"] for run in runs]) for way, runs in results.items()}
    lines = [
        "First new answer at the median, in the same run, without a drain as the peers have none "
        "([kept connections](#kept-connections-after-a-switch) have a table of their own):",
        "",
        *(_bar(way, first) for way in (SWITCH, ROLLBACK)),
        "",
    ]
    slowest = max((SWITCH, ROLLBACK), key=first.__getitem__)
    if first[slowest] > TIMES_PATCH * first[PATCH]:
        lines += [_reason(first[slowest], first[PATCH], startup), ""]
    return lines


def _bar(way: str, first: dict[str, float]) -> str:
    times, of_undo = (first[way] / first[peer] for peer in (PATCH, UNDO))
    command = way.rpartition(", ")[2]
    return (
        f"- `{command}`: {first[way]:.2f} s, **{times:.1f}x** {PATCH} (to reach: at most {TIMES_PATCH}x; "
        f"{_verdict(times <= TIMES_PATCH)}), {of_undo:.2f}x {UNDO} (to reach: ahead of it; {_verdict(of_undo < 1)})"
    )


def _reason(first: float, patch: float, startup: dict[str, list[float]] | None) -> str:
    beginning = f"Why more than {TIMES_PATCH}x `{PATCH}`, which is one binary that sends one request: "
    if startup is None:
        return f"{beginning}the command starts an interpreter, and writes a record before the patch."
    interpreter, imports, state = (median(startup[name]) for name in ("interpreter", "imports", "state"))
    rest = max(0.0, first - imports)
    return (
        f"{beginning}an interpreter has started after {interpreter:.2f} s and imported what the command needs after "
        f"{imports:.2f} s, {imports / patch:.1f}x all of `{PATCH}`; beside the imports the engine reads the state "
        f"({state:.2f} s). The other {rest:.2f} s are the reads and gates, the Lease and the record, which are written "
        "before the patch so that a killed command can go on, and the patch itself with kube-proxy: about "
        f"{rest / patch:.1f}x. A process that stays loaded, or a client that needs no interpreter, would end the "
        f"imports' part. Medians of {len(startup['imports'])} on the same machine without load."
    )


def _verdict(reached: bool) -> str:
    return "met" if reached else "not met"
