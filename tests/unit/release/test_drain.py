"""A drain asks or replaces each pod of the old colour, says what it reached, and never stops a release by an error."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.kube.access import StackKubeconfig
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.cluster import Cluster
from switchyard.release import drain as module
from switchyard.release import renewal
from switchyard.release.drain import drain, undrain
from switchyard.release.drain_report import DrainReport
from tests.support.stored_objects import KUBECONFIG

ROLLED_BACK = partial(drain, rolled_back=True)

PODS = ("backend-blue-1", "backend-blue-2", "backend-blue-3")


def status(code: int, message: str) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "apiVersion": "v1", "message": message, "code": code})


@dataclass
class PlayedCluster:
    """Blue has three pods, and green serves.

    Attributes:
        selected: colour that Service `backend` selects.
        pods: names of blue's pods.
        answers: what each pod answers next, the last answer again and again.
        renews: whether the controller replaces pods, one for each list of them.
        asked: pod and query of each request through the proxy.
        patches: content of each patch.
        deleted: name and grace period of each pod that was deleted.
        may_delete: whether the user may delete pods.
        own: pod of each request to the service's port.
        denied: whether the API server denies every request.
        rolled_back_after: requests through the proxy, after which blue serves.
    """

    selected: str = "green"
    pods: list[str] = field(default_factory=lambda: list(PODS))
    answers: dict[str, list[httpx.Response]] = field(default_factory=dict)
    renews: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    patches: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[tuple[str, str]] = field(default_factory=list)
    may_delete: bool = True
    own: list[str] = field(default_factory=list)
    denied: bool = False
    rolled_back_after: int = 1000

    def run(self, act: Callable[..., Any], colour: Colour = Colour.BLUE, *more: float, **settings: Any) -> DrainReport:
        service = BlueGreenSettings.model_validate(
            {
                "image": "ghcr.io/org/backend",
                "namespace": "shop",
                "active": "green",
                "blue": {"tag": "v1", "replicas": 3},
                "green": {"tag": "v2", "replicas": 3},
                "release": {"drain": settings},
            }
        )
        api = ClusterClient(StackKubeconfig(KUBECONFIG).login, httpx.MockTransport(self._answer))
        report: DrainReport = asyncio.run(act(Cluster(BoundedApi(api)), "backend", service, colour, *more))
        return report

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # as on a network, so that the time of a wait can end
        path = request.url.path
        if self.denied:
            return status(403, "no")
        if request.method == "PATCH":
            assert path == "/apis/apps/v1/namespaces/shop/deployments/backend-blue"
            self.patches.append(json.loads(request.content))
            return httpx.Response(200, json={})
        if request.method == "DELETE":
            return self._deleted(request)
        if "/proxy/" in path:
            return self._proxied(request)
        if path == "/api/v1/namespaces/shop/services/backend":
            if len(self.asked) >= self.rolled_back_after:
                self.selected = "blue"
            return httpx.Response(200, json={"spec": {"selector": {"app": "backend", "version": self.selected}}})
        if path == "/api/v1/namespaces/shop/pods":
            return self._listed(request)
        if path.rpartition("/")[2] in {"replicasets", "events"}:
            return httpx.Response(200, json={"items": []})
        return status(404, "not found")

    def _deleted(self, request: httpx.Request) -> httpx.Response:
        pod = request.url.path.removeprefix("/api/v1/namespaces/shop/pods/")
        if not self.may_delete:
            return status(403, "pods is forbidden")
        self.deleted.append((pod, request.url.params["gracePeriodSeconds"]))
        if pod not in self.pods:
            return status(404, "not found")
        if self.renews:
            self.pods = [f"{name}-renewed" if name == pod else name for name in self.pods]
        return httpx.Response(200, json={})

    def _proxied(self, request: httpx.Request) -> httpx.Response:
        target, _, path = request.url.path.removeprefix("/api/v1/namespaces/shop/pods/").partition("/proxy")
        pod, _, port = target.partition(":")
        if port == "8000":
            assert path == "/health"
            self.own.append(pod)
            return httpx.Response(200, text="ok")
        assert (port, path) == ("8001", "/drain-connections")
        query = request.url.query.decode()
        self.asked.append((pod, query))
        answers = self.answers.get(pod, [])
        given = answers.pop(0) if len(answers) > 1 else answers[0] if answers else None
        return given or httpx.Response(200, json={"draining": query == "state=on", "connections": 0})

    def _listed(self, request: httpx.Request) -> httpx.Response:
        if "watch" in request.url.params:
            return httpx.Response(200, content=b"")
        selected = request.url.params["labelSelector"]
        assert selected == "app=backend,version=blue"
        if self.patches and self.renews and (old := [pod for pod in self.pods if pod in PODS]):
            self.pods = [*(pod for pod in self.pods if pod != old[0]), f"{old[0]}-renewed"]
        containers = [{"name": "app", "image": "ghcr.io/org/backend:v1"}]
        items = [
            {
                "metadata": {"name": name, "labels": {}},
                "spec": {"containers": containers},
                "status": {"phase": "Running"},
            }
            for name in self.pods
        ]
        return httpx.Response(200, json={"metadata": {"resourceVersion": "1"}, "items": items})


def left(connections: int, *, draining: bool = True) -> httpx.Response:
    return httpx.Response(200, json={"draining": draining, "connections": connections})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> PlayedCluster:
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    return PlayedCluster()


def test_each_pod_of_the_old_colour_is_asked_until_no_connection_is_left(cluster: PlayedCluster) -> None:
    cluster.answers = {PODS[0]: [left(2), left(1), left(0)]}
    report = cluster.run(drain, method="endpoint")
    assert (report.method, report.pods, report.reached) == (DrainMethod.ENDPOINT, 3, PODS)
    assert (report.failed, report.connections_left, report.problem) == ((), 0, None)
    assert cluster.asked == [(pod, "state=on") for pod in PODS] * 3
    # Where some are left, that of the API server's own smoke test is among them.
    assert cluster.own == [PODS[0]] * 2
    assert report.summary.startswith("3 of 3 pods of blue close their connections; no connection is left after 0.")


def test_connections_that_stay_are_counted_when_the_time_is_over(cluster: PlayedCluster) -> None:
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
    cluster: PlayedCluster, answer: httpx.Response, reason: str
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


def test_a_pod_that_does_not_answer_is_asked_again(cluster: PlayedCluster) -> None:
    cluster.answers = {PODS[1]: [status(503, "dial tcp: i/o timeout"), left(0)]}
    report = cluster.run(drain, method="endpoint")
    assert (report.failed, report.problem) == ((), None)
    assert len(cluster.asked) == 6


def test_a_pod_that_ends_meanwhile_has_no_connections(cluster: PlayedCluster) -> None:
    cluster.answers = {PODS[1]: [status(404, 'pods "backend-blue-2" not found')]}
    report = cluster.run(drain, method="endpoint")
    assert (report.connections_left, report.problem) == (0, None)


@pytest.mark.parametrize("method", ["endpoint", "renew"])
def test_the_colour_that_serves_is_left_alone(cluster: PlayedCluster, method: str) -> None:
    cluster.selected = "blue"
    report = cluster.run(drain, method=method)
    assert report.method is DrainMethod.NONE
    assert "Service backend selects blue, so that blue serves and its pods keep their connections" in str(
        report.problem
    )
    assert (cluster.asked, cluster.patches) == ([], [])


def test_a_drain_ends_when_a_rollback_makes_the_colour_serve_again(cluster: PlayedCluster) -> None:
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
    cluster: PlayedCluster, act: Callable[..., Any], method: str
) -> None:
    cluster.denied = True
    report = cluster.run(act, method=method)
    if (act, method) == (undrain, "renew"):
        assert report == DrainReport(Colour.BLUE, DrainMethod.NONE)
        return
    assert "may not" in str(report.problem)


def test_a_renewal_replaces_every_pod_and_waits_until_the_old_are_gone(cluster: PlayedCluster) -> None:
    report = cluster.run(drain)
    [patch] = cluster.patches
    assert list(patch["spec"]["template"]["metadata"]["annotations"]) == ["switchyard/renewed-at"]
    assert (report.method, report.pods, report.reached) == (DrainMethod.RENEW, 3, PODS)
    assert (report.failed, report.connections_left, report.problem) == ((), 0, None)
    assert report.summary.startswith("3 of 3 pods of blue were replaced; no connection is left after ")


def test_a_renewal_that_stalls_says_so_and_that_the_old_colour_is_complete(
    cluster: PlayedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_renewal_seconds", lambda _: 0.05)
    cluster.renews = False
    report = cluster.run(drain)
    assert (report.reached, report.failed, report.connections_left) == ((), PODS, None)
    assert "3 of 3 pods were not replaced" in str(report.problem)
    assert "blue is still complete. See: kubectl -n shop rollout status deployment backend-blue" in str(report.problem)


@pytest.mark.parametrize(("settings", "grace"), [({}, "2"), ({"rollbackSeconds": 7}, "7")])
def test_all_pods_of_a_version_that_was_rolled_back_are_deleted_with_a_short_grace_period(
    cluster: PlayedCluster, settings: dict[str, Any], grace: str
) -> None:
    report = cluster.run(ROLLED_BACK, **settings)
    assert sorted(cluster.deleted) == [(pod, grace) for pod in PODS]
    assert (report.reached, report.connections_left, report.problem) == (PODS, 0, None)
    assert cluster.patches == []


def test_a_pod_that_has_ended_meanwhile_is_no_problem(cluster: PlayedCluster) -> None:
    async def delete_first(cluster_: Cluster, namespace: str, pod: str, grace: int) -> None:
        cluster.pods = [name for name in cluster.pods if name != pod]
        await original(cluster_, namespace, pod, grace)

    original = renewal._delete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renewal, "_delete", delete_first)
        report = cluster.run(ROLLED_BACK)
    assert len(cluster.deleted) == 3
    assert (report.reached, report.problem) == (PODS, None)


def test_pods_of_a_version_that_was_rolled_back_are_renewed_where_that_is_configured(cluster: PlayedCluster) -> None:
    report = cluster.run(ROLLED_BACK, rollbackSeconds=None)
    assert (len(cluster.patches), cluster.deleted, report.reached) == (1, [], PODS)


def test_pods_are_renewed_where_the_user_may_not_delete_them(cluster: PlayedCluster) -> None:
    cluster.may_delete = False
    report = cluster.run(ROLLED_BACK)
    assert (len(cluster.patches), cluster.deleted, report.problem) == (1, [], None)
    assert "The renewal of 3 pods of blue has begun" in report.summary


def test_pods_that_do_not_end_after_a_rollback_are_named(
    cluster: PlayedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "KILL_SECONDS", -3)
    monkeypatch.setattr(renewal, "NODE_SECONDS", 1.05)
    cluster.renews = False
    report = cluster.run(ROLLED_BACK)
    assert (report.failed, report.connections_left) == (PODS, None)
    assert "3 of 3 pods were not replaced" in str(report.problem)


def test_no_pod_is_deleted_that_serves(cluster: PlayedCluster) -> None:
    cluster.selected = "blue"
    report = cluster.run(ROLLED_BACK)
    assert (cluster.deleted, cluster.patches) == ([], [])
    assert "blue serves and its pods keep their connections" in str(report.problem)


def test_a_drain_of_no_time_has_begun_when_it_returns(cluster: PlayedCluster) -> None:
    report = cluster.run(drain, Colour.BLUE, 0.0)
    assert len(cluster.patches) == 1
    assert (report.problem, report.connections_left) == (None, None)


def test_a_colour_without_pods_has_no_connections(cluster: PlayedCluster) -> None:
    cluster.pods = []
    for method in ("endpoint", "renew"):
        report = cluster.run(drain, method=method)
        assert (report.pods, report.connections_left, report.problem) == (0, 0, None)
    assert cluster.patches == []


def test_method_none_touches_nothing(cluster: PlayedCluster) -> None:
    report = cluster.run(drain, method="none")
    assert report.summary == "Kept connections to blue are left to their owners."
    assert (cluster.asked, cluster.patches) == ([], [])


def test_pods_keep_connections_again_before_they_serve(cluster: PlayedCluster) -> None:
    report = cluster.run(undrain, method="endpoint")
    assert cluster.asked == [(pod, "state=off") for pod in PODS]
    assert (report.reached, report.problem) == (PODS, None)


def test_pods_that_may_still_close_connections_are_named(cluster: PlayedCluster) -> None:
    cluster.answers = {PODS[2]: [httpx.Response(404, text="no")]}
    report = cluster.run(undrain, method="endpoint")
    assert report.failed == (PODS[2],)
    assert "SY-P041: pods of blue may close each connection" in str(report.problem)
    assert "They answer every request" in str(report.problem)
