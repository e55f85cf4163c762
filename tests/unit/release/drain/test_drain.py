"""A drain asks each pod of the old colour, says what it reached, and never stops a release by an error."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.release.drain import drain as module
from switchyard.release.drain.drain import drain, undrain
from switchyard.release.drain.report import DrainReport
from tests.support.fake_drain import PODS, FakeCluster, left, status


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    return FakeCluster()


def test_each_pod_of_the_old_colour_is_asked_until_no_connection_is_left(cluster: FakeCluster) -> None:
    cluster.answers = {PODS[0]: [left(2), left(1), left(0)]}
    report = cluster.run(drain, method="endpoint")
    assert (report.method, report.pods, report.reached) == (DrainMethod.ENDPOINT, 3, PODS)
    assert (report.failed, report.connections_left, report.problem) == ((), 0, None)
    assert cluster.asked == [(pod, "state=on") for pod in PODS] * 3
    # Where some are left, that of the API server's own smoke test is among them.
    assert cluster.own == [PODS[0]] * 2
    assert report.summary.startswith("3 of 3 pods of blue close their connections; no connection is left after 0.")


def test_connections_that_stay_are_counted_when_the_time_is_over(cluster: FakeCluster) -> None:
    cluster.answers = {PODS[0]: [left(2)], PODS[2]: [left(5)]}
    report = cluster.run(drain, method="endpoint", graceSeconds=0)
    assert (report.connections_left, report.problem) == (7, None)
    assert "7 connections are left, idle or long-lived" in report.summary
    assert report.as_json() | {"seconds": 0} == {
        "colour": "blue",
        "method": "endpoint",
        "pods": 3,
        "reached": list(PODS),
        "failed": [],
        "connectionsLeft": 7,
        "seconds": 0,
        "problem": None,
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(404, text="Not Found"), "answered 404: 'Not Found', expected 200 and"),
        (httpx.Response(200, text="<html>an application of one page</html>"), "answered 200: '<html>"),
        (left(1, draining=False), "answered 200: "),
        (httpx.Response(200, json={"draining": True, "connections": "many"}), "answered 200: "),
        (httpx.Response(200, json=[]), "answered 200: '[]'"),
        (status(503, "dial tcp 10.0.0.1:8001: connect: connection refused"), "does not listen at port 8001"),
        (status(403, "may not"), "was not asked: the kubeconfig's user may not get pods/proxy"),
    ],
)
def test_a_pod_without_the_endpoint_is_named_with_what_it_answered(
    cluster: FakeCluster, answer: httpx.Response, reason: str
) -> None:
    cluster.answers = {PODS[1]: [answer]}
    report = cluster.run(drain, method="endpoint", graceSeconds=3600)
    assert (report.reached, report.failed, report.connections_left) == ((PODS[0], PODS[2]), (PODS[1],), None)
    assert report.problem is not None
    assert f"{PODS[1]} {reason}" in report.problem
    assert "SY-P040: kept connections stay with blue" in report.problem
    assert "green gets every new connection" in report.problem
    assert "pulumi config set --path 'switchyard:services.backend.release.drain.method' renew" in report.problem
    assert len(cluster.asked) == 3, "asking again does not help"


def test_a_pod_that_does_not_answer_is_asked_again(cluster: FakeCluster) -> None:
    cluster.answers = {PODS[1]: [status(503, "dial tcp: i/o timeout"), left(0)]}
    report = cluster.run(drain, method="endpoint")
    assert (report.failed, report.problem) == ((), None)
    assert len(cluster.asked) == 6


def test_a_pod_that_ends_meanwhile_has_no_connections(cluster: FakeCluster) -> None:
    cluster.answers = {PODS[1]: [status(404, 'pods "backend-blue-2" not found')]}
    report = cluster.run(drain, method="endpoint")
    assert (report.connections_left, report.problem) == (0, None)


@pytest.mark.parametrize("method", ["endpoint", "renew"])
def test_the_colour_that_serves_is_left_alone(cluster: FakeCluster, method: str) -> None:
    cluster.selected = "blue"
    report = cluster.run(drain, method=method)
    assert report.method is DrainMethod.NONE
    assert "Service backend selects blue, so that blue serves and its pods keep their connections" in str(
        report.problem
    )
    assert (cluster.asked, cluster.patches) == ([], [])


def test_a_drain_ends_when_a_rollback_makes_the_colour_serve_again(cluster: FakeCluster) -> None:
    cluster.answers = {pod: [left(4)] for pod in PODS}
    cluster.rolled_back_after = 6
    report = cluster.run(drain, method="endpoint")
    assert cluster.asked == [*((pod, "state=on") for pod in PODS)] * 2 + [(pod, "state=off") for pod in PODS]
    assert "Service backend selects blue, so that blue serves and its pods keep their connections" in str(
        report.problem
    )


@pytest.mark.parametrize("act", [drain, undrain])
@pytest.mark.parametrize("method", ["endpoint", "renew"])
def test_a_cluster_that_does_not_answer_is_a_report_and_no_error(
    cluster: FakeCluster, act: Callable[..., Any], method: str
) -> None:
    cluster.denied = True
    report = cluster.run(act, method=method)
    if (act, method) == (undrain, "renew"):
        assert report == DrainReport(Colour.BLUE, DrainMethod.NONE)
        return
    assert "may not" in str(report.problem)
    if act is drain:
        restart = "kubectl -n shop rollout restart deployment backend-blue"
        remedies = {"endpoint": "release.drain.method' renew", "renew": restart}
        proposed = {own for own, remedy in remedies.items() if remedy in str(report.problem)}
        assert proposed == {method}, "a method that is in use already is no remedy"


def test_a_colour_without_pods_has_no_connections(cluster: FakeCluster) -> None:
    cluster.pods = []
    for method in ("endpoint", "renew"):
        report = cluster.run(drain, method=method)
        assert (report.pods, report.connections_left, report.problem) == (0, 0, None)
    assert cluster.patches == []


def test_method_none_touches_nothing(cluster: FakeCluster) -> None:
    report = cluster.run(drain, method="none")
    assert report.summary == "Kept connections to blue are left open."
    assert (cluster.asked, cluster.patches) == ([], [])


def test_pods_keep_connections_again_before_they_serve(cluster: FakeCluster) -> None:
    report = cluster.run(undrain, method="endpoint")
    assert cluster.asked == [(pod, "state=off") for pod in PODS]
    assert (report.reached, report.problem) == (PODS, None)


def test_pods_that_may_still_close_connections_are_named(cluster: FakeCluster) -> None:
    cluster.answers = {PODS[2]: [httpx.Response(404, text="no")]}
    report = cluster.run(undrain, method="endpoint")
    assert report.failed == (PODS[2],)
    assert "SY-P041: pods of blue may close each connection" in str(report.problem)
    assert "They answer every request" in str(report.problem)
