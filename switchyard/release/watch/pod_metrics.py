"""Reads the metrics and the states of the pods of one colour through the API server."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from switchyard.config.models.service import ServiceSettings, Track
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.api import BoundedApi, ProxyRequest, is_status
from switchyard.manifests.labels import selector
from switchyard.release.watch.pod_health import WatchedPod, watched_pods
from switchyard.release.watch.samples import BODY_LIMIT, MetricsError, Series, parse

POD_SECONDS = 2
"""Time limit in seconds for the metrics of one pod."""

LIST_SECONDS = 5
"""Time limit in seconds for the list of pods."""

PODS_AT_ONCE = 20
"""Number of pods that are read at the same time."""

ACCEPT = {"Accept": "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5"}
"""Accepted formats: the plain text format, and OpenMetrics if the application has no other."""


@dataclass(frozen=True)
class Reading:
    """The pods and metrics of one colour at one moment.

    Attributes:
        pods: all pods of the colour.
        series: values of the watched series of the pods that answered, by unique identifier.
        failures: the reason why a pod that takes requests did not answer, by the name of the pod.
        error: the reason why the pods could not be listed; empty if they were.
        denied: whether the API server denies this user the access to the pods or to Prometheus.
        source: name of the Prometheus that was read, for messages; empty if the pods were read.
        source_error: the reason why Prometheus did not answer; empty if it did.
        taken: time of each pod's scrape in seconds, by the clock of Prometheus, by unique identifier.
        evaluated: time of the answer in seconds, by the clock of Prometheus.
        targets: the scrape targets of each pod, by unique identifier.
        without_metrics: names of the pods among the failures whose application answers that it has no metrics.
    """

    pods: tuple[WatchedPod, ...] = ()
    series: Mapping[str, Mapping[Series, float]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    denied: bool = False
    source: str = ""
    source_error: str = ""
    taken: Mapping[str, float] = field(default_factory=dict)
    evaluated: float = 0.0
    targets: Mapping[str, frozenset[tuple[str, ...]]] = field(default_factory=dict)
    without_metrics: frozenset[str] = frozenset()

    @property
    def shows_none(self) -> bool:
        """Whether no pod failed to answer, except those whose application has no metrics."""
        return not (self.error or self.source_error) and self.without_metrics >= self.failures.keys()

    @property
    def problem(self) -> str:
        """The reason why the reading is not complete; empty if it is."""
        if self.error or self.source_error or not self.failures:
            return self.error or self.source_error
        name, why = min(self.failures.items())
        if self.source:
            of = f"{len(self.failures)} of {len(self.failures) + len(self.series)} pods"
            return f"{self.source} has no new samples of {of} ({name}: {why})"
        return f"{len(self.failures)} of {len(self.failures) + len(self.series)} pods do not answer ({name}: {why})"


@dataclass(frozen=True)
class _Unread:
    """The reason why the metrics of a pod were not read.

    Attributes:
        why: the reason as text.
        denied: whether the API server denied the request.
        without_metrics: whether the application answers that it has no metrics.
    """

    why: str
    denied: bool = False
    without_metrics: bool = False


async def listed_pods(api: BoundedApi, namespace: str, labels: Mapping[str, str]) -> list[WatchedPod] | str:
    """The pods with some labels, or the reason why they cannot be listed. The call has a time limit."""
    try:
        async with asyncio.timeout(LIST_SECONDS):
            listed = await api.find_all("pods", namespace, labels)
    except ClusterError as error:
        return str(error)
    except TimeoutError:
        return f"the API server does not answer within {LIST_SECONDS} s"
    return watched_pods(listed["items"])


class PodMetrics:
    """The metrics of one track's pods.

    Args:
        api: the API server.
        name: the service's name in Kubernetes.
        settings: settings of the service.
        track: track of the pods.
    """

    def __init__(self, api: BoundedApi, name: str, settings: ServiceSettings, track: Track) -> None:
        self._api, self._settings = api, settings
        self._labels = selector(name, track)
        self._turns = asyncio.Semaphore(PODS_AT_ONCE)

    async def read(self) -> Reading:
        """Reads all pods once, at the same time, within a time limit. The reading has the failures too."""
        pods = await listed_pods(self._api, self._settings.namespace, self._labels)
        if isinstance(pods, str):
            return Reading(error=pods)
        asked = [pod for pod in pods if pod.reachable]
        answers = await asyncio.gather(*map(self._series, asked))
        by_pod = list(zip(asked, answers, strict=True))
        return Reading(
            pods=tuple(pods),
            series={pod.uid: answer for pod, answer in by_pod if not isinstance(answer, _Unread)},
            # A pod that is not ready takes no requests, and one that is being deleted ends at any moment.
            failures={
                pod.name: answer.why
                for pod, answer in by_pod
                if isinstance(answer, _Unread) and pod.ready and not pod.ending
            },
            denied=any(isinstance(answer, _Unread) and answer.denied for answer in answers),
            without_metrics=frozenset(
                pod.name for pod, answer in by_pod if isinstance(answer, _Unread) and answer.without_metrics
            ),
        )

    async def _series(self, pod: WatchedPod) -> Mapping[Series, float] | _Unread:
        """The values of a pod's series, or the reason why there are none."""
        watch, namespace = self._settings.release.watch, self._settings.namespace
        https = watch.port is None and self._settings.gate.smoke.scheme == "HTTPS"
        request = ProxyRequest(watch.path, POD_SECONDS, https=https, headers=ACCEPT, limit=BODY_LIMIT)
        target = f"{pod.name}:{watch.port or self._settings.port}"
        try:
            async with self._turns:
                answer = await self._api.get_through_proxy("pods", namespace, target, request)
            if is_status(answer):
                return _Unread("the API server does not reach it")
            if answer.status != httpx.codes.OK:
                is_missing = answer.status == httpx.codes.NOT_FOUND
                return _Unread(f"GET {watch.path} answers {answer.status}", without_metrics=is_missing)
            return parse(answer.body, watch)
        except AccessDeniedError as error:
            return _Unread(error.summary, denied=True)
        except (ClusterError, MetricsError) as error:
            return _Unread(str(error))
