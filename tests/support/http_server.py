"""An HTTP server on a free port of this machine, for the time of a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def http_server(handler: type[BaseHTTPRequestHandler], closing: threading.Event) -> Iterator[str]:
    """Yields the URL of a server that runs while the block does, and prints no requests.

    Args:
        handler: answers the requests.
        closing: event that is set at the end, for requests that are left without an answer until then.
    """
    quiet = type("QuietHandler", (handler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), quiet)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
