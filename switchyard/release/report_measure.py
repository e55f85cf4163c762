"""One measure of a report: its value and target, and the bound that its sample supports. Pure."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.release.proportions import lower_bound, upper_bound

DIGITS = 6
"""Digits after the point of a share or a rate."""


@dataclass(frozen=True)
class Spread:
    """Durations of one kind.

    Attributes:
        name: the two moments between which the duration is.
        size: how many are known.
        median: of them, in seconds.
        p95: 95th percentile of them by nearest rank.
        worst: the longest.
    """

    name: str
    size: int
    median: float | None = None
    p95: float | None = None
    worst: float | None = None

    @classmethod
    def of(cls, name: str, values: Iterable[float | None]) -> "Spread":
        """The spread of the durations that are known."""
        known = sorted(value for value in values if value is not None)
        if not known:
            return cls(name, 0)
        rank = math.ceil(0.95 * len(known)) - 1
        return cls(name, len(known), seconds(statistics.median(known)), seconds(known[rank]), seconds(known[-1]))

    def to_json(self) -> dict[str, Any]:
        """The spread as `--json` prints it."""
        return {
            "name": self.name,
            "size": self.size,
            "medianSeconds": self.median,
            "p95Seconds": self.p95,
            "worstSeconds": self.worst,
        }


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: in `--json`.
        title: for people.
        unit: `share`, `seconds` or `perWeek`.
        value: value of the sample; None where the records do not have it.
        target: in words; empty where there is none.
        met: whether the value meets the target; None where there is no value, or no target in figures.
        size: size of the sample.
        of: what the sample is of.
        bound: what the sample supports at 95 %: a lower bound of what is to be high, or an upper one.
        supported: whether that bound meets the target too.
        note: what the value does not say, or why it is unknown and what would give it.
        parts: the durations that it is made of.
        counts: the sample by kind.
    """

    name: str
    title: str
    unit: str
    value: float | None = None
    target: str = ""
    met: bool | None = None
    size: int = 0
    of: str = ""
    bound: float | None = None
    supported: bool | None = None
    note: str = ""
    parts: tuple[Spread, ...] = ()
    counts: Mapping[str, int | float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The measure as `--json` prints it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": self.target or None,
            "met": self.met,
            "sample": {"of": self.of, "size": self.size, "counts": dict(self.counts)},
            "bound": self.bound,
            "supported": self.supported,
            "note": self.note or None,
            "parts": [part.to_json() for part in self.parts],
        }


def seconds(value: float) -> float:
    """A duration with three digits after the point."""
    return round(value, 3)


def share(hits: float, total: float) -> float | None:
    """A share of a sample; None without one."""
    return round(hits / total, DIGITS) if total else None


def at_least(hits: int, total: int) -> float | None:
    """The share that a sample supports as the least; None without one."""
    return round(lower_bound(hits, total), DIGITS) if total else None


def at_most(hits: int, total: int) -> float | None:
    """The share that a sample supports as the largest; None without one."""
    return round(upper_bound(hits, total), DIGITS) if total else None
