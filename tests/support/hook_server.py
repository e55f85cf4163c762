"""A server on the loopback interface that hooks call."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.http_server import http_server

UNUSABLE = [
    ("ALL_PROXY", "socks5://ada:a-password@127.0.0.1:1"),
    ("HTTP_PROXY", "ftp://ada:a-password@127.0.0.1"),
    ("HTTP_PROXY", "http://ada:a-password@[::1"),
    ("SSL_CERT_FILE", "/no/such/a-password.pem"),
]
"""Variables of the environment with which the HTTP library sends nothing."""


@dataclass
class HookServer:
    """A server for hooks: its answers, and the requests that it has received.

    Attributes:
        status: HTTP status of every answer.
        body: body of every answer.
        endless: whether the body of an answer never ends until the server is closed.
        silent: whether requests are left without an answer until the server is closed.
        calls: method, headers and JSON of each request.
        before_answer: function that is called for each request before it is answered.
    """

    status: int = 200
    body: str = ""
    endless: bool = False
    silent: bool = False
    calls: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def hook_server() -> Iterator[HookServer]:
    """Runs the server while the block does."""
    server = HookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.calls.append((self.command, headers, json.loads(text) if text else None))
            server.before_answer()
            if server.silent:
                server.closing.wait()
                return
            body = server.body.encode()
            self.send_response(server.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body) + server.endless))
            self.end_headers()
            self.wfile.write(body)
            if server.endless:
                server.closing.wait()

        do_GET = do_PUT = do_POST  # noqa: N815 - names of the base class

    with http_server(Handler, server.closing) as url:
        server.url = f"{url}/hooks/a-secret-path"
        yield server
