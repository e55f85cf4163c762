"""Calls to an API server that is silent, or that denies: bounded, and told in words."""

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

import gate.api
from gate.access import ClusterAccess, MadeKubeconfig
from gate.answers import why_unreachable
from gate.api import AccessDeniedError, AnsweredError, ProxyRequest, RejectedError
from gate.cluster import Cluster
from gate.routing import Routing
from settings.service import Track

Result = TypeVar("Result")

MANIFEST = {"metadata": {"name": "backend-green", "namespace": "shop"}}
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/backend-green"
SERVICE = "/api/v1/namespaces/shop/services/backend"
PODS = "/api/v1/namespaces/shop/pods"


def verification(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {message}")
    error.verify_message = message
    return error


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
            text = isinstance(body, str)  # what is no answer of an API server, or not one of its newer parts
            kind = "application/json" if not text else "text/html" if str(body).startswith("<") else "text/plain"
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write((str(body) if text else json.dumps(body)).encode())

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


WEBHOOK = 'Internal error occurred: failed calling webhook "m.example.org": connect: connection refused'


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, denial(WEBHOOK), f"answered 500 to get services/backend in namespace shop: {WEBHOOK}"),
        (503, denial("the server is currently unable to handle the request"), "unable to handle the request"),
        (429, denial("too many requests, please try again later"), "answered 429 .*too many requests"),
        (409, denial("the object has been modified"), "answered 409 .*the object has been modified"),
        (502, "<html><body>Bad Gateway</body></html>", "answered 502 .*an HTML page, which is not an answer"),
        (502, "upstream connect error", "answered 502 .*upstream connect error"),
        (400, {"error": "log in"}, "answered 400 .*log in"),
        (400, ["log in"], "answered 400 .*log in"),
        (301, "", "answered 301 .*Moved Permanently"),
    ],
)
def test_an_answer_with_an_error_is_told_in_the_server_s_own_words(
    server: PlayedApiServer, status: int, body: object, said: str
) -> None:
    server.answers["GET", SERVICE] = (status, body)
    with pytest.raises(AnsweredError, match=said) as error:
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))
    assert error.value.status_code == status


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (409, "the object has been modified", AnsweredError),
        (429, "too many requests", AnsweredError),
        (500, WEBHOOK, AnsweredError),
        (400, 'admission webhook "x" denied the request: no', RejectedError),
        (422, "spec.replicas: Invalid value", RejectedError),
    ],
)
def test_a_write_that_may_be_taken_later_is_told_from_one_that_is_wrong(
    server: PlayedApiServer, status: int, message: str, error: type[Exception]
) -> None:
    server.answers["GET", DEPLOYMENT] = (200, {})
    server.answers["PATCH", DEPLOYMENT] = (status, denial(message))
    with pytest.raises(error, match=message):
        server.run(lambda cluster: cluster.pods_change(MANIFEST))


def test_an_answer_that_is_no_json_is_not_the_api_server_s(server: PlayedApiServer) -> None:
    for page, said in (("<!DOCTYPE html><html>", "an HTML page, not an answer"), ("hello", "not an answer")):
        server.answers["GET", SERVICE] = (200, page)
        with pytest.raises(ConnectionError, match=said):
            server.run(lambda cluster: cluster.service_selector("shop", "backend"))


def test_a_group_that_an_old_cluster_does_not_have_is_no_error_where_it_may_be_missing(server: PlayedApiServer) -> None:
    server.answers["GET", "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/backend"] = (404, "404 page not found")
    assert server.run(lambda cluster: cluster.rollout("shop", "backend")) is None
    slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    server.answers["GET", slices] = (404, "404 page not found")
    with pytest.raises(
        AnsweredError, match="answered 404 to list endpointslices in namespace shop: 404 page not found"
    ):
        server.run(lambda cluster: cluster.endpoints("shop", "backend"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1", "connection refused: nothing listens at its address"),
        ("http://no-such-host.invalid:6443", "the name of its host is not resolved"),
    ],
)
def test_no_connection_is_told_by_its_cause(server: PlayedApiServer, address: str, said: str) -> None:
    config = json.loads(server.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = address
    server.kubeconfig.write_text(json.dumps(config))
    with pytest.raises(ConnectionError, match=said):
        server.run(lambda cluster: cluster.service_selector("shop", "backend"))


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (verification("certificate has expired"), "its certificate is not accepted: certificate has expired"),
        (
            verification("self-signed certificate in certificate chain"),
            "its certificate is not accepted: self-signed certificate in certificate chain",
        ),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "no TLS connection: "),
    ],
)
def test_a_certificate_that_is_not_accepted_is_told_as_such(cause: ssl.SSLError, said: str) -> None:
    error = httpx.ConnectError("[SSL] it failed")
    error.__cause__ = cause
    assert why_unreachable(error).startswith(said)
    assert why_unreachable(httpx.ReadTimeout("")) == "ReadTimeout"
    assert why_unreachable(ExceptionGroup("x", [cause])).startswith(said)


