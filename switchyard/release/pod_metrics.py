"""Reads what the pods of one colour have counted, and how they are, through the API server."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from switchyard.config.models.service import ServiceSettings, Track
from switchyard.errors import AccessDeniedError, ClusterError
from switchyard.kube.api import BoundedApi, ProxyRequest, is_status
from switchyard.manifests.labels import selector
from switchyard.release.pod_health import WatchedPod, watched_pods
from switchyard.release.samples import BODY_LIMIT, MetricsError, Series, parse

POD_SECONDS = 2
"""Seconds that one pod's metrics may take."""

LIST_SECONDS = 5
"""Seconds that the list of pods may take."""

PODS_AT_ONCE = 20
"""Pods that are read side by side."""

ACCEPT = {"Accept": "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5"}
"""The plain text format is asked for; where an application only has OpenMetrics, that is read too."""


@dataclass(frozen=True)
class Reading:
    """The pods of one colour at one moment.

    Attributes:
        pods: all of them.
        series: values of the watched series by the unique identifier of the pod, of the pods that answered.
        failures: why others that take requests did not, in words, by name.
        error: why nothing could be read at all, in words; empty when the pods could be listed.
        denied: whether the API server denies this user to ask a pod, or Prometheus.
        source: what messages call the Prometheus that was asked; empty when the pods were.
        source_error: why it has not answered, in words; empty when it has.
        taken: when Prometheus took the values, by the unique identifier of the pod, in seconds by its clock.
        evaluated: when it answered, in seconds by its clock.
        targets: as which it scrapes the pods, by the unique identifier of the pod.
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

    @property
    def problem(self) -> str:
        """Why the reading is not complete, in words; empty when it is."""
        if self.error or self.source_error or not self.failures:
            return self.error or self.source_error
        name, why = min(self.failures.items())
        if self.source:
            of = f"{len(self.failures)} of {len(self.failures) + len(self.series)} pods"
            return f"{self.source} has no new samples of {of} ({name}: {why})"
        return f"{len(self.failures)} of {len(self.failures) + len(self.series)} pods do not answer ({name}: {why})"


@dataclass(frozen=True)
class _Unread:
    """Why the metrics of a pod were not read.

    Attributes:
        why: in words.
        denied: whether the API server denies it.
    """

    why: str
    denied: bool = False


async def listed_pods(api: BoundedApi, namespace: str, labels: Mapping[str, str]) -> list[WatchedPod] | str:
    """The pods with some labels, in bounded time, or why they cannot be listed, in words."""
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
        settings: of the service.
        track: whose pods.
    """

    def __init__(self, api: BoundedApi, name: str, settings: ServiceSettings, track: Track) -> None:
        self._api, self._settings = api, settings
        self._labels = selector(name, track)
        self._turns = asyncio.Semaphore(PODS_AT_ONCE)

    async def read(self) -> Reading:
        """Reads every pod once, side by side and in bounded time. What does not answer is part of the reading."""
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
        )

    async def _series(self, pod: WatchedPod) -> Mapping[Series, float] | _Unread:
        """The values of a pod's series, or why there are none."""
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
                return _Unread(f"GET {watch.path} answers {answer.status}")
            return parse(answer.body, watch)
        except AccessDeniedError as error:
            return _Unread(error.summary, denied=True)
        except (ClusterError, MetricsError) as error:
            return _Unread(str(error))
