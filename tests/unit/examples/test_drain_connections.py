"""The example lets clients go that keep their connections, from `on` until `off`."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.backend import BOUND_SECONDS, Backend, drain_connections, over, start, until

PATHS = ("/", "/health", "/ready", "/metrics", "/not-there")


class Drained(NamedTuple):
    """One running example, and its own port for drains."""

    backend: Backend
    control: httpx.Client

    def state(self, query: str = "") -> dict[str, Any]:
        answer = self.control.get(f"/drain-connections{query}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def drained() -> Iterator[Callable[..., Drained]]:
    running: list[Drained] = []

    def started(**environment: str) -> Drained:
        backend = Backend(start(environment))
        [port] = re.findall(r"drained at port (\d+)", backend.log)
        control = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=BOUND_SECONDS)
        running.append(Drained(backend, control))
        return running[-1]

    yield started
    for one in running:
        one.control.close()
        one.backend.close()


def test_every_answer_closes_its_connection_from_on_until_off(drained: Callable[..., Drained]) -> None:
    example = drained()
    kept = [over(example.backend, path) for path in PATHS]
    assert example.state("?state=on")["draining"] is True
    closing = [over(example.backend, path) for path in PATHS]
    assert example.state("?state=off")["draining"] is False
    again = [over(example.backend, path) for path in PATHS]
    assert ["connection" in response.headers for response, _ in kept] == [False] * 5
    assert [response.headers.get_list("connection") for response, _ in closing] == [["close"]] * 5
    assert ["connection" in response.headers for response, _ in again] == [False] * 5
    # The first answer after `on` comes over the connection that was kept, and each later one over a new one.
    assert len({address for _, address in kept}) == len({address for _, address in again}) == 1
    assert closing[0][1] == kept[0][1]
    assert len({address for _, address in closing}) == 5


def test_a_request_in_flight_when_the_drain_begins_closes_its_connection(drained: Callable[..., Drained]) -> None:
    example = drained(LATENCY_MS="1500")
    with socket.create_connection(("127.0.0.1", urlsplit(example.backend.url).port), BOUND_SECONDS) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: backend\r\n\r\n")
        until(lambda: example.state()["connections"] == 1)
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):  # no answer yet, so the request is in flight
            slow.recv(1)
        slow.settimeout(BOUND_SECONDS)
        example.state("?state=on")
        answer = slow.makefile("rb").read()  # to the end: the server closes the connection
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close" in answer


def test_open_connections_are_counted_without_those_of_the_drain_itself(drained: Callable[..., Drained]) -> None:
    example = drained()
    assert example.state() == {"draining": False, "connections": 0}
    address = ("127.0.0.1", urlsplit(example.backend.url).port)
    idle = [socket.create_connection(address, BOUND_SECONDS) for _ in range(3)]
    until(lambda: example.state()["connections"] == 3)
    # A drain ends none that is idle: that could cross a request on its way.
    assert example.state("?state=on") == {"draining": True, "connections": 3}
    for connection in idle:
        connection.close()
    until(lambda: example.state()["connections"] == 0)


def test_the_service_port_knows_no_drain_and_the_drain_port_nothing_else(drained: Callable[..., Drained]) -> None:
    example = drained()
    public = example.backend.client.get("/drain-connections?state=on")
    spoofed = example.backend.client.get(
        "/drain-connections?state=on", headers={"Host": example.control.base_url.netloc.decode()}
    )
    assert [public.status_code, spoofed.status_code] == [404, 404]
    assert example.state()["draining"] is False
    assert {path: example.control.get(path).status_code for path in PATHS} == dict.fromkeys(PATHS, 404)


@pytest.mark.parametrize("query", ["?state=", "?state=true", "?state=on&state=off"])
def test_an_unknown_state_changes_nothing(drained: Callable[..., Drained], query: str) -> None:
    example = drained()
    assert example.control.get(f"/drain-connections{query}").status_code == 400
    assert example.control.post("/drain-connections?state=on").status_code == 405
    assert example.state()["draining"] is False


def test_a_drain_ends_by_itself() -> None:
    module = drain_connections()
    now, sent = [1000.0], list[dict[str, Any]]()

    async def app(_: object, __: object, send: Callable[[dict[str, Any]], Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    def ask(port: int, path: str = "/", query: bytes = b"", version: str = "1.1") -> bool:
        scope = {"type": "http", "http_version": version, "method": "GET", "path": path, "query_string": query}
        sent.clear()
        asyncio.run(drain(scope | {"server": ("10.0.0.1", port)}, None, send))
        return (b"connection", b"close") in sent[0]["headers"]

    drain = module.DrainConnections(app, 8001, lambda: 0, lambda: now[0])
    assert not ask(8000)
    ask(8001, module.PATH, b"state=on")
    now[0] += module.LASTS_SECONDS - 1
    assert ask(8000)
    assert not ask(8000, version="2")  # where the header is an error
    now[0] += 1
    assert not ask(8000)