def kube_proxy(path: str) -> tuple[str, str]:
    return ("GET", f"/api/v1/nodes/worker:10256/proxy{path}")


@pytest.mark.parametrize(
    ("livez", "healthz", "status"),
    [
        ((200, {}), (503, {"nodeEligible": False}), 200),  # the cluster autoscaler has marked the node
        ((503, {"healthy": False}), (200, {}), 503),
        ((404, "404 page not found"), (200, {}), 200),  # before Kubernetes 1.28
        ((404, "404 page not found"), (503, {}), 503),
        ((404, "404 page not found"), (404, "404 page not found"), 404),
        ((503, denial("error trying to reach service")), (200, {}), None),
    ],
)
def test_kube_proxy_is_asked_for_livez_and_an_old_one_for_healthz(
    server: PlayedApiServer, livez: tuple[int, object], healthz: tuple[int, object], status: int | None
) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    server.answers["GET", "/api/v1/nodes"] = (200, {"items": [{"metadata": {"name": "worker"}, "status": ready}]})
    server.answers[kube_proxy("/livez")], server.answers[kube_proxy("/healthz")] = livez, healthz
    found = server.run(lambda cluster: cluster.routing({}, 5))
    assert found == [Routing("worker", True, status)]
    assert (kube_proxy("/healthz") in server.asked) is (livez[0] == 404)


def test_why_pods_are_missing_is_read_from_all_that_knows_of_it(server: PlayedApiServer) -> None:
    def pod(name: str, node: str, waiting: str | None) -> dict[str, object]:
        state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
        return {
            "metadata": {"name": name, "labels": {"pod-template-hash": "1"}},
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "org/backend:v2"}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "app", "state": state}]},
        }

    template = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "app", "image": "org/backend:v2"}]}}
    labels = {"pod-template-hash": "1"}
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: few"}
    replica_set = {
        "metadata": {"labels": labels},
        "spec": {"replicas": 4, "template": template},
        "status": {"conditions": [condition]},
    }
    pods = [pod("lost", "gone", None), pod("new", "well", "ContainerCreating"), pod("slow", "well", None)]
    server.answers["GET", DEPLOYMENT] = (200, {"spec": {"replicas": 4, "template": template}})
    server.answers["GET", "/apis/apps/v1/namespaces/shop/replicasets"] = (200, {"items": [replica_set]})
    server.answers["GET", PODS] = (200, {"items": pods})
    for node, ready in (("gone", "Unknown"), ("well", "True")):
        conditions = [{"type": "Ready", "status": ready, "reason": "NodeStatusUnknown"}]
        server.answers["GET", f"/api/v1/nodes/{node}"] = (200, {"status": {"conditions": conditions}})
    events = [
        {"lastTimestamp": "2026-11-28T10:00:00Z", "reason": "Old", "message": "said before"},
        {"eventTime": "2026-11-28T11:00:00Z", "reason": "FailedMount", "message": 'secret "x" not found'},
    ]
    server.answers["GET", "/api/v1/namespaces/shop/events"] = (200, {"items": events})
    found = server.run(lambda cluster: cluster.pods_report("shop", "backend", Track.GREEN, 4))
    assert found.states == (
        "on node gone, which is not Ready (NodeStatusUnknown)",
        'ContainerCreating (FailedMount: secret "x" not found)',
        'running, but its readiness probe does not succeed (FailedMount: secret "x" not found)',
    )
    assert found.causes == ("the API server lets no more be made: exceeded quota: few",)
    # Who may read neither events nor nodes is told the rest.
    for path in ("/api/v1/namespaces/shop/events", "/api/v1/nodes/gone", "/api/v1/nodes/well"):
        server.answers["GET", path] = (403, denial("no"))
    assert server.run(lambda cluster: cluster.pods_report("shop", "backend", Track.GREEN, 4)).states[1:] == (
        "ContainerCreating",
        "running, but its readiness probe does not succeed",
    )
