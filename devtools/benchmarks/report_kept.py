"""The section of `docs/benchmarks.md` on kept connections."""

from collections.abc import Sequence
from typing import Any

from devtools.benchmarks.kept import CLIENTS, SECONDS_AFTER
from devtools.benchmarks.long_run import CONFIDENCE, failure_bound
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.targets import target

LAST_OLD_SECONDS = 5
"""The most until the last answer of the old version, at p95."""

REQUESTS = 1_000_000
"""The number of requests in the long run of which none may fail."""

SHOWN = 5
"""The most failed requests, and problems of commands, that the page lists."""


def kept(results: dict[str, list[dict[str, Any]]], long: dict[str, Any] | None = None) -> list[str]:
    """Renders how long kept connections continue to reach the old version.

    Args:
        results: runs by method, on one cluster.
        long: the long run with drain method `endpoint`, if there is one.
    """
    lines = [
        "",
        "## Kept connections after a switch",
        "",
        f"{CLIENTS} clients that never close a connection, and {CLIENTS} behind a proxy that keeps its connections to "
        "the nodes open, as a load balancer does; two real nodes, three pods per version. Times are seconds from the "
        "start of the command's process to the last answer of the old version. Except for the rows of the long run, "
        "the runs were made in shuffled order on one cluster.",
        "",
        *(_targets(long) if long else []),
        "| method | runs | clients connected to the nodes, median | p95 | clients behind the proxy, median | p95 "
        f"| command finished, median | failed requests | at most {LAST_OLD_SECONDS} s at p95 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for method, taken in rows(results, long).items():
        requests, failed = (sum(run[column] for run in taken) for column in ("requests", "failed"))
        done = median([run["done"] for run in taken])
        lines.append(
            f"| {method} | {len(taken)} | {_both([run['direct'] for run in taken])} "
            f"| {_both([run['proxied'] for run in taken])} | {done:.2f} s | {_failures(failed, requests)} "
            f"| {'yes' if met(taken) else 'no'} |"
        )
    return [
        *lines,
        "",
        *_problems(rows(results, long)),
        f"'Not closed': the old version still answered {SECONDS_AFTER} s after the last step, when the measurement "
        "ended. With Argo Rollouts kept connections stay open until it ends the old pods, by default 30 s after the "
        "promotion; with `kubectl patch` and Helm they stay open as long as the old pods are kept for a rollback. "
        "With drain method `renew`, the default, an old pod continues to answer after a switch for "
        "`drain.preStopSeconds` (35 s by default) before it gets SIGTERM. After a rollback all pods of the version "
        "that was rolled back get SIGTERM within `release.drain.rollbackSeconds` (2 s by default). See "
        "[kept connections](kept-connections.md).",
        "",
        "![The last old answer of each run, by way](kept-connections.png)",
    ]


def rows(results: dict[str, list[dict[str, Any]]], long: dict[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """The runs by row of the table. The rows of the long run come last and are labelled as such."""
    if not long:
        return {method: taken for method, taken in results.items() if taken}
    rate = long["requests"] / long["seconds"]
    own = {f"{method}, long run at {rate:,.0f} requests a second": taken for method, taken in long["runs"].items()}
    return {method: taken for method, taken in {**results, **own}.items() if taken}


def last(run: dict[str, Any]) -> float | None:
    """Seconds to the last answer of the old version to either kind of clients; None if it still answered."""
    seconds = (run["direct"], run["proxied"])
    return None if None in seconds else max(seconds)


def met(taken: Sequence[dict[str, Any]]) -> bool:
    """Whether the last answers of the old version came within the target."""
    seconds = [last(run) for run in taken]
    ended = [value for value in seconds if value is not None]
    return len(ended) == len(seconds) and p95(ended) <= LAST_OLD_SECONDS


def _targets(long: dict[str, Any]) -> list[str]:
    """The targets of the long run, and its results."""
    commands = [run for taken in long["runs"].values() for run in taken]
    requests, failed = long["requests"], sum(long["failed"].values())
    seconds = [last(run) for run in commands]
    ended = [value for value in seconds if value is not None]
    stay = f"; in {len(seconds) - len(ended)} the old version still answered" if len(ended) < len(seconds) else ""
    none = target(f"none of {REQUESTS:,}", failed == 0 and requests >= REQUESTS)
    lines = [
        f"**{failed} of {requests:,} requests failed** over {len(commands)} commands, a switch and a rollback in turn, "
        f"in {long['seconds'] / 60:.0f} min {none}. With {CONFIDENCE:.0%} confidence, fewer than "
        f"{failure_bound(requests, failed) * 1e6:.1f} in a million fail. **The last answer of the old version came "
        f"{_p95(ended)} after the start of the command at p95**, over both kinds of clients{stay} "
        f"{target(f'{LAST_OLD_SECONDS} s', met(commands))}.",
        "",
    ]
    causes = "; ".join(f"{count}x {cause}" for cause, count in long["failed"].items())
    if causes:
        first = ", ".join(
            f"{failure['after']:.2f} s after command {failure['command']} "
            f"({'behind the proxy' if failure['behind_proxy'] else 'connected to the nodes'})"
            for failure in long["failures"][:SHOWN]
        )
        lines += [f"Failures by cause: {causes}. The first: {first}.", ""]
    return lines


def _problems(taken: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Lists the problems that commands reported."""
    problems = [f"- {method}: {run['problem']}" for method, runs in taken.items() for run in runs if run.get("problem")]
    if not problems:
        return []
    return [f"{len(problems)} of the commands reported a problem:", "", *problems[:SHOWN], ""]


def _failures(failed: int, requests: int) -> str:
    bound = failure_bound(requests, failed) * 1e6
    return f"{failed} of {requests:,}; under {bound:,.{0 if bound >= 10 else 1}f} in a million ({CONFIDENCE:.0%})"


def _p95(values: list[float]) -> str:
    return f"{p95(values):.2f} s" if values else "never"


def _both(values: list[float | None]) -> str:
    ended = [value for value in values if value is not None]
    if len(ended) < len(values):
        return f"not closed ({len(values) - len(ended)} of {len(values)}) | not closed"
    return f"{median(ended):.2f} s | {p95(ended):.2f} s"
