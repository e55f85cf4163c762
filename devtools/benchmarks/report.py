"""Turns measurements into `docs/benchmarks.md`: ratios first, then times, then memory."""

import itertools
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psutil

from devtools.benchmarks import report_canary, report_traffic
from devtools.benchmarks.measure import median, p95
from devtools.benchmarks.peers import NAIVE, OURS, PATCH
from devtools.toolchain.versions import ETCD, KUBERNETES, KUBERNETES_PROVIDER, PULUMI

TARGET_RATIO = 0.45
"""What a switch by this program may take of the naive program's time."""

TARGET_SECONDS = 60
"""What a preview of 200 services without a change may take."""


def machine() -> dict[str, Any]:
    """What was measured on."""
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
    """The page, from the raw data."""
    sections: dict[str, Callable[[Any], list[str]]] = {
        "traffic": report_traffic.ways,
        "long": report_traffic.long_run,
        "hand-over": report_traffic.hand_overs,
        "connections": report_traffic.connections,
        "ablation": report_traffic.ablation,
        "canary": report_canary.canary,
        "switch": _switch,
        "growth": _growth,
    }
    lines = _head(data["machine"], data["dates"])
    for part, section in sections.items():
        if part in data:
            lines += section(data[part])
    return "\n".join([*lines, ""])


def _head(found: dict[str, Any], dates: dict[str, str]) -> list[str]:
    return [
        "# Benchmarks",
        "",
        "Written by `make bench`; the raw data is in [benchmarks.json](benchmarks.json).",
        f"{found['processor']}, {found['cores']} cores, {found['memory_gib']} GiB, {found['system']}; "
        f"Python {found['python']}, Pulumi {found['pulumi']}, pulumi-kubernetes {found['pulumi-kubernetes']}, "
        f"Kubernetes {found['kubernetes']}, etcd {found['etcd']}. Measured: "
        + ", ".join(f"{part} {date}" for part, date in sorted(dates.items()))
        + ".",
        "",
        "The control plane is real throughout. Where users' requests are counted, two nodes are real too; where only",
        "tools and API server are timed, all nodes are simulated, and the section says so.",
    ]


def _switch(timings: dict[str, list[dict[str, Any]]]) -> list[str]:
    def row(way: str, column: str) -> list[float]:
        return [timing[column] for timing in timings[way]]

    ratio = median(row(OURS, "done")) / median(row(NAIVE, "done"))
    selector_ratio = median(row(OURS, "selector")) / median(row(NAIVE, "selector"))
    verdict = "met" if ratio <= TARGET_RATIO else "not met"
    lines = [
        "",
        "## One switch of colour, as the tools see it",
        "",
        "On simulated nodes: times of tools and API server, with nobody to notice.",
        "",
        f"A switch by `pulumi up` takes **{ratio:.2f}x** the naive program's time from Enter to the prompt "
        f"(to reach: at most {TARGET_RATIO}x; {verdict}), and {selector_ratio:.2f}x of it from Enter to the changed "
        "selector.",
        f"{len(timings[OURS])} runs each, in shuffled order on one cluster; 3 pods of both colours.",
        "",
        "| way | selector changed, median | p95 | command done, median | p95 | against naive |",
        "|---|---|---|---|---|---|",
    ]
    naive = median(row(NAIVE, "done"))
    for way in (PATCH, OURS, NAIVE):
        selector, done = row(way, "selector"), row(way, "done")
        lines.append(
            f"| {way} | {median(selector):.3f} s | {p95(selector):.3f} s | {median(done):.3f} s | {p95(done):.3f} s "
            f"| {median(done) / naive:.2f}x |"
        )
    lines += [
        "",
        "`kubectl patch` is ahead because it does one thing: it asks no gate, and no state knows of it.",
        "The naive program waits in the provider's own wait for Services, which this program replaces by its gate.",
        "",
        "Peak memory of a switch (RSS, MiB, median):",
        "",
        "| way | engine | language host | program | provider | all at once |",
        "|---|---|---|---|---|---|",
    ]
    for way in (OURS, NAIVE):
        peaks = row(way, "peak")
        cells = [
            f"{median([peak.get(role, 0) for peak in peaks]):.0f}"  # type: ignore[attr-defined]
            for role in ("engine", "language host", "program", "provider", "all")
        ]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return lines


def _growth(sizes: dict[str, dict[str, list[dict[str, float]]]]) -> list[str]:
    def seconds(size: str, command: str) -> list[float]:
        return [run["seconds"] for run in sizes[size][command]]

    largest, smallest = max(sizes, key=int), min(sizes, key=int)
    longest = median(seconds(largest, "preview"))
    ordered = sorted(sizes, key=int)
    marginal = [
        (median(seconds(more, "preview")) - median(seconds(fewer, "preview"))) / (int(more) - int(fewer))
        for fewer, more in itertools.pairwise(ordered)
    ]
    rises = [
        f"{before:.3f} s up to {middle} services, {after:.3f} s from there to {end}"
        for (before, after), (middle, end) in zip(
            itertools.pairwise(marginal), itertools.pairwise(ordered[1:]), strict=True
        )
        if after > before
    ]
    verdict = "met" if longest <= TARGET_SECONDS else "not met"
    lines = [
        "",
        "## Growth",
        "",
        f"A preview without a change of {largest} services takes {longest / median(seconds(smallest, 'preview')):.1f}x "
        f"that of {smallest}: {longest:.1f} s (to reach: under {TARGET_SECONDS} s; {verdict}). "
        + (
            f"Growth is not linear all the way (to reach: at most linear; not met): one more service costs "
            f"{'; '.join(rises)}. What bounds it is in [architecture.md](architecture.md#what-a-preview-costs)."
            if rises
            else "One more service never costs more than the one before (to reach: at most linear; met)."
        ),
        f"{len(sizes[largest]['preview'])} runs each; a service is 8 resources.",
        "",
        "| services | preview, median | p95 | a service | up, median | p95 | memory, all at once |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sorted(sizes, key=int):
        preview, up = seconds(size, "preview"), seconds(size, "up")
        memory = median([run["all"] for run in sizes[size]["up"]])
        lines.append(
            f"| {size} | {median(preview):.2f} s | {p95(preview):.2f} s | {median(preview) / int(size):.3f} s "
            f"| {median(up):.2f} s | {p95(up):.2f} s | {memory:.0f} MiB |"
        )
    return lines
