"""A colour that does not serve is unused only where its requests are seen, and none are of others than this program."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.errors import UnreachableError
from switchyard.release.drain import old_traffic as module
from switchyard.release.drain.old_traffic import OldTraffic, old_traffic
from switchyard.release.drain.report import DrainReport
from switchyard.release.watch.pod_metrics import Reading
from tests.support.observed import settings

COUNTER = ("http_requests_total", (("status", "200"),))
LOST = Reading(failures={"a": "GET /metrics answers 503"})
BARE = Reading(failures={"a": "GET /metrics answers 404"}, without_metrics=frozenset({"a"}))


def counting(**counts: float) -> Reading:
    return Reading(series={pod: {COUNTER: count} for pod, count in counts.items()})


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The simulated nodes on which all pods of the colour are; empty for real nodes."""
    nodes: set[str] = set()

    async def simulated_nodes(*_: object) -> set[str]:
        return nodes

    monkeypatch.setattr(module, "simulated_nodes", simulated_nodes)
    return nodes


def read(monkeypatch: pytest.MonkeyPatch, *readings: Reading, **release: object) -> OldTraffic:
    """What is said of pods with a reading each time; the last one is repeated."""
    left = list(readings)

    class FakeMetrics:
        def __init__(self, *_: object) -> None:
            pass

        async def read(self) -> Reading:
            return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(module, "PodMetrics", FakeMetrics)
    cluster: Any = SimpleNamespace(api=None)
    return asyncio.run(old_traffic(cluster, "backend", settings(release=release), Colour.BLUE, 0))


def test_pods_that_count_no_request_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, counting(a=7, b=9)) == OldTraffic()
    assert read(monkeypatch, Reading()) == OldTraffic(), "without pods there is nothing to see"


def test_requests_for_the_metrics_themselves_are_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, counting(a=7, b=9), counting(a=8, b=9), counting(a=9, b=9)) == OldTraffic()


def test_requests_of_others_are_counted_without_those_for_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = read(monkeypatch, counting(a=7, b=9), counting(a=8, b=9), counting(a=12, b=9))
    probes = "those of their probes too, if the application counts them"
    assert traffic == OldTraffic(used=f"its pods have answered 3 requests in 0 s ({probes})")


def test_requests_that_were_seen_count_although_another_pod_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    some = Reading(series={"b": {COUNTER: 9}}, failures=LOST.failures)
    more = Reading(series={"b": {COUNTER: 12}}, failures=LOST.failures)
    assert read(monkeypatch, some, some, more).used is not None


@pytest.mark.parametrize(
    ("readings", "why"),
    [
        ([LOST], "1 of 1 pods do not answer (a: GET /metrics answers 503)"),
        ([Reading(failures={"a": "no answer in 2 s"})], "1 of 1 pods do not answer (a: no answer in 2 s)"),
        ([Reading(error="the API server does not answer within 5 s")], "the API server does not answer within 5 s"),
        ([counting(a=7), LOST], "1 of 1 pods do not answer (a: GET /metrics answers 503)"),
        ([counting(a=7), counting(a=7), LOST], "1 of 1 pods do not answer (a: GET /metrics answers 503)"),
        (
            [Reading(failures={**LOST.failures, "b": "404"}, without_metrics=frozenset({"b"}))],
            "2 of 2 pods do not answer (a: GET /metrics answers 503)",
        ),
    ],
)
def test_pods_that_cannot_be_read_are_not_taken_for_unused(
    monkeypatch: pytest.MonkeyPatch, readings: list[Reading], why: str
) -> None:
    assert read(monkeypatch, *readings) == OldTraffic(unread=why)


def test_pods_that_did_not_answer_are_read_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, LOST, counting(a=7)) == OldTraffic()


def test_an_application_without_metrics_does_not_show_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, BARE) == OldTraffic(unseen="1 of 1 pods do not answer (a: GET /metrics answers 404)")


@pytest.mark.parametrize("series", [{("other_total", ()): 1.0}, {}])
def test_pods_without_the_counter_are_unused_only_where_the_watch_reads_it(
    monkeypatch: pytest.MonkeyPatch, series: dict[Any, float]
) -> None:
    reading = Reading(series={"a": series})
    assert read(monkeypatch, reading) == OldTraffic(), "the series begins with the first request"
    unseen = OldTraffic(unseen="its pods have no series of http_requests_total")
    assert read(monkeypatch, reading, watch={"seconds": 0}) == unseen


@pytest.mark.parametrize("watch", [{"seconds": 0}, {"prometheus": "http://prometheus.monitoring:9090"}])
def test_metrics_of_pods_are_expected_only_where_the_watch_reads_them(
    monkeypatch: pytest.MonkeyPatch, watch: dict[str, object]
) -> None:
    assert read(monkeypatch, LOST, watch=watch) == OldTraffic(unseen=LOST.problem)
    gone = Reading(error="the API server does not answer within 5 s")
    assert read(monkeypatch, gone, watch=watch) == OldTraffic(unread=gone.error)


@pytest.mark.parametrize("reading", [LOST, BARE])
def test_pods_of_simulated_nodes_get_no_requests(
    monkeypatch: pytest.MonkeyPatch, simulated: set[str], reading: Reading
) -> None:
    simulated.add("node-1")
    assert read(monkeypatch, reading) == OldTraffic()


def test_nodes_that_cannot_be_read_count_as_real(monkeypatch: pytest.MonkeyPatch) -> None:
    async def denied(*_: object) -> set[str]:
        asked.append(True)
        raise UnreachableError("no answer")

    asked: list[bool] = []
    monkeypatch.setattr(module, "simulated_nodes", denied)
    assert read(monkeypatch, BARE) == OldTraffic(unseen=BARE.problem)
    assert asked


@pytest.mark.parametrize(
    ("report", "traffic"),
    [
        (DrainReport(Colour.BLUE, DrainMethod.ENDPOINT, 2, ("a", "b"), connections_left=0), OldTraffic()),
        (
            DrainReport(Colour.BLUE, DrainMethod.ENDPOINT, 2, ("a", "b"), connections_left=4),
            OldTraffic(used="4 connections to its pods are open"),
        ),
        (
            DrainReport(Colour.BLUE, DrainMethod.ENDPOINT, 2, ("a",), ("b",), problem="SY-P040: ..."),
            OldTraffic(unread="the connections of 1 of 2 pods (b) could not be counted at /drain"),
        ),
        (
            DrainReport(Colour.BLUE, DrainMethod.ENDPOINT, problem="SY-P040: the API server does not answer"),
            OldTraffic(unread="SY-P040: the API server does not answer"),
        ),
    ],
)
def test_connections_that_cannot_be_counted_are_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch, report: DrainReport, traffic: OldTraffic
) -> None:
    async def drain(*_: object) -> DrainReport:
        return report

    monkeypatch.setattr(module, "drain", drain)
    endpoint = {"method": "endpoint", "path": "/drain", "port": 8001}
    assert read(monkeypatch, counting(a=7), drain=endpoint) == traffic
