"""A measure of a report: its value, its target, and the bound that its sample supports. Pure."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.release.report.proportions import lower_bound, upper_bound

DIGITS = 6
"""Number of decimal places of a share or a rate."""


@dataclass(frozen=True)
class Distribution:
    """Statistics of durations of one kind.

    Attributes:
        name: the two moments between which the duration is.
        size: number of known durations.
        median: median in seconds.
        p95: 95th percentile in seconds, by nearest rank.
        worst: longest duration in seconds.
    """

    name: str
    size: int
    median: float | None = None
    p95: float | None = None
    worst: float | None = None

    @classmethod
    def of(cls, name: str, values: Iterable[float | None]) -> "Distribution":
        """Computes the statistics of the known durations."""
        known = sorted(value for value in values if value is not None)
        if not known:
            return cls(name, 0)
        rank = math.ceil(0.95 * len(known)) - 1
        return cls(name, len(known), seconds(statistics.median(known)), seconds(known[rank]), seconds(known[-1]))

    def to_json(self) -> dict[str, Any]:
        """The JSON of the statistics."""
        return {
            "name": self.name,
            "size": self.size,
            "medianSeconds": self.median,
            "p95Seconds": self.p95,
            "worstSeconds": self.worst,
        }


@dataclass(frozen=True)
class Measure:
    """One measure of a report.

    Attributes:
        name: name of the measure in `--json`.
        title: name of the measure for people.
        unit: `share`, `seconds` or `perWeek`.
        value: value of the sample; None if the records do not have it.
        target: target as text; empty without one.
        met: whether the value meets the target; None without a value or a numeric target.
        size: size of the sample.
        of: description of the sample.
        bound: bound at 95 %: a lower bound if the value should be high, otherwise an upper bound.
        supported: whether the bound meets the target too.
        note: limits of the value, or why it is unknown and which source has it.
        parts: statistics of the durations that it consists of.
        counts: number of samples by kind.
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
    parts: tuple[Distribution, ...] = ()
    counts: Mapping[str, int | float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the measure."""
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
    """A duration in seconds with three decimal places."""
    return round(value, 3)


def share(hits: float, total: float) -> float | None:
    """The share in a sample; None without a sample."""
    return round(hits / total, DIGITS) if total else None


def at_least(hits: int, total: int) -> float | None:
    """The lower bound of a share at 95 %; None without a sample."""
    return round(lower_bound(hits, total), DIGITS) if total else None


def at_most(hits: int, total: int) -> float | None:
    """The upper bound of a share at 95 %; None without a sample."""
    return round(upper_bound(hits, total), DIGITS) if total else None
