"""Queries the last samples of pods from Prometheus, and reads the counters of each pod from the answer. Pure functions.

A pod may be scraped more than once, as the target of two Services. Its counters are then there twice, and one target
is followed. Labels of targets may be labels of the application as well, so that what was scraped at the same
moment, to the millisecond, belongs together.
"""

import math
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from switchyard.config.models.watch import Watch
from switchyard.kube.prometheus import Sample
from switchyard.release.watch.samples import Series

TARGET = ("job", "instance", "service", "endpoint", "container", "prometheus", "prometheus_replica", "replica")
"""Labels that distinguish the targets of one pod, and the replicas of one Prometheus."""

ROW = "switchyard_row"
"""Label that the query adds to each sample, with the part of the query that the sample belongs to."""

REQUESTS, BUCKETS, TAKEN = "requests", "buckets", "taken"

Target = tuple[str, ...]
"""Values of the labels of a target."""


@dataclass(frozen=True)
class Scrape:
    """The counters of one pod at its last scrape.

    Attributes:
        taken: time of the scrape, in seconds since 1970 by the clock of Prometheus.
        targets: the targets from which the counters come, to recognise them at the next scrape.
        series: values of the watched series.
    """

    taken: float
    targets: frozenset[Target]
    series: Mapping[Series, float]


def query(watch: Watch, namespace: str, pods: Collection[str], seconds_ago: int = 0) -> str:
    """The query for the last samples of some pods, and for the times at which they were taken.

    Args:
        watch: names and labels of what is watched.
        namespace: namespace of the pods.
        pods: names of the pods.
        seconds_ago: seconds before the present whose last samples are wanted.
    """
    matchers = [f'{label}="{value}"' for label, value in {**watch.labels, "namespace": namespace}.items()]
    matchers.append(f'pod=~"{_alternatives(pods)}"')
    selected = f"{{{','.join(matchers)}}}" + (f" offset {seconds_ago}s" if seconds_ago else "")
    requests, buckets = f"{watch.requests_metric}{selected}", f"{watch.duration_metric}_bucket{selected}"
    by = ",".join(("pod", *TARGET))
    parts = {
        REQUESTS: f"sum by ({by},{watch.status_label}) ({requests})",
        BUCKETS: f"sum by ({by},le) ({buckets})",
        TAKEN: f"max by ({by}) (timestamp({requests}) or timestamp({buckets}))",
    }
    return " or ".join(f'label_replace({part}, "{ROW}", "{row}", "", "")' for row, part in parts.items())


def _alternatives(pods: Collection[str]) -> str:
    """A regular expression for names of pods. Their common prefix is written once, because it is sent each second."""
    # A prefix of characters is wanted, not one of path components.
    start = os.path.commonprefix(sorted(pods)) if len(pods) > 1 else ""  # noqa: RUF071
    names = "|".join(sorted(pod.removeprefix(start) for pod in pods))
    return f"{start}({names})".replace(".", "[.]")


def scrapes(samples: Iterable[Sample], watch: Watch) -> dict[str, list[Scrape]]:
    """The scrapes of each pod by its name, in the order of their targets. Scrapes of one moment are merged.

    Values that no counter can have (NaN, infinities, negative numbers) are left out.

    Args:
        samples: the answer to the query.
        watch: names and labels of what is watched.
    """
    taken: dict[tuple[str, Target], float] = {}
    series: dict[tuple[str, Target], list[tuple[Series, float]]] = {}
    for sample in samples:
        pod, target = sample.labels.get("pod", ""), tuple(sample.labels.get(label, "") for label in TARGET)
        if not math.isfinite(sample.value) or sample.value < 0:
            continue
        if sample.labels.get(ROW) == TAKEN:
            taken[pod, target] = sample.value
        else:
            series.setdefault((pod, target), []).append((_series(sample, watch), sample.value))
    by_moment: dict[tuple[str, float], list[Target]] = {}
    for (pod, target), moment in sorted(taken.items()):
        by_moment.setdefault((pod, moment), []).append(target)
    by_pod: dict[str, list[Scrape]] = {}
    for (pod, moment), targets in by_moment.items():
        rows = [row for target in targets for row in series.get((pod, target), ())]
        by_pod.setdefault(pod, []).append(Scrape(moment, frozenset(targets), _summed(rows)))
    return by_pod


def _series(sample: Sample, watch: Watch) -> Series:
    if sample.labels.get(ROW) == BUCKETS:
        return f"{watch.duration_metric}_bucket", (("le", sample.labels.get("le", "")),)
    return watch.requests_metric, ((watch.status_label, sample.labels.get(watch.status_label, "")),)


def _summed(rows: Iterable[tuple[Series, float]]) -> dict[Series, float]:
    summed: dict[Series, float] = {}
    for series, value in rows:
        summed[series] = summed.get(series, 0.0) + value
    return summed


def followed(every: Iterable[Scrape], targets: Collection[Target]) -> Scrape | None:
    """The scrape of the target of a pod that was read before; None if the target is gone.

    Args:
        every: all scrapes of the pod, in the order of their targets.
        targets: targets that were read before; empty for a new pod.
    """
    return next((scrape for scrape in every if not targets or not scrape.targets.isdisjoint(targets)), None)


def newer(last: Scrape | None, scrape: Scrape) -> Scrape:
    """Returns the later one of two scrapes of a pod.

    Two replicas of Prometheus behind one address scrape at different times, and a query reaches either. A counter that
    is a little smaller comes from the other replica, whose clock may differ; a counter that was reset is much smaller.

    Args:
        last: the previous scrape; None for the first one.
        scrape: the new scrape.
    """
    if last is None or (scrape.taken > last.taken and not _is_a_little_smaller(last.series, scrape.series)):
        return scrape
    return last


def _is_a_little_smaller(last: Mapping[Series, float], series: Mapping[Series, float]) -> bool:
    falls = [(last[key], value) for key, value in series.items() if value < last.get(key, 0.0)]
    return bool(falls) and all(value >= before / 2 for before, value in falls)
