"""The section of `docs/benchmarks.md` on the cost of a run and its growth with the number of services."""

from collections.abc import Mapping, Sequence
from typing import Any

from devtools.benchmarks.checkouts import NEW, OLD
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.program import HELP, PREVIEW, STATUS, UPDATE
from devtools.benchmarks.targets import target, verdict

Costs = Sequence[Mapping[str, Any]]

TARGETS = {PREVIEW: {"1": 0.65, "50": 0.5, "200": 0.5}, STATUS: {"1": 0.5}}
"""The most wall and processor time of a command, relative to the compared checkout, by number of services."""

HELP_CPU_SECONDS = 0.15
"""The most processor time of `switchyard --help`."""

PREVIEW_SECONDS = 60
"""The most that a preview of 200 services without a change may take."""

GROWTH = 1.1
"""The most that an additional service may cost between the last two sizes, relative to its cost between 10 and 50."""

ROLES = ("engine", "language host", "program", "provider")


def program(results: dict[str, Any]) -> list[str]:
    """Renders the ratios to the compared checkout, then the growth, then the share of each process."""
    sizes, described = results["sizes"], results["checkouts"]
    lines = [
        "",
        "## The cost of a run by number of services",
        "",
        f"On simulated nodes. Commit {_commit(described[NEW])}"
        + (f", compared with commit {_commit(described[OLD])} in alternation" if OLD in described else "")
        + "; each has its own cluster and stack. A service is 8 resources.",
        "Between two sizes the stack grows by one update with `PULUMI_SKIP_CHECKPOINTS`, so that the engine saves the",
        "state once instead of after every resource; the measured commands run without this setting, as for a user.",
        "All plugins are installed, so the engine does not search for any.",
        "Processor time is the sum over all processes of a command: engine, language host, program and provider.",
    ]
    if OLD in described:
        lines += _ratios(sizes)
    return [*lines, *_growth(sizes), *_roles(sizes)]


def _commit(described: Mapping[str, str]) -> str:
    return f"{described['commit']} (engine {described['engine'].removeprefix('v')})"


def _ratios(sizes: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "| command | services | wall, compared | wall | ratio | CPU-s, compared | CPU-s | ratio | target |",
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
            target_cell = _target_cell(command, size, ratios, _median(costs[NEW], "cpu"))
            lines.append(f"| `{command}` | {size} | {' | '.join(cells)} | {target_cell} |")
    return lines


def _target_cell(command: str, size: str, ratios: list[float], cpu: float) -> str:
    if command == HELP:
        return f"{HELP_CPU_SECONDS} CPU-s; {verdict(cpu <= HELP_CPU_SECONDS)}"
    limit = TARGETS.get(command, {}).get(size)
    if limit is None:
        return "-"
    wall, processor = (verdict(ratio <= limit) for ratio in ratios)
    both = wall if wall == processor else f"wall {wall}, CPU {processor}"
    return f"{limit}x; {both}"


def _growth(sizes: dict[str, Any]) -> list[str]:
    ordered = sorted(sizes, key=int)
    marginal = _marginal(sizes, ordered)
    lines = ["", *marginal, ""] if marginal else [""]
    lines += [
        "| services | preview, median | p95 | CPU-s | CPU-s per additional service | memory of all processes "
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
    """The cost of an additional service among many and among few, and the time of a preview of 200."""
    lines = []
    if {"10", "50", "200", "500"} <= set(ordered):
        few, many = (_step(sizes, *pair, "cpu") for pair in (("10", "50"), ("200", "500")))
        memory_few, memory_many = (_step(sizes, *pair, "memory") for pair in (("10", "50"), ("200", "500")))
        lines += [
            f"An additional service costs a preview {few:.3f} CPU-s between 10 and 50 services and {many:.3f} between "
            f"200 and 500, **{many / few:.2f}x** {target(f'at most {GROWTH}x', many / few <= GROWTH)}, and "
            f"{memory_few:.1f} MiB and {memory_many:.1f} MiB of memory."
        ]
    if "200" in ordered:
        longest = _median(_of(sizes, "200", PREVIEW), "seconds")
        lines += [
            f"A preview of 200 services takes {longest:.1f} s "
            f"{target(f'under {PREVIEW_SECONDS} s', longest < PREVIEW_SECONDS)}."
        ]
    return lines


def _roles(sizes: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "Processor time (CPU-s) and peak memory of each process during a preview:",
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
    """The increase of a preview's median per additional service between two sizes."""
    rise = _median(_of(sizes, more, PREVIEW), key) - _median(_of(sizes, fewer, PREVIEW), key)
    return rise / (int(more) - int(fewer))


def _median(runs: Costs, key: str) -> float:
    return median([run[key] for run in runs])
