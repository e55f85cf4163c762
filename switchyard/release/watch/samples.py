"""Reads the text format of Prometheus into requests, failures and durations that pods have counted. Pure functions."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from switchyard.codes import Code
from switchyard.config.models.watch import Watch
from switchyard.errors import SwitchyardError

BODY_LIMIT = 8 * 2**20
"""Largest size of one pod's metrics that is read, in bytes."""

SERIES_LIMIT = 5000
"""Largest number of series of the two metrics for one pod. More would take longer to read than a second."""

FAILED = re.compile(r"5..")
"""Statuses of failed requests, the same as in the analysis of a canary."""

Series = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of one series."""


class MetricsError(SwitchyardError):
    """The metrics of a pod cannot be read: they are too many, or not in the text format of Prometheus."""

    code = Code.METRICS_UNREADABLE


@dataclass(frozen=True)
class Counts:
    """Counted requests in some period.

    Attributes:
        requests: number of all requests.
        failed: number of requests with a status of 500 or more.
        buckets: number of requests that took at most as long as a boundary, by boundary in seconds, infinity included.
    """

    requests: float = 0.0
    failed: float = 0.0
    buckets: Mapping[float, float] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        """The sum of both counts."""
        boundaries = sorted({*self.buckets, *other.buckets})
        buckets = {le: self.buckets.get(le, 0.0) + other.buckets.get(le, 0.0) for le in boundaries}
        return Counts(self.requests + other.requests, self.failed + other.failed, buckets)

    @property
    def timed(self) -> float:
        """Number of requests whose duration is known."""
        return self.buckets.get(math.inf, 0.0)

    def slower(self, boundary: float) -> float:
        """Number of requests that took longer than a boundary of the histogram."""
        return max(0.0, self.timed - self.buckets[boundary])

    def quantile(self, share: float) -> float | None:
        """A quantile of the durations in seconds, as by `histogram_quantile` of Prometheus; None without any."""
        rank, lower, below = share * self.timed, 0.0, 0.0
        if not self.timed:
            return None
        for boundary, count in sorted(self.buckets.items()):
            if count >= rank:
                if math.isinf(boundary):
                    return lower
                return lower + (boundary - lower) * (rank - below) / (count - below) if count > below else boundary
            lower, below = boundary, count
        return lower


def parse(body: str, watch: Watch) -> dict[Series, float]:
    """Parses the values of the series that are watched.

    Lines of other metrics are ignored. Exemplars, timestamps and the end mark of OpenMetrics are accepted. Values
    that no counter can have (NaN, infinities, negative numbers) are left out.

    Args:
        body: metrics in the text format of Prometheus or OpenMetrics.
        watch: names and labels of what is watched.

    Raises:
        MetricsError: a line cannot be parsed, or there are too many series.
    """
    names = {watch.requests_metric, f"{watch.duration_metric}_bucket"}
    # Only a line feed ends a line: a label's value may have the other characters at which `splitlines` splits.
    lines = [line for line in body.split("\n") if _name(line) in names]
    if len(lines) > SERIES_LIMIT:
        raise MetricsError(
            f"{len(lines)} series of {watch.requests_metric} and {watch.duration_metric}, and no more than "
            f"{SERIES_LIMIT} are read"
        )
    try:
        families = list(text_string_to_metric_families("\n".join(map(without_exemplar, lines))))
    except (ValueError, IndexError) as error:
        raise MetricsError(f"not in the text format of Prometheus: {' '.join(str(error).split())[:200]}") from None
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
        for family in families
        for sample in family.samples
        if math.isfinite(sample.value) and sample.value >= 0 and watch.labels.items() <= sample.labels.items()
    }


def _name(line: str) -> str:
    return re.split(r"[{\s]", line.lstrip(), maxsplit=1)[0]


def without_exemplar(line: str) -> str:
    """A line of OpenMetrics without the exemplar at its end; a label's value may have the same characters in it."""
    quoted = escaped = False
    for at, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif character == "#" and not quoted:
            return line[:at].rstrip()
    return line


def counts_of(series: Mapping[Series, float], watch: Watch) -> Counts:
    """The requests that some series count, without requests of unknown status."""
    requests = failed = 0.0
    buckets: dict[float, float] = {}
    for (name, labels), value in series.items():
        if name == watch.requests_metric:
            status = dict(labels).get(watch.status_label, "")
            requests += value if status else 0
            failed += value if FAILED.fullmatch(status) else 0
        else:
            for boundary in _boundary(dict(labels).get("le", "")):
                buckets[boundary] = buckets.get(boundary, 0.0) + value
    return Counts(requests, failed, dict(sorted(buckets.items())))


def _boundary(text: str) -> Iterator[float]:
    try:
        value = float(text)
    except ValueError:
        return
    if not math.isnan(value):
        yield value


class Increase:
    """Converts the counters of pods, which count since their start, into the requests of the watch.

    A pod that existed at the start counts from its first reading, and a pod that was created later from zero. If a
    counter has become smaller, the process has restarted, and its whole value is new. Requests that a pod counted
    before its deletion stay counted.

    Args:
        watch: names and labels of what is watched.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._last: dict[str, Mapping[Series, float]] = {}

    def add(self, pod: str, series: Mapping[Series, float], *, born: bool) -> Counts:
        """Returns the requests that a pod has counted since its last reading.

        Args:
            pod: unique identifier of the pod, not its name.
            series: present values of its series.
            born: whether the pod was created during the watch.
        """
        before = self._last.get(pod)
        if before is None:
            self._last[pod] = series
            return counts_of(series, self._watch) if born else Counts()
        if any(value < before.get(key, 0.0) for key, value in series.items()):
            before = {}
        # A series that is missing from one reading has not restarted from zero.
        self._last[pod] = {**before, **series}
        return counts_of({key: value - before.get(key, 0.0) for key, value in series.items()}, self._watch)
