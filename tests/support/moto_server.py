"""Lets another process ask moto, which answers only the process that it runs in."""

from http.server import BaseHTTPRequestHandler
from typing import Any

import requests


def moto_handler(host: str) -> type[BaseHTTPRequestHandler]:
    """A handler of requests that passes each one on to moto in this process.

    Args:
        host: host of the service at AWS, for example ``ec2.ap-northeast-2.amazonaws.com``.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept = {name: self.headers[name] for name in ("content-type", "authorization")}
            answer = requests.post(f"https://{host}/", data=body, headers=kept, timeout=10)
            self.send_response(answer.status_code)
            self.send_header("content-type", "text/xml")
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
