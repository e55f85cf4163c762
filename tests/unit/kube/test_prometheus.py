"""Prometheus through the API server or directly: one query at a time, in bounded time, and each failure in words."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

import switchyard.kube.prometheus
from switchyard.analysis_errors import PrometheusError
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.kube.prometheus import ANSWER_LIMIT, Prometheus, Sample
from tests.support.fake_prometheus import REFUSED, SCALAR
from tests.support.stored_objects import KUBECONFIG

IN_CLUSTER, DIRECT = "http://prometheus.monitoring:9090", "http://prometheus.example.org:9090/of/shop"

Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def answered(url: str, handler: Handler) -> Prometheus:
    transport = httpx.MockTransport(handler)
    return Prometheus(url, BoundedApi(ClusterClient(Login(resolve_content(KUBECONFIG)), transport)), transport)


def always(response: httpx.Response | Exception) -> Handler:
    async def handler(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return handler


def body(*texts: str) -> dict[str, Any]:
    result = [{"metric": {"pod": "a"}, "value": [1764042600.5, text]} for text in texts]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (IN_CLUSTER, "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query"),
        (
            "https://prom.shop.svc/of/shop",
            "/api/v1/namespaces/shop/services/https:prom:443/proxy/of/shop/api/v1/query",
        ),
        (DIRECT, "/of/shop/api/v1/query"),
    ],
)
def test_a_name_of_the_cluster_is_asked_through_the_api_server(url: str, path: str) -> None:
    asked: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=body("5", "NaN"))

    first, second = asyncio.run(answered(url, handler).ask('up{pod=~"a|b"}'))
    assert first == Sample({"pod": "a"}, 5.0, 1764042600.5)
    assert second.value != second.value
    [request] = asked
    assert request.url.path == path
    assert request.url.params["query"] == 'up{pod=~"a|b"}'


@pytest.mark.parametrize("url", [IN_CLUSTER, DIRECT])
@pytest.mark.parametrize(
    ("response", "words"),
    [
        (httpx.Response(400, json=REFUSED), 'answers 400: invalid parameter "query": 1:5: parse error'),
        (httpx.Response(200, json=SCALAR), "answers 200: a scalar instead of a vector"),
        (httpx.Response(503, text="Service\n  Unavailable\n"), "answers 503: Service Unavailable"),
        (httpx.Response(503, text="a \x1b[2Jscreen\x07"), "answers 503: a [2Jscreen"),
        (httpx.Response(302, headers={"location": "https://login.example.org"}), "answers 302: "),
        (httpx.Response(200, text="<html>" + "a" * 300), "answers 200: <html>" + "a" * 193 + "…"),
        (httpx.ConnectError("connection refused"), "does not answer: "),
        (httpx.Response(200, content=b" " * (ANSWER_LIMIT + 1)), "8 MiB"),
    ],
)
def test_what_is_no_answer_names_the_address_and_the_words(
    url: str, response: httpx.Response | Exception, words: str
) -> None:
    with pytest.raises(PrometheusError) as caught:
        asyncio.run(answered(url, always(response)).ask("up"))
    assert str(caught.value).startswith(f"Prometheus ({url}")
    assert words in str(caught.value)
    assert "query=" not in str(caught.value)


@pytest.mark.parametrize("url", [IN_CLUSTER, DIRECT])
def test_a_slow_one_is_bounded(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchyard.kube.prometheus, "ANSWER_SECONDS", 0.05)

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(PrometheusError, match=r"0\.05 s$"):
        asyncio.run(answered(url, silent).ask("up"))


@pytest.mark.parametrize("url", [IN_CLUSTER, DIRECT])
def test_no_more_than_one_query_is_on_its_way(url: str) -> None:
    at_once = most_at_once = 0

    async def handler(_: httpx.Request) -> httpx.Response:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return httpx.Response(200, json=body("5"))

    prometheus = answered(url, handler)

    async def ask() -> list[list[Sample]]:
        return await asyncio.gather(*(prometheus.ask("up") for _ in range(5)))

    assert len(asyncio.run(ask())) == 5
    assert most_at_once == 1


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (503, 'no endpoints available for service "prometheus"', "is not reached: the API server answers 503: no end"),
        (404, 'services "prometheus" not found', "the API server answers 404: services"),
        (403, "forbidden", "may not get services/proxy in namespace monitoring"),
    ],
)
def test_the_words_of_the_api_server_are_not_those_of_prometheus(status: int, message: str, words: str) -> None:
    answer = httpx.Response(status, text=json.dumps({"kind": "Status", "apiVersion": "v1", "message": message}))
    with pytest.raises(PrometheusError) as caught:
        asyncio.run(answered(IN_CLUSTER, always(answer)).ask("up"))
    assert words in str(caught.value)
    assert ("`get` on services/proxy of prometheus:9090" in str(caught.value)) is (status == 403)
