"""Drains kept connections: while a drain is on, each answer closes its connection.

Plain ASGI, for any HTTP/1.1 server. A load balancer keeps its connections to the nodes, and a Service chooses a pod
when a connection is opened. After a switch, these connections stay with the old pods until they are closed. An answer
with ``Connection: close`` closes them between two requests, so that none is lost.
"""

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

PATH = "/drain-connections"
"""``?state=on`` begins a drain, and ``?state=off`` ends it. Without a state the answer has the present state."""

LASTS_SECONDS = 600
"""Seconds after which a drain ends by itself, because a pod that serves again must keep its connections, even if nobody
has ended the drain. By then no connection from before the drain is still in use."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


class DrainConnections:
    """Wraps an application, and answers `PATH` on a port of its own.

    That port is not a port of the Service, so neither a NodePort nor a load balancer reaches it. Only requests to the
    pod's address do, such as those of the API server's proxy. A server that listens on both ports calls this with
    either.

    One process has one state. A pod with several worker processes cannot be drained this way, because a request
    reaches only one of them.

    Args:
        app: the application.
        port: number of the port of its own.
        connections: counts the open connections, without those to that port.
        clock: returns the time in seconds; replaced in tests.
    """

    def __init__(
        self, app: Asgi, port: int, connections: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._port = port
        self._connections = connections
        self._clock = clock
        self._ends = 0.0

    @property
    def draining(self) -> bool:
        """Whether answers close their connections now."""
        return self._clock() < self._ends

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (scope.get("server") or ("", None))[1] == self._port:
            await self._control(scope, send)
        elif scope["http_version"].startswith("1"):
            await self._app(scope, receive, self._closing(send))
        else:
            await self._app(scope, receive, send)  # HTTP/2 has no such header; its server sends GOAWAY

    def _closing(self, send: Send) -> Send:
        async def send_closing(message: Message) -> None:
            # Checked when the answer begins, so that requests that were in flight when the drain began close their
            # connections too.
            if message["type"] == "http.response.start" and self.draining:
                kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"connection"]
                message["headers"] = [*kept, (b"connection", b"close")]
            await send(message)

        return send_closing

    async def _control(self, scope: Message, send: Send) -> None:
        if scope["path"] != PATH:
            await _answer(send, 404, {"error": f"only {PATH} is here"})
            return
        if scope["method"] != "GET":
            await _answer(send, 405, {"error": "only GET is allowed"})
            return
        states = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("state", [])
        if states not in ([], ["on"], ["off"]):
            await _answer(send, 400, {"error": "state is on or off"})
            return
        if states:
            self._ends = self._clock() + LASTS_SECONDS if states == ["on"] else 0.0
        await _answer(send, 200, {"draining": self.draining, "connections": self._connections()})


async def _answer(send: Send, status: int, body: dict[str, object]) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"connection", b"close")]
    content = json.dumps(body).encode()
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
