"""Metrics through an API server's proxy: side by side, bounded, and every failure in words."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

import switchyard.kube.api
import switchyard.release.watch.pod_metrics
from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.kube.access import ClusterAccess, StackKubeconfig
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.release.watch.pod_metrics import PodMetrics, Reading
from switchyard.release.watch.samples import BODY_LIMIT, counts_of
from switchyard.release.watch.verdict import Outcome, Verdict
from switchyard.release.watch.watch import start_of, watch
from tests.support.stored_objects import KUBECONFIG

PODS = "/api/v1/namespaces/shop/pods"
METRICS = 'http_requests_total{status="200"} 5\n'


def settings(**watched: Any) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "namespace": "shop",
            "active": "green",
            "blue": {"tag": "v1"},
            "green": {"tag": "v2"},
            "release": {"watch": watched},
        }
    )


def pod(name: str, *, ready: bool = True, **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"uid": f"uid-{name}", "name": name, **metadata},
        "spec": {"containers": [{"name": "app", "image": "org/backend:v2"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions},
    }


class FakeProxy:
    """An API server with pods, each with its answer: a body, or a whole response."""

    def __init__(self, pods: list[dict[str, Any]], answers: Mapping[str, str | httpx.Response]) -> None:
        self.pods, self.answers = pods, answers
        self.asked: list[httpx.Request] = []
        self.at_once = self.most_at_once = 0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path == PODS:
            return httpx.Response(200, json={"items": self.pods})
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        name = request.url.path.removeprefix(f"{PODS}/").partition(":")[0]
        found = self.answers.get(name, METRICS)
        return httpx.Response(200, text=found) if isinstance(found, str) else found

    def read(self, service: BlueGreenSettings) -> Reading:
        api = BoundedApi(ClusterClient(Login(resolve_content(KUBECONFIG)), httpx.MockTransport(self.answer)))
        return asyncio.run(PodMetrics(api, "backend", service, Track.GREEN).read())


def test_every_pod_of_the_colour_is_read_side_by_side_within_a_bound() -> None:
    proxy = FakeProxy([pod(f"p{number}") for number in range(50)], {})
    service = settings()
    reading = proxy.read(service)
    counted = [counts_of(series, service.release.watch).requests for series in reading.series.values()]
    assert counted == [5.0] * 50
    assert reading.problem == ""
    assert 1 < proxy.most_at_once <= switchyard.release.watch.pod_metrics.PODS_AT_ONCE
    assert proxy.asked[0].url.params["labelSelector"] == "app=backend,version=green"
    assert proxy.asked[1].url.path == f"{PODS}/p0:8000/proxy/metrics"


def test_path_and_port_of_the_metrics_are_as_configured() -> None:
    proxy = FakeProxy([pod("p")], {})
    proxy.read(settings(path="/stats?format=prometheus", port=9090))
    assert str(proxy.asked[1].url).endswith(f"{PODS}/p:9090/proxy/stats?format=prometheus")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(404, text="not here"), "GET /metrics answers 404"),
        (httpx.Response(503, json={"kind": "Status", "apiVersion": "v1", "message": "refused"}), "does not reach it"),
        (httpx.Response(200, text='http_requests_total{status="200'), "not in the text format of Prometheus"),
        (httpx.Response(200, text="#" * (BODY_LIMIT + 1)), "the answer is larger than 8 MiB"),
        (
            httpx.Response(403, json={"kind": "Status", "apiVersion": "v1", "message": "cannot get pods/proxy"}),
            "may not get pods/proxy in namespace shop",
        ),
    ],
)
def test_a_pod_that_does_not_show_its_metrics_is_named_with_the_cause(answer: httpx.Response, words: str) -> None:
    reading = FakeProxy([pod("good"), pod("bad")], {"bad": answer}).read(settings())
    assert set(reading.series) == {"uid-good"}
    assert reading.problem.startswith("1 of 2 pods do not answer (bad: ")
    assert words in reading.problem


def test_only_an_application_that_answers_404_says_that_it_has_no_metrics() -> None:
    listed, missing, broken = [pod("good"), pod("bad")], httpx.Response(404), httpx.Response(503)
    bare = FakeProxy(listed, {"good": missing, "bad": missing}).read(settings())
    assert (bare.without_metrics, bare.shows_none) == (frozenset({"good", "bad"}), True)
    partly = FakeProxy(listed, {"good": missing, "bad": broken}).read(settings())
    assert (partly.without_metrics, partly.shows_none) == (frozenset({"good"}), False)
    assert Reading(error="no answer").shows_none is False


def test_pods_that_take_no_requests_need_not_answer() -> None:
    gone = httpx.Response(404)
    pods = [pod("good"), pod("starting", ready=False), pod("ending", deletionTimestamp="2026-01-01T00:00:00Z")]
    reading = FakeProxy(pods, {"starting": gone, "ending": gone}).read(settings())
    assert reading.problem == ""
    assert len(reading.pods) == 3


def test_pods_that_cannot_be_listed_are_an_error_in_words() -> None:
    proxy = FakeProxy([], {})

    async def denied(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500, json={"kind": "Status", "message": "etcd is gone"})

    proxy.answer = denied  # type: ignore[method-assign]
    reading = proxy.read(settings())
    assert "etcd is gone" in reading.problem
    assert (reading.pods, reading.series) == ((), {})


def test_a_silent_pod_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchyard.release.watch.pod_metrics, "POD_SECONDS", 0.05)
    proxy = FakeProxy([pod("good"), pod("silent")], {})
    answer = proxy.answer

    async def silent(request: httpx.Request) -> httpx.Response:
        if "silent" in request.url.path:
            await asyncio.Event().wait()
        return await answer(request)

    proxy.answer = silent  # type: ignore[method-assign]
    reading = proxy.read(settings())
    assert set(reading.series) == {"uid-good"}
    assert "no answer to get pods/silent:8000/metrics in 0.05 s" in reading.problem


def test_a_watch_begins_with_both_colours_and_ends_with_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = FakeProxy([pod("one", labels={"app": "backend", "version": "green"})], {})
    counted = iter(range(0, 100_000, 1000))

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/version/":
            return httpx.Response(200, json={"gitVersion": "v1.34.1"})
        proxy.answers = {"one": f'http_requests_total{{status="200"}} {next(counted)}'}
        return await proxy.answer(request)

    monkeypatch.setattr(
        switchyard.kube.api, "ClusterClient", lambda login: ClusterClient(login, httpx.MockTransport(answer))
    )
    access = ClusterAccess(stack_kubeconfig=StackKubeconfig(KUBECONFIG))
    service = settings(seconds=1, latencyP95={"enabled": False})
    ticks: list[Verdict] = []

    async def watched() -> Verdict:
        start = await start_of(access, "backend", service, Track.GREEN)
        return await watch(access, "backend", service, ticks.append, start=start)

    verdict = asyncio.run(watched())
    assert verdict.outcome is Outcome.PASS
    assert verdict.requests >= 1000
    assert ticks[-1] == verdict
    colours = [request.url.params["labelSelector"] for request in proxy.asked if request.url.path == PODS]
    # Both colours are read at once, then the new one alone.
    assert set(colours) == {"app=backend,version in (blue,green)", "app=backend,version=green"}
