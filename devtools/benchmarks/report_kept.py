"""The section of `docs/benchmarks.md` on kept connections."""

from collections.abc import Sequence
from typing import Any

from devtools.benchmarks.kept import CLIENTS, SECONDS_AFTER
from devtools.benchmarks.long_run import CONFIDENCE, failure_bound
from devtools.benchmarks.measure import median, p95

LAST_OLD_SECONDS = 5
"""Within which the last old answer is to come, at p95."""

REQUESTS = 1_000_000
"""Of which none is to fail in the long run."""

SHOWN = 5
"""Failed requests, and problems of commands, that the page names one by one."""


def kept(found: dict[str, list[dict[str, Any]]], long: dict[str, Any] | None = None) -> list[str]:
    """How long kept connections stay with the old version.

    Args:
        found: runs by way, on one cluster.
        long: the long run by method `endpoint`, if there is one.
    """
    lines = [
        "",
        "## Kept connections after a switch",
        "",
        f"{CLIENTS} clients that never close a connection, and as many behind a proxy that keeps its connections to "
        "the nodes as a load balancer does; two real nodes, three pods a version. Seconds from Enter, which is the "
        "start of the command's process, to the last answer of the old version. In shuffled order on one cluster, "
        "but for the rows of the long run.",
        "",
        *(_bars(long) if long else []),
        "| way | runs | clients of the nodes, median | p95 | behind the proxy, median | p95 | command done, median "
        f"| failed requests | at most {LAST_OLD_SECONDS} s at p95 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way, taken in rows(found, long).items():
        requests, failed = (sum(run[column] for run in taken) for column in ("requests", "failed"))
        done = median([run["done"] for run in taken])
        lines.append(
            f"| {way} | {len(taken)} | {_both([run['direct'] for run in taken])} "
            f"| {_both([run['proxied'] for run in taken])} | {done:.2f} s | {_failures(failed, requests)} "
            f"| {'yes' if met(taken) else 'no'} |"
        )
    return [
        *lines,
        "",
        *_problems(rows(found, long)),
        f"'They stay': the old version still answered at the end, {SECONDS_AFTER} s after the last step. With Argo "
        "Rollouts they stay until it ends the old pods, by default 30 s after the promotion; with `kubectl patch` and "
        "Helm for as long as the old pods are kept for a rollback. Method `renew`, the default: after a switch an old "
        "pod still answers for `drain.preStopSeconds` (35 s by default) before it gets SIGTERM; after a rollback all "
        "pods of the version that was rolled back get it within `release.drain.rollbackSeconds` (2 s by default). See "
        "[kept connections](kept-connections.md).",
        "",
        "![The last old answer of each run, by way](kept-connections.png)",
    ]


def rows(found: dict[str, list[dict[str, Any]]], long: dict[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """The runs by row of the table: those of the long run come last and say what they are."""
    if not long:
        return {way: taken for way, taken in found.items() if taken}
    rate = long["requests"] / long["seconds"]
    own = {f"{way}, long run at {rate:,.0f} requests a second": taken for way, taken in long["runs"].items()}
    return {way: taken for way, taken in {**found, **own}.items() if taken}


def last(run: dict[str, Any]) -> float | None:
    """The later one of the last old answers to both kinds of clients; None if the old version still answered."""
    seconds = (run["direct"], run["proxied"])
    return None if None in seconds else max(seconds)


def met(taken: Sequence[dict[str, Any]]) -> bool:
    """Whether the last old answer came in time."""
    seconds = [last(run) for run in taken]
    ended = [value for value in seconds if value is not None]
    return len(ended) == len(seconds) and p95(ended) <= LAST_OLD_SECONDS


def _bars(long: dict[str, Any]) -> list[str]:
    """The targets of the long run, and its results."""
    commands = [run for taken in long["runs"].values() for run in taken]
    requests, failed = long["requests"], sum(long["failed"].values())
    seconds = [last(run) for run in commands]
    ended = [value for value in seconds if value is not None]
    stay = f"; in {len(seconds) - len(ended)} the old version still answered" if len(ended) < len(seconds) else ""
    none = _verdict(failed == 0 and requests >= REQUESTS)
    lines = [
        f"**{failed} of {requests:,} requests failed** over {len(commands)} commands, a switch and a rollback in turn, "
        f"in {long['seconds'] / 60:.0f} min (to reach: none of {REQUESTS:,}; {none}). With "
        f"{CONFIDENCE:.0%} confidence, fewer than {failure_bound(requests, failed) * 1e6:.1f} in a million fail. "
        f"**The last old answer came {_p95(ended)} after Enter at p95**, to either kind of clients{stay} (to reach: "
        f"{LAST_OLD_SECONDS} s; {_verdict(met(commands))}).",
        "",
    ]
    causes = "; ".join(f"{count}x {cause}" for cause, count in long["failed"].items())
    if causes:
        first = ", ".join(
            f"{failure['after']:.2f} s after command {failure['command']} "
            f"({'behind the proxy' if failure['behind_proxy'] else 'of the nodes'})"
            for failure in long["failures"][:SHOWN]
        )
        lines += [f"Failures by cause: {causes}. The first: {first}.", ""]
    return lines


def _problems(taken: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The problems that commands reported, one by one."""
    problems = [f"- {way}: {run['problem']}" for way, runs in taken.items() for run in runs if run.get("problem")]
    if not problems:
        return []
    return [f"{len(problems)} of the commands named a problem:", "", *problems[:SHOWN], ""]


def _failures(failed: int, requests: int) -> str:
    bound = failure_bound(requests, failed) * 1e6
    return f"{failed} of {requests:,}; under {bound:,.{0 if bound >= 10 else 1}f} in a million ({CONFIDENCE:.0%})"


def _p95(values: list[float]) -> str:
    return f"{p95(values):.2f} s" if values else "never"


def _both(values: list[float | None]) -> str:
    ended = [value for value in values if value is not None]
    if len(ended) < len(values):
        return f"they stay ({len(values) - len(ended)} of {len(values)}) | they stay"
    return f"{median(ended):.2f} s | {p95(ended):.2f} s"


def _verdict(reached: bool) -> str:
    return "met" if reached else "not met"
