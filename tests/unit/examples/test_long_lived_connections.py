"""WebSockets and event streams end gracefully during a drain, by the lines in docs/kept-connections.md."""

import asyncio
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from httpx_ws import WebSocketDisconnect, WebSocketSession, connect_ws

from tests.support.backend import BOUND_SECONDS, drain_connections, until

SERVICE_RESTART = 1012
"""Close code of RFC 6455's registry: the service restarts, and clients connect again."""

PAUSE = 0.02
"""Seconds between two messages of the server."""


class Server(NamedTuple):
    """A server of long-lived connections with the middleware of the example.

    Attributes:
        url: URL of the application.
        control: client of the port for drains.
    """

    url: str
    control: httpx.Client

    def state(self, query: str = "") -> dict[str, Any]:
        return dict(self.control.get(f"/drain-connections{query}").json())


@contextmanager
def serving() -> Iterator[Server]:
    open_connections = set[int]()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        open_connections.add(id(scope))
        try:
            await (websocket if scope["type"] == "websocket" else events)(receive, send)
        finally:
            open_connections.discard(id(scope))

    async def websocket(receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while not drain.draining:
            await send({"type": "websocket.send", "text": "tick"})
            await asyncio.sleep(PAUSE)
        await send({"type": "websocket.close", "code": SERVICE_RESTART})

    async def events(_: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while not drain.draining:
            await send({"type": "http.response.body", "body": b"id: 7\ndata: tick\n\n", "more_body": True})
            await asyncio.sleep(PAUSE)
        await send({"type": "http.response.body", "body": b""})

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    public, own = (listening.getsockname()[1] for listening in sockets)
    drain = drain_connections().DrainConnections(application, own, lambda: len(open_connections))
    config = uvicorn.Config(drain, lifespan="off", ws="wsproto", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{own}", trust_env=False, timeout=BOUND_SECONDS) as control:
            yield Server(f"http://127.0.0.1:{public}", control)
    finally:
        server.should_exit = True
        thread.join(BOUND_SECONDS)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_a_websocket_gets_a_close_frame_that_makes_clients_connect_again(server: Server) -> None:
    websocket: WebSocketSession
    with httpx.Client(trust_env=False) as client, connect_ws(server.url, client) as websocket:
        assert websocket.receive_text(BOUND_SECONDS) == "tick"
        assert server.state("?state=on") == {"draining": True, "connections": 1}
        with pytest.raises(WebSocketDisconnect) as closed:
            assert all(websocket.receive_text(BOUND_SECONDS) == "tick" for _ in itertools.count())
    assert closed.value.code == SERVICE_RESTART
    until(lambda: server.state()["connections"] == 0)


def test_an_event_stream_ends_in_order_and_its_connection_is_closed(server: Server) -> None:
    with httpx.stream("GET", server.url, trust_env=False, timeout=BOUND_SECONDS) as answer:
        events = answer.iter_text()
        assert next(events).startswith("id: 7")
        assert server.state("?state=on") == {"draining": True, "connections": 1}
        assert all(event.startswith("id: 7") for event in events)  # to the end, or httpx raises an error
    until(lambda: server.state()["connections"] == 0)
    with httpx.stream("GET", server.url, trust_env=False, timeout=BOUND_SECONDS) as again:
        assert again.headers["connection"] == "close"
