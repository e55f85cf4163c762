"""Calls to an API server that is silent, or that denies: bounded, and told in words."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest

import gate.api
from gate.access import ClusterAccess, MadeKubeconfig
from gate.api import AccessDeniedError, ProxyRequest, RejectedError
from gate.cluster import Cluster

Result = TypeVar("Result")

MANIFEST = {"metadata": {"name": "backend-green", "namespace": "shop"}}
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/backend-green"
SERVICE = "/api/v1/namespaces/shop/services/backend"
PODS = "/api/v1/namespaces/shop/pods"


def denial(message: str) -> dict[str, object]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}


@dataclass
class PlayedApiServer:
    """Answers each path as it is told, and those in `silent` never.

    Attributes:
        answers: status and body by method and path.
        silent: paths of requests that it takes and leaves without an answer until it is closed.
        asked: method and path of each request.
    """

    answers: dict[tuple[str, str], tuple[int, object]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    kubeconfig: Path = Path()

    def run(self, ask: Callable[[Cluster], Awaitable[Result]]) -> Result:
        async def connected() -> Result:
            return await ask(await Cluster.connect(ClusterAccess(str(self.kubeconfig))))

        return asyncio.run(connected())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PlayedApiServer]:
    played = PlayedApiServer({("GET", "/version/"): (200, {"gitVersion": "v1.34.1"})})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            played.asked.append((self.command, path))
            if path in played.silent:
                played.closing.wait()
                return
            status, body = played.answers.get((self.command, path), (404, denial("not found")))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_PATCH = do_GET  # noqa: N815 - the name is the server's

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.kubeconfig = tmp_path / "kubeconfig"
    played.kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{http.server_port}"}}],
                "users": [{"name": "it", "user": {"token": "none"}}],
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            }
        )
    )
    thread = threading.Thread(target=lambda: http.serve_forever(poll_interval=0.01))
    thread.start()
    yield played
    played.closing.set()
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.mark.parametrize("silent", ["/version/", SERVICE])
def test_a_silent_api_server_ends_a_call_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, server: PlayedApiServer, silent: str
) -> None:
    monkeypatch.setattr(gate.api, "CALL_SECONDS", 1)
    server.silent.add(silent)
    with pytest.raises(ConnectionError, match=r"no answer to get .* in 1 s"):
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))
    assert server.asked[-1] == ("GET", silent)


def test_a_pod_that_does_not_answer_ends_its_request_in_bounded_time(server: PlayedApiServer) -> None:
    server.silent.add(f"{PODS}/one:8000/proxy/ready")
    with pytest.raises(ConnectionError, match="no answer in time"):
        server.run(lambda cluster: cluster.get_from_pod("shop", "one", 8000, ProxyRequest("/ready", 0.2)))


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_call_names_verb_resource_and_permission(server: PlayedApiServer, status: int) -> None:
    server.answers["GET", SERVICE] = (status, denial('User "ci" cannot get resource "services"'))
    with pytest.raises(AccessDeniedError) as error:
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))
    expected = f'may not get services/backend in namespace shop ({status}: User "ci" cannot get resource "services")'
    assert str(error.value) == expected


def test_a_denied_watch_is_told_like_a_denied_call(server: PlayedApiServer) -> None:
    slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    server.answers["GET", slices] = (403, denial("no list"))

    async def first(cluster: Cluster) -> object:
        return await anext(cluster.watch_endpoints("shop", "backend"))

    with pytest.raises(AccessDeniedError, match="may not list endpointslices in namespace shop"):
        server.run(first)


def test_what_is_not_there_is_no_error(server: PlayedApiServer) -> None:
    assert server.run(lambda cluster: cluster.service_selector("shop", "backend")) is None
    assert server.run(lambda cluster: cluster.pods_change(MANIFEST)) is None
    assert not server.run(lambda cluster: cluster.namespace_exists("shop"))
    assert ("PATCH", DEPLOYMENT) not in server.asked


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (403, 'User "ci" cannot patch resource "deployments"', AccessDeniedError),
        (403, "admission webhook denied the request", RejectedError),
        (422, "spec.selector: field is immutable", RejectedError),
    ],
)
def test_a_dry_run_that_is_denied_is_told_from_one_that_is_rejected(
    server: PlayedApiServer, status: int, message: str, error: type[Exception]
) -> None:
    server.answers["GET", DEPLOYMENT] = (200, {})
    server.answers["PATCH", DEPLOYMENT] = (status, denial(message))
    with pytest.raises(error, match=message):
        server.run(lambda cluster: cluster.pods_change(MANIFEST))


def test_a_denial_by_the_api_server_is_told_from_one_by_a_pod(server: PlayedApiServer) -> None:
    path = f"{PODS}/one:8000/proxy/ready"
    server.answers["GET", path] = (403, {"error": "log in first"})
    answer = server.run(lambda cluster: cluster.get_from_pod("shop", "one", 8000, ProxyRequest("/ready", 5)))
    assert (answer.status, answer.body) == (403, '{"error": "log in first"}')
    server.answers["GET", path] = (403, denial('cannot get resource "pods/proxy"'))
    with pytest.raises(AccessDeniedError, match="may not get pods/proxy in namespace shop"):
        server.run(lambda cluster: cluster.get_from_pod("shop", "one", 8000, ProxyRequest("/ready", 5)))


def test_a_cluster_that_the_stack_makes_is_reached_by_a_kubeconfig_that_is_in_no_file(server: PlayedApiServer) -> None:
    server.answers["GET", SERVICE] = (200, {"spec": {"selector": {"app": "backend"}}})
    made = MadeKubeconfig()
    access = ClusterAccess(made=made)
    assert not access.there
    made.become(server.kubeconfig.read_text())
    assert access.there

    async def selector() -> object:
        return await (await Cluster.connect(access)).service_selector("shop", "backend")

    assert asyncio.run(selector()) == {"app": "backend"}
