"""A canary, the versions of its Rollout, and a fake Prometheus that answers queries with configured values."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.configuration import BACKEND
from tests.support.http_server import http_server

HASH = "6c8f7d9b4f"
STABLE = "75bcdf6d58"
CANARY: dict[str, Any] = BACKEND | {"strategy": "canary", "tag": "v2.0.0"}
SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1764042600.781, "1"]}}
REFUSED = {"status": "error", "errorType": "bad_data", "error": 'invalid parameter "query": 1:5: parse error'}


def vector(*texts: str) -> dict[str, Any]:
    result = [{"metric": {}, "value": [1764042600.781, text]} for text in texts]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def rollout(new: str = HASH, stable: str = STABLE, observed: str = "2") -> dict[str, Any]:
    return {
        "metadata": {"generation": 2},
        "spec": {"strategy": {"canary": {}}},
        "status": {"observedGeneration": observed, "phase": "Paused", "currentPodHash": new, "stableRS": stable},
    }


@dataclass
class FakePrometheus:
    """A fake Prometheus, which answers queries with configured values.

    Attributes:
        status: HTTP status of every answer.
        rate: the success rate that it answers; other than text, the whole body.
        latency: the latency that it answers; other than text, the whole body.
        other: the success rate of pods other than `HASH`.
        silent: whether it leaves questions without an answer until it is closed.
        asked: path and query of each request.
    """

    status: int = 200
    rate: str | dict[str, Any] = "0.97"
    latency: str | dict[str, Any] = "0.25"
    other: str = "0.5"
    silent: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, query: str) -> dict[str, Any]:
        result = self.latency if "histogram_quantile" in query else self.rate if HASH in query else self.other
        return result if isinstance(result, dict) else vector(result)


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    fake = FakePrometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            [query] = parse_qs(url.query)["query"]
            fake.asked.append((url.path, query))
            if fake.silent:
                fake.closing.wait()
                return
            body = json.dumps(fake.answer(query)).encode()
            self.send_response(fake.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_server(Handler, fake.closing) as fake.address:
        yield fake
