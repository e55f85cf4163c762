"""Pods as Prometheus has them: new samples alone are evidence, and what is missing is part of the reading."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from switchyard.codes import Code
from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.config.models.watch import Watch
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.kube.prometheus import Prometheus, Sample
from switchyard.release.pod_health import WatchedPod
from switchyard.release.pod_metrics import PodMetrics, Reading
from switchyard.release.prometheus_metrics import PrometheusMetrics
from switchyard.release.samples import Counts, Series
from switchyard.release.sampling import Sampling
from switchyard.release.scraped import BUCKETS, REQUESTS, ROW, TAKEN
from switchyard.release.verdict import Outcome, Verdict
from switchyard.release.watch import Start, Watcher
from switchyard.release.watch_source import sources_of
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
class Played:
    """An API server with pods, and a Prometheus behind it whose answers a test sets.

    Attributes:
        pods: that are listed.
        samples: that Prometheus has; a response is sent as it is.
        queries: that it was asked.
    """

    pods: list[dict[str, Any]]
    samples: list[Sample] | httpx.Response | Exception = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = BoundedApi(ClusterClient(Login(resolve_content(KUBECONFIG)), httpx.MockTransport(self.answer)))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/pods"):
            return httpx.Response(200, json={"items": self.pods})
        self.queries.append(request.url.params["query"])
        if isinstance(self.samples, Exception):
            raise self.samples
        if isinstance(self.samples, httpx.Response):
            return self.samples
        result = [
            {"metric": dict(sample.labels), "value": [sample.evaluated, str(sample.value)]} for sample in self.samples
        ]
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})

    def metrics(self, before: Reading | None = None, **watched: Any) -> PrometheusMetrics:
        prometheus = Prometheus(URL, self.api)
        return PrometheusMetrics(self.api, prometheus, "backend", settings(**watched), Track.GREEN, before)

    def read(self) -> Reading:
        return asyncio.run(self.metrics().read())


def test_each_pod_has_its_own_counters_by_one_query() -> None:
    played = Played([pod("a"), pod("b")], [*scraped("a", 100, 10), *scraped("b", 50)])
    reading = played.read()
    assert reading.problem == ""
    assert {uid: sum(series.values()) for uid, series in reading.series.items()} == {"uid-a": 300, "uid-b": 150}
    assert (reading.taken, reading.evaluated) == ({"uid-a": NOW - 5, "uid-b": NOW - 5}, NOW)
    [asked] = played.queries
    assert 'namespace="shop",pod=~"(a|b)"' in asked


def test_a_sample_that_is_too_old_is_no_evidence() -> None:
    reading = Played([pod("a"), pod("b")], [*scraped("a", 100), *scraped("b", 50, age=61)]).read()
    assert set(reading.series) == {"uid-a"}
    assert reading.problem == (
        f"{NAME} has no new samples of 1 of 2 pods (b: the last sample is 61 s old, and maxSampleAgeSeconds is 60)"
    )


def test_a_pod_without_series_is_named() -> None:
    reading = Played([pod("a"), pod("b")], scraped("a", 100)).read()
    assert 'b: no series http_requests_total{namespace="shop", pod="b"}' in reading.problem
    assert Played([pod("a")]).read().problem.startswith(f"{NAME} has no new samples of 1 of 1 pods (a: no series")


def test_pods_that_take_no_requests_need_no_samples() -> None:
    pods = [pod("good"), pod("starting", ready=False), pod("ending", deletionTimestamp="2026-01-01T00:00:00Z")]
    reading = Played(pods, scraped("good", 100)).read()
    assert (reading.problem, len(reading.pods)) == ("", 3)


def test_a_pod_that_came_lately_need_not_be_scraped_yet() -> None:
    played = Played([pod("a")], scraped("a", 100))
    metrics = played.metrics()

    async def read(at: float) -> str:
        played.samples = scraped("a", 100, now=at)
        return (await metrics.read()).problem

    async def readings() -> list[str]:
        first = await read(NOW)
        played.pods.append(pod("late"))
        return [first, await read(NOW + 1), await read(NOW + 60), await read(NOW + 61)]

    first, late, waiting, too_late = asyncio.run(readings())
    assert (first, late, waiting) == ("", "", "")
    assert "late: no series" in too_late


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
    reading = Played([pod("a")], answer).read()
    assert [each.name for each in reading.pods] == ["a"]
    assert (reading.series, reading.error) == ({}, "")
    assert reading.problem.startswith(NAME)
    assert words in reading.problem


def test_without_pods_nothing_is_asked() -> None:
    played = Played([])
    assert played.read().problem == ""
    assert played.queries == []


def test_the_target_of_before_is_followed_and_its_end_is_a_problem() -> None:
    def of(service: str, requests: float, at: float) -> list[Sample]:
        return [
            Sample({**sample.labels, "service": service}, sample.value, NOW)
            for sample in scraped("a", requests, age=NOW - at)
        ]

    played = Played([pod("a")], of("backend-green", 100, NOW - 9))
    first = played.read()
    metrics = played.metrics(before=first)

    async def readings() -> list[Reading]:
        played.samples = [*of("backend", 5000, NOW - 1), *of("backend-green", 130, NOW - 2)]
        both = await metrics.read()
        played.samples = of("backend", 5000, NOW)
        return [both, await metrics.read()]

    both, gone = asyncio.run(readings())
    assert both.series["uid-a"]["http_requests_total", (("status", "200"),)] == 130
    assert "the target that was followed has no samples any more" in gone.problem


def test_the_configured_source_is_read() -> None:
    api = Played([]).api
    own = sources_of(api, "backend", settings(prometheus=None), [Track.BLUE, Track.GREEN])
    by_prometheus = sources_of(api, "backend", settings(), [Track.BLUE, Track.GREEN])
    assert [type(source) for source in own] == [PodMetrics] * 2
    assert [type(source) for source in by_prometheus] == [PrometheusMetrics] * 2


WATCH = Watch(seconds=60, prometheus=URL)
POD = WatchedPod("one", "a", ready=True)


def reading(requests: float, failed: float = 0, *, slow: float = 0, at: float, now: float = NOW) -> Reading:
    """What Prometheus has of one pod, taken at a moment."""
    series: dict[Series, float] = {
        ("http_requests_total", (("status", "200"),)): requests - failed,
        ("http_requests_total", (("status", "500"),)): failed,
        ("http_request_duration_seconds_bucket", (("le", "0.5"),)): requests - slow,
        ("http_request_duration_seconds_bucket", (("le", "+Inf"),)): requests,
    }
    return Reading((POD,), {POD.uid: series}, source=NAME, taken={POD.uid: at}, evaluated=now)


def judged(start: Reading, *of_looks: Reading | Callable[[float], Reading], every: float = 1.0) -> Verdict:
    watcher = Watcher(WATCH, Start(start, Reading(), Counts()), 0.0)
    for number, look in enumerate(of_looks, 1):
        verdict = watcher.add(look if isinstance(look, Reading) else look(number * every), number * every)
    return verdict


def test_the_same_sample_seen_again_is_no_further_evidence() -> None:
    start = reading(1000, at=0)
    verdict = judged(start, *[reading(1300, 1, at=15)] * 40)
    assert (verdict.requests, verdict.failed, verdict.outcome) == (300, 1, Outcome.UNDECIDED)


def test_a_counter_that_has_begun_anew_counts_from_zero() -> None:
    verdict = judged(reading(1000, 900, at=0), reading(20, 0, at=15), reading(620, 0, at=30))
    assert (verdict.requests, verdict.failed, verdict.outcome) == (620, 0, Outcome.PASS)


def test_a_series_that_vanishes_and_comes_back_has_not_begun_anew() -> None:
    gone = Reading((POD,), {}, {POD.name: "no series"}, source=NAME, evaluated=NOW)
    verdict = judged(reading(1000, 500, at=0), gone, reading(1600, 500, at=30))
    assert (verdict.requests, verdict.failed) == (600, 0)
    one_row = reading(1300, 500, at=15)
    without_failures = {key: value for key, value in one_row.series["one"].items() if "500" not in str(key)}
    partly = Reading((POD,), {"one": without_failures}, source=NAME, taken={"one": 15.0}, evaluated=NOW)
    verdict = judged(reading(1000, 500, at=0), partly, reading(1600, 500, at=30))
    assert (verdict.requests, verdict.failed) == (600, 0)


def test_without_a_sample_since_the_beginning_the_metrics_are_unreadable() -> None:
    start = reading(1000, at=NOW - 20)
    verdict = judged(start, *[reading(1000, at=NOW - 20)] * 5)
    assert (verdict.outcome, verdict.code) == (Outcome.UNDECIDED, Code.PROMETHEUS_UNREADABLE)
    assert f"{NAME} has no sample since the watch began, the last one is 20 s old" in verdict.sentence


def test_a_prometheus_that_is_gone_is_no_success_whatever_was_seen_before() -> None:
    gone = Reading((POD,), source=NAME, source_error=f"{NAME} does not answer: ConnectError: refused")
    good = reading(3000, at=15)
    passing = judged(reading(1000, at=0), good)
    verdict = judged(reading(1000, at=0), good, *[gone] * 11)
    assert passing.outcome is Outcome.PASS
    assert (verdict.outcome, verdict.code) == (Outcome.UNDECIDED, Code.PROMETHEUS_UNREADABLE)
    assert verdict.sentence.endswith(
        f"because its metrics cannot be read: {NAME} does not answer: ConnectError: refused."
    )


def test_the_pods_are_judged_though_prometheus_is_gone() -> None:
    crashing = WatchedPod("one", "a", ready=True, restarts=5)
    gone = Reading((crashing,), source=NAME, source_error="gone")
    assert judged(reading(1000, at=0), gone).outcome is Outcome.BREACH


def test_one_burst_of_slow_requests_condemns_nothing_however_many_pods_show_it() -> None:
    def pods(moment: float, slow: float) -> Reading:
        """Ten pods, scraped a second apart."""
        every = {f"p{number}": reading(20 * moment, slow=slow, at=moment).series["one"] for number in range(10)}
        taken = {uid: moment + int(uid[1:]) for uid in every}
        listed = tuple(WatchedPod(uid, uid, ready=True) for uid in every)
        return Reading(listed, every, source=NAME, taken=taken, evaluated=NOW)

    def looks(before: Reading, after: Reading) -> list[Reading]:
        """The scrapes of one round come in, pod by pod."""
        order = sorted(after.taken, key=lambda uid: after.taken[uid])
        return [
            Reading(
                after.pods,
                {uid: (after if uid in order[:number] else before).series[uid] for uid in order},
                source=NAME,
                taken={uid: (after if uid in order[:number] else before).taken[uid] for uid in order},
                evaluated=NOW,
            )
            for number in range(1, 11)
        ]

    zero, first, second = pods(0, 0), pods(15, 40), pods(30, 240)
    # Of 15 s of requests those of two are slow, in every pod: 13 %, where 5 % may.
    burst = judged(zero, *looks(zero, first))
    assert burst.outcome is not Outcome.BREACH
    # In the next round those of ten seconds are.
    assert judged(zero, *looks(zero, first), *looks(first, second)).outcome is Outcome.BREACH


def test_the_time_that_samples_cover_counts_once() -> None:
    sampling = Sampling()
    assert sampling.add(Reading()) is None
    covered = [sampling.add(reading(1, at=at)) for at in (10.0, 10.0, 25.0, 24.0, 26.0)]
    assert covered == [0, 0, 15, 0, 1]
