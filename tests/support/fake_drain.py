"""A cluster on which connections to the old colour are ended."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.kube.access import StackKubeconfig
from switchyard.kube.api import BoundedApi
from switchyard.kube.client import ClusterClient
from switchyard.kube.cluster import Cluster
from switchyard.release.drain.report import DrainReport
from tests.support.stored_objects import KUBECONFIG

PODS = ("backend-blue-1", "backend-blue-2", "backend-blue-3")


def status(code: int, message: str) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "apiVersion": "v1", "message": message, "code": code})


@dataclass
class FakeCluster:
    """Blue has three pods, and green serves.

    Attributes:
        selected: colour that Service `backend` selects.
        pods: names of blue's pods.
        evicted: pods of blue that have ended, as by an eviction, and stay in lists.
        answers: the next answers of each pod; the last one is repeated.
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
    evicted: tuple[str, ...] = ()
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
                "status": {"phase": phase},
            }
            for names, phase in ((self.pods, "Running"), (self.evicted, "Failed"))
            for name in names
        ]
        return httpx.Response(200, json={"metadata": {"resourceVersion": "1"}, "items": items})


def left(connections: int, *, draining: bool = True) -> httpx.Response:
    return httpx.Response(200, json={"draining": draining, "connections": connections})
