"""A fake API server with given answers, and a kubeconfig for it."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TypeVar

import pytest

from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from tests.support.http_server import http_server

Result = TypeVar("Result")

MANIFEST = {"metadata": {"name": "backend-green", "namespace": "shop"}}
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/backend-green"
SERVICE = "/api/v1/namespaces/shop/services/backend"
PODS = "/api/v1/namespaces/shop/pods"


def denial(message: str) -> dict[str, object]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}


@dataclass
class FakeApiServer:
    """Gives each path its configured answer. Requests to paths in `silent` get no answer.

    Attributes:
        answers: status and body by method and path.
        silent: paths whose requests are accepted and not answered until the server is closed.
        asked: method and path of each request.
        queries: query of each request.
    """

    answers: dict[tuple[str, str], tuple[int, object]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    kubeconfig: Path = Path()

    def run(self, ask: Callable[[Cluster], Awaitable[Result]]) -> Result:
        async def connected() -> Result:
            return await ask(await Cluster.connect(ClusterAccess(str(self.kubeconfig))))

        return asyncio.run(connected())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeApiServer]:
    api_server = FakeApiServer({("GET", "/version/"): (200, {"gitVersion": "v1.34.1"})})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            api_server.asked.append((self.command, path))
            api_server.queries.append(query)
            if path in api_server.silent:
                api_server.closing.wait()
                return
            status, body = api_server.answers.get((self.command, path), (404, denial("not found")))
            self.send_response(status)
            text = isinstance(body, str)  # answers that are not those of an API server, or that lack newer parts
            kind = "application/json" if not text else "text/html" if str(body).startswith("<") else "text/plain"
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write((str(body) if text else json.dumps(body)).encode())

        do_PATCH = do_GET  # noqa: N815 - the name is the server's

    with http_server(Handler, api_server.closing) as url:
        api_server.kubeconfig = tmp_path / "kubeconfig"
        api_server.kubeconfig.write_text(
            json.dumps(
                {
                    "current-context": "it",
                    "clusters": [{"name": "it", "cluster": {"server": url}}],
                    "users": [{"name": "it", "user": {"token": "none"}}],
                    "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                }
            )
        )
        yield api_server
