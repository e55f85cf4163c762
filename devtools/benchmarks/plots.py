"""Plots of what users saw around a switch, and of how long kept connections stay."""

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

from devtools.benchmarks.measure import p95
from devtools.benchmarks.method import TAGS
from devtools.benchmarks.report_kept import LAST_OLD_SECONDS, last
from devtools.benchmarks.traffic import BIN_SECONDS, SECONDS_BEFORE

mpl.use("Agg")

COLOURS = {"blue": "#3b6fb6", "green": "#3a9a5c", "failed": "#c0392b"}


def plot_switches(runs: dict[str, list[dict[str, Any]]], target: Path) -> None:
    """Draws answers by version over time, one row a method, of the run whose command took the median time."""
    figure, rows = pyplot.subplots(len(runs), 1, figsize=(9, 1.3 * len(runs) + 0.6), sharey=True)
    for axes, (method, measured) in zip(rows, runs.items(), strict=True):
        middle = statistics.median_low([run["done"] for run in measured])
        run = next(run for run in measured if run["done"] == middle)
        answers = run["answers"]
        length = max(map(len, answers.values()))
        times = [number * BIN_SECONDS - SECONDS_BEFORE for number in range(length)]
        bottom = [0.0] * length
        for label, colour in (*((TAGS[name], COLOURS[name]) for name in TAGS), ("failed", COLOURS["failed"])):
            heights = [count / BIN_SECONDS for count in answers.get(label, [])]
            heights += [0.0] * (length - len(heights))
            axes.bar(times, heights, BIN_SECONDS, bottom=bottom, color=colour, align="edge", label=label)
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        axes.axvline(0, color="black", linewidth=0.8)
        axes.axvline(run["done"], color="black", linewidth=0.8, linestyle="--")
        axes.set_title(f"{method}: done after {run['done']:.2f} s", fontsize=8, loc="left", pad=2)
        axes.tick_params(labelsize=7)
        axes.margins(x=0)
    rows[0].legend(fontsize=7, ncols=3, loc="lower left")
    rows[-1].set_xlabel("seconds from the start of the command (solid) to its end (dashed)", fontsize=8)
    figure.supylabel("answers a second, new connections", fontsize=8)
    figure.tight_layout()
    figure.savefig(target, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def plot_kept(rows: dict[str, list[dict[str, Any]]], target: Path) -> None:
    """Draws the last old answer of each run, one row a method; an arrow where the old version still answered."""
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(rows) + 1.1))
    seconds = {method: [last(run) for run in taken] for method, taken in rows.items()}
    longest = max((value for values in seconds.values() for value in values if value is not None), default=1.0)
    edge = max(longest, LAST_OLD_SECONDS) * 3
    for row, values in enumerate(reversed(seconds.values())):
        ended = [value for value in values if value is not None]
        axes.plot(ended, [row] * len(ended), "o", color=COLOURS["blue"], alpha=0.4, markersize=5)
        if len(ended) < len(values):
            axes.plot([edge], [row], ">", color=COLOURS["failed"], markersize=8, clip_on=False)
            axes.annotate(
                f"{len(values) - len(ended)} of {len(values)} not closed    ",
                (edge, row),
                ha="right",
                va="center",
                fontsize=7,
            )
        else:
            axes.plot([p95(ended)], [row], "|", color="black", markersize=14)
    axes.axvline(LAST_OLD_SECONDS, color=COLOURS["green"], linewidth=0.9, linestyle="--")
    axes.set_xscale("log")
    axes.annotate(f" {LAST_OLD_SECONDS} s", (LAST_OLD_SECONDS, len(seconds) - 0.4), va="bottom", fontsize=7)
    axes.set_xlim(right=edge)
    axes.set_ylim(-0.6, len(seconds) - 0.4)
    axes.set_yticks(range(len(seconds)), [_shown(method) for method in reversed(seconds)], fontsize=7)
    axes.set_xlabel(
        "seconds from the start of the command to the last answer of the old version over a kept connection: each run, "
        "and p95 (|)",
        fontsize=8,
    )
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(axis="x", linewidth=0.3)
    figure.tight_layout()
    figure.savefig(target, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _shown(method: str) -> str:
    """Breaks the name of a method into two lines at most."""
    name, _, more = method.partition(", long run")
    return f"{name}\n(long run{more})" if more else name
