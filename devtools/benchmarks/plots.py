"""Plots of what users saw around a switch."""

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

from devtools.benchmarks.method import TAGS
from devtools.benchmarks.traffic import BIN_SECONDS, SECONDS_BEFORE

mpl.use("Agg")

COLOURS = {"blue": "#3b6fb6", "green": "#3a9a5c", "failed": "#c0392b"}


def plot_switches(runs: dict[str, list[dict[str, Any]]], target: Path) -> None:
    """Draws answers by version over time, one row a way, of the run whose command took the median time."""
    figure, rows = pyplot.subplots(len(runs), 1, figsize=(9, 1.3 * len(runs) + 0.6), sharey=True)
    for axes, (way, measured) in zip(rows, runs.items(), strict=True):
        middle = statistics.median_low([run["done"] for run in measured])
        run = next(run for run in measured if run["done"] == middle)
        answers = run["answers"]
        length = max(map(len, answers.values()))
        times = [number * BIN_SECONDS - SECONDS_BEFORE for number in range(length)]
        bottom = [0.0] * length
        for what, colour in (*((TAGS[name], COLOURS[name]) for name in TAGS), ("failed", COLOURS["failed"])):
            heights = [count / BIN_SECONDS for count in answers.get(what, [])]
            heights += [0.0] * (length - len(heights))
            axes.bar(times, heights, BIN_SECONDS, bottom=bottom, color=colour, align="edge", label=what)
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        axes.axvline(0, color="black", linewidth=0.8)
        axes.axvline(run["done"], color="black", linewidth=0.8, linestyle="--")
        axes.set_title(f"{way}: done after {run['done']:.2f} s", fontsize=8, loc="left", pad=2)
        axes.tick_params(labelsize=7)
        axes.margins(x=0)
    rows[0].legend(fontsize=7, ncols=3, loc="lower left")
    rows[-1].set_xlabel("seconds from the start of the command (solid) to its end (dashed)", fontsize=8)
    figure.supylabel("answers a second, new connections", fontsize=8)
    figure.tight_layout()
    figure.savefig(target, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
