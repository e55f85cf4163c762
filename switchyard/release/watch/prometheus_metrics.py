"""Reads the metrics of the pods of one colour from a Prometheus that scrapes them."""

import math
import time
from collections.abc import Mapping

from switchyard.analysis_errors import PrometheusError
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.errors import AccessDeniedError
from switchyard.kube.api import BoundedApi
from switchyard.kube.prometheus import Prometheus, Sample
from switchyard.manifests.labels import selector
from switchyard.release.watch.pod_health import WatchedPod
from switchyard.release.watch.pod_metrics import Reading, listed_pods
from switchyard.release.watch.scraped import Scrape, Target, followed, newer, query, scrapes

NO_TARGETS: frozenset[Target] = frozenset()

STILL_SECONDS = 5.0
"""Seconds after which answers of the same moment count as stale, as from a cache."""


class PrometheusMetrics:
    """The metrics of one track's pods from Prometheus.

    Args:
        api: the API server, which lists the pods.
        prometheus: the Prometheus to read, which other readers may share.
        name: the service's name in Kubernetes.
        settings: settings of the service.
        track: track of the pods.
        before: an earlier reading, whose targets are read again.
        seconds_ago: seconds before the present at which the readings are taken.
    """

    def __init__(
        self,
        api: BoundedApi,
        prometheus: Prometheus,
        name: str,
        settings: ServiceSettings,
        track: Track,
        before: Reading | None = None,
        *,
        seconds_ago: int = 0,
    ) -> None:
        self._api, self._prometheus, self._settings = api, prometheus, settings
        self._labels, self._seconds_ago = selector(name, track), seconds_ago
        known = before or Reading()
        self._targets = dict(known.targets)
        self._last = {uid: Scrape(taken, known.targets[uid], known.series[uid]) for uid, taken in known.taken.items()}
        self._first_seen: dict[str, float] = {}
        self._has_read = False
        self._evaluated, self._advanced = 0.0, time.monotonic()

    async def read(self) -> Reading:
        """Reads the last sample of every pod. The reading names pods without a usable sample."""
        pods = await listed_pods(self._api, self._settings.namespace, self._labels)
        if isinstance(pods, str):
            return Reading(error=pods)
        asked = [pod for pod in pods if pod.reachable]
        if not asked:
            return Reading(tuple(pods), source=self._prometheus.name)
        try:
            samples = await self._prometheus.ask(
                query(
                    self._settings.release.watch,
                    self._settings.namespace,
                    [pod.name for pod in asked],
                    self._seconds_ago,
                )
            )
        except PrometheusError as error:
            denied = isinstance(error.__cause__, AccessDeniedError)
            return Reading(tuple(pods), denied=denied, source=self._prometheus.name, source_error=str(error))
        return self._reading(pods, asked, samples)

    def _reading(self, pods: list[WatchedPod], asked: list[WatchedPod], samples: list[Sample]) -> Reading:
        # Both times are of Prometheus's clock, so that a wrong clock on the operator's machine has no effect.
        evaluated = self._now(samples) - self._seconds_ago
        if samples and (still := time.monotonic() - self._advanced) >= STILL_SECONDS:
            why = f"{self._prometheus.name} answers for {still:.0f} s as of the same moment, as a cache does"
            return Reading(tuple(pods), source=self._prometheus.name, source_error=why)
        by_name = scrapes(samples, self._settings.release.watch)
        for pod in asked:
            self._first_seen.setdefault(pod.uid, evaluated if self._has_read else -math.inf)
        self._has_read = True
        answers = {pod: self._scrape(pod, by_name, evaluated) for pod in asked}
        taken = {pod: answer for pod, answer in answers.items() if isinstance(answer, Scrape)}
        for pod, scrape in taken.items():
            self._last[pod.uid] = scrape
            self._targets[pod.uid] = scrape.targets | self._targets.get(pod.uid, NO_TARGETS)
        return Reading(
            tuple(pods),
            series={pod.uid: scrape.series for pod, scrape in taken.items()},
            failures={
                pod.name: why
                for pod, why in answers.items()
                if isinstance(why, str) and pod.ready and not pod.ending and not self._is_young(pod, evaluated)
            },
            source=self._prometheus.name,
            taken={pod.uid: scrape.taken for pod, scrape in taken.items()},
            evaluated=evaluated,
            targets=dict(self._targets),
        )

    def _now(self, samples: list[Sample]) -> float:
        """The time of an answer by the clock of Prometheus, which is estimated for an answer without samples."""
        now = time.monotonic()
        if not samples:
            return self._evaluated + now - self._advanced
        if samples[0].evaluated != self._evaluated:
            self._evaluated, self._advanced = samples[0].evaluated, now
        return self._evaluated

    def _scrape(self, pod: WatchedPod, by_name: Mapping[str, list[Scrape]], evaluated: float) -> Scrape | str:
        """The last scrape of a pod, or the reason why it cannot be used."""
        watch = self._settings.release.watch
        targets = self._targets.get(pod.uid, NO_TARGETS)
        limit = evaluated - watch.max_sample_age_seconds
        every = by_name.get(pod.name, [])
        # A target that has just gone may still have samples beside one that is scraped.
        fresh = [scrape for scrape in every if scrape.taken >= limit]
        scrape = followed(fresh, targets)
        if scrape is not None:
            last = self._last.get(pod.uid)
            return newer(last if last is not None and last.taken >= limit else None, scrape)
        if fresh:
            return "the target that was read so far has no more samples, and others may count otherwise"
        if every:
            age = evaluated - max(scrape.taken for scrape in every)
            return f"the last sample is {age:.0f} s old, and maxSampleAgeSeconds is {watch.max_sample_age_seconds}"
        return f'no series {watch.requests_metric}{{namespace="{self._settings.namespace}", pod="{pod.name}"}}'

    def _is_young(self, pod: WatchedPod, evaluated: float) -> bool:
        """Whether a pod is so new that Prometheus may not have scraped it yet."""
        return evaluated - self._first_seen[pod.uid] < self._settings.release.watch.max_sample_age_seconds
