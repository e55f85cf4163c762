"""Turns measurements into `docs/benchmarks.md`: ratios first, then times, then memory."""

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psutil

from devtools.benchmarks import (
    evidence,
    report_canary,
    report_kept,
    report_migration,
    report_program,
    report_receipts,
    report_traffic,
    report_watched,
)
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.peers import NAIVE, OURS, PATCH
from devtools.benchmarks.targets import target
from devtools.toolchain.versions import ETCD, KUBERNETES, KUBERNETES_PROVIDER, PULUMI

TARGET_RATIO = 0.45
"""The most that a switch by this program may take, relative to the naive program."""


def machine() -> dict[str, Any]:
    """Describes the machine and the versions of the measurements."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    return {
        "processor": model,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "pulumi": PULUMI,
        "pulumi-kubernetes": KUBERNETES_PROVIDER,
        "kubernetes": KUBERNETES,
        "etcd": ETCD,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def report(data: dict[str, Any]) -> str:
    """Renders the page from the raw data."""
    sections: dict[str, Callable[[Any], list[str]]] = {
        "traffic": lambda results: report_traffic.methods(results, data.get("startup")),
        "kept": lambda results: report_kept.kept(results, data.get("kept-long")),
        "receipts": report_receipts.receipts,
        "long": report_traffic.long_run,
        "strategy-migration": report_traffic.strategy_migrations,
        "migration": report_migration.migration,
        "connections": report_traffic.connections,
        "ablation": report_traffic.ablation,
        "canary": report_canary.canary,
        "watch": report_watched.watched,
        "switch": _switch,
        "program": report_program.program,
        "evidence": evidence.report,
    }
    lines = _head(data["machine"], data["dates"], data.get("processors", {}))
    for part, section in sections.items():
        if part in data:
            lines += section(data[part])
    return "\n".join([*lines, ""])


def _head(machine: dict[str, Any], dates: dict[str, str], processors: dict[str, str]) -> list[str]:
    by_processor: dict[str, list[str]] = {}
    for part in sorted(dates):
        by_processor.setdefault(processors.get(part, "not recorded"), []).append(part)
    return [
        "# Benchmarks",
        "",
        "This page is written by `make bench`; the raw data is in [benchmarks.json](benchmarks.json).",
        "",
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"Python {machine['python']}, Pulumi {machine['pulumi']}, pulumi-kubernetes {machine['pulumi-kubernetes']}, "
        f"Kubernetes {machine['kubernetes']}, etcd {machine['etcd']}. Measured: "
        + ", ".join(f"{part} {date}" for part, date in sorted(dates.items()))
        + ". Processor, by part: "
        + "; ".join(f"{processor}: {', '.join(parts)}" for processor, parts in by_processor.items())
        + ". Compare the times of different parts only if the processor is the same.",
        "",
        "The control plane is real in every section. Sections that count users' requests run on two real nodes. "
        "Sections",
        "that measure only the tools and the API server run on simulated nodes, and say so.",
    ]


def _switch(timings: dict[str, list[dict[str, Any]]]) -> list[str]:
    def row(method: str, column: str) -> list[float]:
        return [timing[column] for timing in timings[method]]

    ratio = median(row(OURS, "done")) / median(row(NAIVE, "done"))
    selector_ratio = median(row(OURS, "selector")) / median(row(NAIVE, "selector"))
    lines = [
        "",
        "## One switch of the colour, on simulated nodes",
        "",
        "The times of the tools and the API server, without user traffic.",
        "",
        f"A whole switch by `pulumi up` takes **{ratio:.2f}x** the time of the naive program "
        f"{target(f'at most {TARGET_RATIO}x', ratio <= TARGET_RATIO)}. Until the selector has changed it takes "
        f"{selector_ratio:.2f}x.",
        f"{len(timings[OURS])} runs each, in shuffled order on one cluster; 3 pods of each colour.",
        "",
        "| method | selector changed, median | p95 | command finished, median | p95 | relative to naive |",
        "|---|---|---|---|---|---|",
    ]
    naive = median(row(NAIVE, "done"))
    for method in (PATCH, OURS, NAIVE):
        selector, done = row(method, "selector"), row(method, "done")
        lines.append(
            f"| {method} | {median(selector):.3f} s | {p95(selector):.3f} s | {median(done):.3f} s | {p95(done):.3f} s "
            f"| {median(done) / naive:.2f}x |"
        )
    lines += [
        "",
        "`kubectl patch` is faster because it only changes the selector: it runs no gate and updates no state.",
        "The naive program waits for the Service in the Kubernetes provider; this program replaces that wait by its "
        "gate.",
        "",
        "Peak memory of a switch (RSS, MiB, median):",
        "",
        "| method | engine | language host | program | provider | all processes |",
        "|---|---|---|---|---|---|",
    ]
    for method in (OURS, NAIVE):
        peaks = row(method, "peak")
        cells = [
            f"{median([peak.get(role, 0) for peak in peaks]):.0f}"  # type: ignore[attr-defined]
            for role in ("engine", "language host", "program", "provider", "all")
        ]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return lines
