"""The section of the page that compares the fast lane with `kubectl patch` and Argo Rollouts."""

from typing import Any

from devtools.benchmarks.argo import UNDO
from devtools.benchmarks.fast_lane import ROLLBACK, SWITCH
from devtools.benchmarks.measure import median
from devtools.benchmarks.peers import PATCH
from devtools.benchmarks.targets import target

TIMES_PATCH = 2
"""The most that the first answer of the new version may take at the median, relative to `kubectl patch`."""


def fast_lane(results: dict[str, list[dict[str, Any]]], startup: dict[str, list[float]] | None) -> list[str]:
    """Compares the fast lane with its peers in the same run, and gives the reason where it misses its target.

    Args:
        results: runs by method.
        startup: seconds that a rollback takes before its first request, if they were measured.
    """
    if SWITCH not in results:
        return []
    first = {method: median([run["first_new"] for run in runs]) for method, runs in results.items()}
    lines = [
        "First answer of the new version at the median, in the same run, and without a drain because the peers have "
        "none ([kept connections](#kept-connections-after-a-switch) are in a separate table):",
        "",
        *(_target(method, first) for method in (SWITCH, ROLLBACK)),
        "",
    ]
    slowest = max((SWITCH, ROLLBACK), key=first.__getitem__)
    if first[slowest] > TIMES_PATCH * first[PATCH]:
        lines += [_reason(first[slowest], first[PATCH], startup), ""]
    return lines


def _target(method: str, first: dict[str, float]) -> str:
    times, of_undo = (first[method] / first[peer] for peer in (PATCH, UNDO))
    command = method.rpartition(", ")[2]
    return (
        f"- `{command}`: {first[method]:.2f} s, **{times:.1f}x** {PATCH} "
        f"{target(f'at most {TIMES_PATCH}x', times <= TIMES_PATCH)}, {of_undo:.2f}x {UNDO} "
        f"{target('below 1x', of_undo < 1)}"
    )


def _reason(first: float, patch: float, startup: dict[str, list[float]] | None) -> str:
    beginning = f"The reason for more than {TIMES_PATCH}x: `{PATCH}` is a single binary that sends a single request. "
    if startup is None:
        return f"{beginning}A command of this program starts an interpreter, and writes a record before the patch."
    interpreter, imports, state = (median(startup[name]) for name in ("interpreter", "imports", "state"))
    rest = max(0.0, first - imports)
    return (
        f"{beginning}Here the interpreter has started after {interpreter:.2f} s, and the imports are complete after "
        f"{imports:.2f} s, which alone is {imports / patch:.1f}x `{PATCH}`. During the imports the engine reads the "
        f"state ({state:.2f} s). The other {rest:.2f} s, about {rest / patch:.1f}x, are the reads and gates, the Lease "
        "and the record, which are written before the patch so that a killed command can be resumed, and the patch "
        "with the update of kube-proxy. A resident process, or a client without an interpreter, would not need the "
        f"time of the imports. Medians of {len(startup['imports'])} on the same machine without load."
    )
