"""Pods as Prometheus has them: new samples alone are evidence, and what is missing is part of the reading."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.kube.prometheus import Prometheus, Sample
from switchyard.release.watch import prometheus_metrics
from switchyard.release.watch.past import PAST_SECONDS
from switchyard.release.watch.pod_metrics import PodMetrics, Reading
from switchyard.release.watch.prometheus_metrics import PrometheusMetrics
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.scraped import BUCKETS, REQUESTS, ROW, TAKEN
from switchyard.release.watch.source import sources_of
from switchyard.release.watch.watch import start_of
from tests.support.stored_objects import KUBECONFIG

NOW = 1764042600.0
URL = "http://prometheus.monitoring:9090"
NAME = f"Prometheus ({URL}, through the API server)"


def settings(**watched: Any) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "namespace": "shop",
            "active": "green",
            "blue": {"tag": "v1"},
            "green": {"tag": "v2"},
            "release": {"watch": {"prometheus": URL, "maxSampleAgeSeconds": 60, **watched}},
        }
    )


def pod(name: str, *, ready: bool = True, **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"uid": f"uid-{name}", "name": name, **metadata},
        "spec": {"containers": [{"name": "app", "image": "org/backend:v2"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions},
    }


def scraped(name: str, requests: float, failed: float = 0, *, age: float = 5, now: float = NOW) -> list[Sample]:
    """What the answer to the query has of one pod."""
    rows = [(TAKEN, {}, now - age), (REQUESTS, {"status": "200"}, requests - failed)]
    rows += [(REQUESTS, {"status": "500"}, failed)] if failed else []
    rows += [(BUCKETS, {"le": le}, requests) for le in ("0.5", "+Inf")]
    return [Sample({ROW: row, "pod": name, "job": "shop/backend", **labels}, value, now) for row, labels, value in rows]


@dataclass
class FakeMonitoring:
    """An API server with pods, and a Prometheus behind it whose answers a test sets.

    Attributes:
        pods: pods that the API server lists.
        samples: samples that Prometheus has; a response is sent as it is.
        queries: queries that Prometheus was asked.
    earlier: samples that it has of the beginning of the past.
    """

    pods: list[dict[str, Any]]
    samples: list[Sample] | httpx.Response | Exception = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    earlier: list[Sample] | httpx.Response | Exception = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = BoundedApi(ClusterClient(Login(resolve_content(KUBECONFIG)), httpx.MockTransport(self.answer)))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/pods"):
            return httpx.Response(200, json={"items": self.pods})
        self.queries.append(request.url.params["query"])
        samples = self.earlier if f" offset {PAST_SECONDS}s" in self.queries[-1] else self.samples
        if isinstance(samples, Exception):
            raise samples
        if isinstance(samples, httpx.Response):
            return samples
        result = [{"metric": dict(sample.labels), "value": [sample.evaluated, str(sample.value)]} for sample in samples]
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})

    def metrics(self, before: Reading | None = None, **watched: Any) -> PrometheusMetrics:
        prometheus = Prometheus(URL, self.api)
        return PrometheusMetrics(self.api, prometheus, "backend", settings(**watched), Track.GREEN, before)

    def read(self) -> Reading:
        return asyncio.run(self.metrics().read())

    def past(self, earlier: Reading | None = None) -> Counts:
        """The past with which a watch that begins now compares the new version."""

        async def api() -> BoundedApi:
            return self.api

        access: Any = SimpleNamespace(api=api)
        return asyncio.run(start_of(access, "backend", settings(), Track.GREEN, earlier)).past


def test_each_pod_has_its_own_counters_by_one_query() -> None:
    fake = FakeMonitoring([pod("a"), pod("b")], [*scraped("a", 100, 10), *scraped("b", 50)])
    reading = fake.read()
    assert reading.problem == ""
    assert {uid: sum(series.values()) for uid, series in reading.series.items()} == {"uid-a": 300, "uid-b": 150}
    assert (reading.taken, reading.evaluated) == ({"uid-a": NOW - 5, "uid-b": NOW - 5}, NOW)
    [asked] = fake.queries
    assert 'namespace="shop",pod=~"(a|b)"' in asked


def test_a_sample_that_is_too_old_is_no_evidence() -> None:
    reading = FakeMonitoring([pod("a"), pod("b")], [*scraped("a", 100), *scraped("b", 50, age=61)]).read()
    assert set(reading.series) == {"uid-a"}
    assert reading.problem == (
        f"{NAME} has no new samples of 1 of 2 pods (b: the last sample is 61 s old, and maxSampleAgeSeconds is 60)"
    )


def test_a_pod_without_series_is_named() -> None:
    reading = FakeMonitoring([pod("a"), pod("b")], scraped("a", 100)).read()
    assert 'b: no series http_requests_total{namespace="shop", pod="b"}' in reading.problem
    assert (
        FakeMonitoring([pod("a")]).read().problem.startswith(f"{NAME} has no new samples of 1 of 1 pods (a: no series")
    )


def test_pods_that_take_no_requests_need_no_samples() -> None:
    pods = [pod("good"), pod("starting", ready=False), pod("ending", deletionTimestamp="2026-01-01T00:00:00Z")]
    reading = FakeMonitoring(pods, scraped("good", 100)).read()
    assert (reading.problem, len(reading.pods)) == ("", 3)


def test_a_pod_that_came_lately_need_not_be_scraped_yet() -> None:
    fake = FakeMonitoring([pod("a")], scraped("a", 100))
    metrics = fake.metrics()

    async def read(at: float) -> str:
        fake.samples = scraped("a", 100, now=at)
        return (await metrics.read()).problem

    async def readings() -> list[str]:
        first = await read(NOW)
        fake.pods.append(pod("late"))
        return [first, await read(NOW + 1), await read(NOW + 60), await read(NOW + 61)]

    first, late, waiting, too_late = asyncio.run(readings())
    assert (first, late, waiting) == ("", "", "")
    assert "late: no series" in too_late


def at_moments(monkeypatch: pytest.MonkeyPatch, answers: dict[float, tuple[str, list[Sample]]]) -> dict[float, Reading]:
    """What is read at some moments, in seconds from the beginning, each with the name of the pod that is there."""
    fake, now = FakeMonitoring([]), 0.0
    monkeypatch.setattr(prometheus_metrics, "time", SimpleNamespace(monotonic=lambda: now))
    metrics = fake.metrics()

    async def readings() -> dict[float, Reading]:
        nonlocal now
        read: dict[float, Reading] = {}
        for now, (name, samples) in answers.items():
            fake.pods, fake.samples = [pod(name)], samples
            read[now] = await metrics.read()
        return read

    return asyncio.run(readings())


def test_answers_of_a_cache_are_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = scraped("a", 900, now=NOW + 30)
    moments = {0.0: scraped("a", 100), 30.0: cached, 32.0: cached, 36.0: cached, 37.0: scraped("a", 950, now=NOW + 37)}
    readings = at_moments(monkeypatch, {at: ("a", samples) for at, samples in moments.items()})
    problem = f"{NAME} answers for 6 s as of the same moment, as a cache does"
    assert {at: reading.problem for at, reading in readings.items() if reading.problem} == {36.0: problem}
    assert [len(reading.pods) for reading in readings.values()] == [1] * 5, "their health is judged in any case"


def test_a_prometheus_that_has_lost_everything_excuses_no_pod_for_its_youth(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = at_moments(
        monkeypatch,
        {0.0: ("a", scraped("a", 1)), 1.0: ("late", scraped("late", 1, now=NOW + 1)), 90.0: ("late", [])},
    )
    assert [reading.problem for at, reading in readings.items() if at < 90] == ["", ""]
    assert "late: no series" in readings[90.0].problem


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(503, text="Service Unavailable"), "answers 503: Service Unavailable"),
        (httpx.Response(422, json={"status": "error", "error": "query timed out"}), "answers 422: query timed out"),
        (httpx.ConnectError("connection refused"), "does not answer: "),
        (httpx.Response(200, text="<html>"), "answers 200: <html>"),
    ],
)
def test_a_prometheus_that_does_not_answer_leaves_the_pods_to_be_judged(
    answer: httpx.Response | Exception, words: str
) -> None:
    reading = FakeMonitoring([pod("a")], answer).read()
    assert [each.name for each in reading.pods] == ["a"]
    assert (reading.series, reading.error) == ({}, "")
    assert reading.problem.startswith(NAME)
    assert words in reading.problem


def test_without_pods_nothing_is_asked() -> None:
    fake = FakeMonitoring([])
    assert fake.read().problem == ""
    assert fake.queries == []


def test_the_target_of_before_is_followed_and_its_end_is_a_problem() -> None:
    def of(service: str, requests: float, at: float) -> list[Sample]:
        return [
            Sample({**sample.labels, "service": service}, sample.value, NOW)
            for sample in scraped("a", requests, age=NOW - at)
        ]

    fake = FakeMonitoring([pod("a")], of("backend-green", 100, NOW - 9))
    first = fake.read()
    metrics = fake.metrics(before=first)

    async def readings() -> list[Reading]:
        fake.samples = [*of("backend", 5000, NOW - 1), *of("backend-green", 130, NOW - 2)]
        both = await metrics.read()
        fake.samples = of("backend", 5000, NOW)
        return [both, await metrics.read()]

    both, gone = asyncio.run(readings())
    assert both.series["uid-a"]["http_requests_total", (("status", "200"),)] == 130
    assert "the target that was read so far has no more samples" in gone.problem


def test_the_configured_source_is_read() -> None:
    api = FakeMonitoring([]).api
    own = sources_of(api, "backend", settings(prometheus=None), [Track.BLUE, Track.GREEN])
    by_prometheus = sources_of(api, "backend", settings(), [Track.BLUE, Track.GREEN])
    assert [type(source) for source in own] == [PodMetrics] * 2
    assert [type(source) for source in by_prometheus] == [PrometheusMetrics] * 2


def test_the_past_of_a_switch_is_what_was_counted_in_the_minutes_before_it() -> None:
    earlier = [*scraped("a", 10_000, 500, age=PAST_SECONDS + 9), *scraped("restarted", 900, age=PAST_SECONDS)]
    fake = FakeMonitoring([pod("a"), pod("restarted")], [*scraped("a", 10_400, 501), *scraped("restarted", 20, 2)])
    fake.earlier = earlier
    past = fake.past()
    assert (past.requests, past.failed) == (420, 3)
    assert sum(f" offset {PAST_SECONDS}s" in query for query in fake.queries) == 1
    pods_own = Reading(series={"uid-a": {}})
    assert fake.past(pods_own) == past, "the counters of the pods are those of another source"


@pytest.mark.parametrize(
    "earlier",
    [[], scraped("a", 10_000, 500, age=PAST_SECONDS + 61), httpx.Response(503, text="starting"), httpx.ReadError("")],
    ids=["no samples", "old samples", "an error", "no answer"],
)
def test_a_prometheus_without_samples_of_the_past_knows_no_past(
    earlier: list[Sample] | httpx.Response | Exception,
) -> None:
    fake = FakeMonitoring([pod("a")], scraped("a", 10_400, 501))
    fake.earlier = earlier
    assert fake.past() == Counts()


def test_the_past_is_counted_at_one_target() -> None:
    def of(service: str, requests: float, age: float) -> list[Sample]:
        samples = scraped("a", requests, age=age)
        return [Sample({**sample.labels, "service": service}, sample.value, NOW) for sample in samples]

    fake = FakeMonitoring([pod("a")], [*of("backend", 5000, 9), *of("backend-green", 130, 2)])
    fake.earlier = of("backend-green", 100, PAST_SECONDS)
    assert fake.past().requests == 30
