"""The section of `docs/benchmarks.md` on what runs of the program cost, and how the cost grows with the services."""

from collections.abc import Mapping, Sequence
from typing import Any

from devtools.benchmarks.checkouts import NEW, OLD
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.program import HELP, PREVIEW, STATUS, UPDATE

Costs = Sequence[Mapping[str, Any]]

TARGETS = {PREVIEW: {"1": 0.65, "50": 0.5, "200": 0.5}, STATUS: {"1": 0.5}}
"""What a command may take of the compared checkout's wall and processor time, by number of services."""

HELP_CPU_SECONDS = 0.15
"""What the help may take of processor time."""

PREVIEW_SECONDS = 60
"""What a preview of 200 services without a change may take."""

GROWTH = 1.1
"""What one more service may cost between the last two sizes, against what it costs between 10 and 50."""

ROLES = ("engine", "language host", "program", "provider")


def program(results: dict[str, Any]) -> list[str]:
    """Ratios to the compared checkout first, then growth, then which process takes what."""
    sizes, described = results["sizes"], results["checkouts"]
    lines = [
        "",
        "## What a run costs, by number of services",
        "",
        f"On simulated nodes. Commit {_commit(described[NEW])}"
        + (f" beside commit {_commit(described[OLD])}, in turn in one run" if OLD in described else "")
        + "; each has a cluster and a stack of its own. A service is 8 resources.",
        "The stack grows from each size to the next by one update with `PULUMI_SKIP_CHECKPOINTS`, so that the engine",
        "saves the state once and not after every resource; what is measured afterwards runs as it does for a user.",
        "The engine asks for no plugin that is missing, as on a machine where all are installed.",
        "Processor time is that of all processes of a command: engine, language host, program and provider.",
    ]
    if OLD in described:
        lines += _ratios(sizes)
    return [*lines, *_growth(sizes), *_roles(sizes)]


def _commit(described: Mapping[str, str]) -> str:
    return f"{described['commit']} (engine {described['engine'].removeprefix('v')})"


def _ratios(sizes: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "| command | services | wall, compared | wall | ratio | CPU-s, compared | CPU-s | ratio | to reach |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for size in sorted(sizes, key=int):
        for command, costs in sizes[size]["costs"].items():
            if OLD not in costs:
                continue
            cells, ratios = [], []
            for key in ("seconds", "cpu"):
                before, now = _median(costs[OLD], key), _median(costs[NEW], key)
                ratios.append(now / before)
                cells.append(f"{before:.2f} | {now:.2f} | {now / before:.2f}x")
            verdict = _verdict(command, size, ratios, _median(costs[NEW], "cpu"))
            lines.append(f"| `{command}` | {size} | {' | '.join(cells)} | {verdict} |")
    return lines


def _verdict(command: str, size: str, ratios: list[float], cpu: float) -> str:
    if command == HELP:
        return f"{HELP_CPU_SECONDS} CPU-s; {_met(cpu <= HELP_CPU_SECONDS)}"
    target = TARGETS.get(command, {}).get(size)
    if target is None:
        return "-"
    wall, processor = (_met(ratio <= target) for ratio in ratios)
    both = wall if wall == processor else f"wall {wall}, CPU {processor}"
    return f"{target}x; {both}"


def _growth(sizes: dict[str, Any]) -> list[str]:
    ordered = sorted(sizes, key=int)
    marginal = _marginal(sizes, ordered)
    lines = ["", *marginal, ""] if marginal else [""]
    lines += [
        "| services | preview, median | p95 | CPU-s | CPU-s a further service | memory, all at once "
        "| `up`, median | CPU-s | first update |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for number, size in enumerate(ordered):
        preview, up = _of(sizes, size, PREVIEW), _of(sizes, size, UPDATE)
        more = f"{_step(sizes, ordered[number - 1], size, 'cpu'):.3f}" if number else "-"
        lines.append(
            f"| {size} | {_median(preview, 'seconds'):.2f} s | {p95([run['seconds'] for run in preview]):.2f} s "
            f"| {_median(preview, 'cpu'):.2f} | {more} | {_median(preview, 'memory'):.0f} MiB "
            f"| {_median(up, 'seconds'):.2f} s | {_median(up, 'cpu'):.2f} "
            f"| {sizes[size]['first'][NEW]['seconds']:.0f} s |"
        )
    return lines


def _marginal(sizes: dict[str, Any], ordered: list[str]) -> list[str]:
    """What one more service costs among many, against among few; and what 200 take."""
    lines = []
    if {"10", "50", "200", "500"} <= set(ordered):
        few, many = (_step(sizes, *pair, "cpu") for pair in (("10", "50"), ("200", "500")))
        memory_few, memory_many = (_step(sizes, *pair, "memory") for pair in (("10", "50"), ("200", "500")))
        lines += [
            f"One more service costs a preview {few:.3f} CPU-s between 10 and 50 services and {many:.3f} between 200 "
            f"and 500, **{many / few:.2f}x** (to reach: at most {GROWTH}x; {_met(many / few <= GROWTH)}); of memory "
            f"{memory_few:.1f} MiB and {memory_many:.1f} MiB."
        ]
    if "200" in ordered:
        longest = _median(_of(sizes, "200", PREVIEW), "seconds")
        lines += [
            f"A preview of 200 services takes {longest:.1f} s (to reach: under {PREVIEW_SECONDS} s; "
            f"{_met(longest < PREVIEW_SECONDS)})."
        ]
    return lines


def _roles(sizes: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "Which process takes the processor time of a preview, CPU-s, and its most memory, MiB:",
        "",
        f"| services | {' | '.join(ROLES)} |",
        f"|---|{'---|' * len(ROLES)}",
    ]
    for size in sorted(sizes, key=int):
        runs = _of(sizes, size, PREVIEW)
        cells = [
            f"{median([run['cpu_by_role'].get(role, 0) for run in runs]):.2f}, "
            f"{median([run['memory_by_role'].get(role, 0) for run in runs]):.0f} MiB"
            for role in ROLES
        ]
        lines.append(f"| {size} | {' | '.join(cells)} |")
    return lines


def _of(sizes: dict[str, Any], size: str, command: str) -> Costs:
    runs: Costs = sizes[size]["costs"][command][NEW]
    return runs


def _step(sizes: dict[str, Any], fewer: str, more: str, key: str) -> float:
    """What one more service adds to the median of a preview between two sizes."""
    rise = _median(_of(sizes, more, PREVIEW), key) - _median(_of(sizes, fewer, PREVIEW), key)
    return rise / (int(more) - int(fewer))


def _median(runs: Costs, key: str) -> float:
    return median([run[key] for run in runs])


def _met(holds: bool) -> str:
    return "met" if holds else "not met"
