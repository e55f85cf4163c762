"""The section of `docs/benchmarks.md` on kept connections."""

from typing import Any

from devtools.benchmarks.kept import CLIENTS, SECONDS_AFTER
from devtools.benchmarks.long_run import CONFIDENCE, failure_bound
from devtools.benchmarks.measure import median, p95

LAST_OLD_SECONDS = 5
"""Within which the last old answer is to come, at p95."""


def kept(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """How long kept connections stay with the old colour."""
    runs = min(len(taken) for taken in found.values())
    lines = [
        "",
        "## Kept connections after a switch",
        "",
        f"{CLIENTS} clients that never close a connection, and as many behind a proxy that keeps its connections to "
        f"the nodes as a load balancer does; two real nodes, three pods a colour, {runs} switches each, there and "
        "back, in shuffled order on one cluster. Seconds from Enter to the last answer of the old colour.",
        "",
        "| way | clients of the nodes, median | p95 | behind the proxy, median | p95 | drain done, median "
        f"| failed requests | at most {LAST_OLD_SECONDS} s at p95 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way, taken in found.items():
        requests, failed = (sum(run[column] for run in taken) for column in ("requests", "failed"))
        bound = failure_bound(requests, failed)
        seconds = [run[column] for run in taken for column in ("direct", "proxied")]
        done = median([run["done"] for run in taken])
        met = None not in seconds and p95(seconds) <= LAST_OLD_SECONDS
        lines.append(
            f"| {way} | {_both([run['direct'] for run in taken])} | {_both([run['proxied'] for run in taken])} "
            f"| {done:.2f} s | {failed} of {requests:,}; under {bound * 1e6:.0f} in a "
            f"million ({CONFIDENCE:.0%}) | {'yes' if met else 'no'} |"
        )
    return [
        *lines,
        "",
        f"'They stay': the old colour still answered at the end, {SECONDS_AFTER} s after the last step. A renewal is "
        "bounded by `drain.preStopSeconds` (35 s by default), for which an old pod still answers before it gets "
        "SIGTERM. See [kept connections](kept-connections.md).",
    ]


def _both(values: list[float | None]) -> str:
    ended = [value for value in values if value is not None]
    if len(ended) < len(values):
        return f"they stay ({len(values) - len(ended)} of {len(values)}) | they stay"
    return f"{median(ended):.2f} s | {p95(ended):.2f} s"
