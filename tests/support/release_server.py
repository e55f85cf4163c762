"""A server of releases on the loopback interface that can be told to misbehave."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from devtools.toolchain.tools import Download
from tests.support.http_server import http_server

TRICKLE_BYTES = 60
TRICKLE_SECONDS = 0.02
"""Pause after each byte of a trickle."""


@dataclass
class Releases:
    """The files of the server, its faults, and the requests that it has received.

    Attributes:
        files: content by path.
        cut_at: bytes after which a file's connection is closed; None sends it whole.
        status: answered instead of files; None answers with them.
        hang: leaves requests without an answer until the server is closed.
        trickle: path whose content comes byte by byte, `TRICKLE_BYTES` of it, and then the rest.
        ranges: whether it answers a Range header with a part.
        asked: path and Range header of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut_at: int | None = None
    status: int | None = None
    hang: bool = False
    trickle: str | None = None
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def publish(self, name: str, content: bytes, checksum: str | None = None, *, github: bool = False) -> Download:
        """Publishes a release with its checksum, or with another one."""
        self.files[f"/{name}"] = content
        file_name = name.rpartition("/")[2]
        digest = checksum or hashlib.sha256(content).hexdigest()
        if github:
            self.files["/api/release"] = json.dumps(
                {"assets": [{"name": file_name, "digest": f"sha256:{digest}"}]}
            ).encode()
            return Download(f"{self.url}/{name}", f"{self.url}/api/release")
        self.files[f"/{name}.sha256"] = f"{digest}  {file_name}\n".encode()
        return Download(f"{self.url}/{name}", f"{self.url}/{name}.sha256")


@contextmanager
def serving() -> Iterator[Releases]:
    """Runs the server while the block does."""
    releases = Releases()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            releases.asked.append((self.path, asked))
            if releases.hang:
                releases.closing.wait()
                return
            if releases.status is not None or self.path not in releases.files:
                self.send_error(releases.status or 404)
                return
            content = releases.files[self.path]
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and releases.ranges else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("Content-Type", "application/json" if "/api/" in self.path else "text/plain")
            self.end_headers()
            cut = releases.cut_at if not self.path.endswith(".sha256") and "/api/" not in self.path else None
            with contextlib.suppress(OSError):  # the client has closed the connection
                if self.path == releases.trickle:
                    for position in range(start, start + TRICKLE_BYTES):
                        self.wfile.write(content[position : position + 1])
                        releases.closing.wait(TRICKLE_SECONDS)
                    start += TRICKLE_BYTES
                self.wfile.write(content[start:cut])

    with http_server(Handler, releases.closing) as url:
        releases.url = url
        yield releases
