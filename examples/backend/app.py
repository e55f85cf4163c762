"""An example backend: it reports its version, counts requests, drains, and fails on demand, to test releases.

Run it with ``VERSION=blue python -m app``. Every setting is an environment variable, see `settings`.
"""

import asyncio
import os
import random
import socket
import sys
import time
from types import FrameType
from typing import Any

import uvicorn
from drain_connections import PATH, Asgi, DrainConnections, Message, Receive, Send
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from orders import Orders, serve_orders
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from settings import Settings, SettingsError, settings_of

BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper edges of the histogram. 0.5 is among them because it is the limit that releases are judged by."""

UNCOUNTED = frozenset({"/health", "/ready", "/metrics"})
"""Paths of probes and of Prometheus, which are not counted, because they would dilute the share of failed user
requests."""

BAD_SETTING = 2
"""Exit code after a setting that cannot be used."""

CRASHED = 1
"""Exit code of the crash that a setting asks for."""


class Lifecycle:
    """The state of the process between its start and its end."""

    def __init__(self, settings: Settings) -> None:
        self._never_ready = settings.never_ready
        self._ready_at = time.monotonic() + settings.start_up_seconds
        self.draining = False

    @property
    def ready(self) -> bool:
        """Whether the process is ready for new requests."""
        return not self._never_ready and not self.draining and time.monotonic() >= self._ready_at


class Metrics:
    """Requests by status, and how long they took in seconds, in a registry of their own."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        self._requests = Counter("http_requests", "Requests.", ["service", "status"], registry=self.registry)
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "From the request to the end of its answer.",
            ["service"],
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        ).labels(service)
        # A series that begins with its first failure has no earlier sample, so `increase` would not count it.
        for status in (200, 500):
            self._requests.labels(service, str(status))

    def count(self, status: int, seconds: float) -> None:
        """Counts one request."""
        self._requests.labels(self._service, str(status)).inc()
        self._seconds.observe(seconds)


class Observed:
    """Adds headers with version and pod to every response, and counts requests other than probes.

    It is plain ASGI around the whole application: Starlette's BaseHTTPMiddleware starts a task for each request.
    """

    def __init__(self, app: Asgi, settings: Settings, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self._app = app
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._headers = [(f"x-{name}".encode(), value.encode()) for name, value in facts(settings).items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles one request."""
        started = time.perf_counter()
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._headers]
                if self._lifecycle.draining:
                    # The client closes the connection after this answer. If the server closed an idle connection,
                    # a request could be on its way, for which a load balancer answers 502.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            if scope["path"] not in UNCOUNTED:
                self._metrics.count(status, time.perf_counter() - started)


def facts(settings: Settings) -> dict[str, str]:
    """Version and location of the process, for the body and, with the prefix ``X-``, for the headers."""
    return {
        "colour": settings.colour,
        "version": settings.version,
        "pod": settings.pod,
        "node": settings.node,
    }


def application(settings: Settings, lifecycle: Lifecycle, metrics: Metrics) -> Asgi:
    """The application, as the server takes it."""
    app = FastAPI(title="Example backend", openapi_url=None)
    latency_seconds = settings.latency_ms / 1000

    @app.api_route("/", methods=["GET", "POST"])
    async def answer() -> Response:
        if latency_seconds:
            await asyncio.sleep(latency_seconds)
        failed = random.random() < settings.failure_rate  # noqa: S311 - chance, not secrecy
        return JSONResponse(facts(settings), 500 if failed else 200)

    @app.get("/health")
    async def health() -> Response:
        # Also while draining: a liveness probe that fails then would have the kubelet end the requests in flight.
        return PlainTextResponse("ok")

    @app.get("/ready")
    async def ready() -> Response:
        return PlainTextResponse("ready") if lifecycle.ready else PlainTextResponse("not ready", 503)

    @app.get("/metrics")
    async def exposition() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    if settings.database is not None:
        serve_orders(app, Orders(settings.database, settings.orders_column))

    return Observed(app, settings, lifecycle, metrics)


class DrainingServer(uvicorn.Server):
    """Continues to answer for a while after SIGTERM, then lets requests in flight end and exits with code 0.

    uvicorn itself stops listening at once, and raises the signal again at its end, so that the exit code is not 0.
    """

    def __init__(self, app: Asgi, settings: Settings, lifecycle: Lifecycle) -> None:
        self._sockets = [_listening(settings.host, port) for port in (settings.port, settings.drain_port)]
        self._drain_port = _port(self._sockets[1])
        super().__init__(
            uvicorn.Config(
                DrainConnections(app, self._drain_port, self._connections),
                host=settings.host,
                port=settings.port,
                timeout_keep_alive=settings.keep_alive_seconds,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
            )
        )
        self._settings = settings
        self._lifecycle = lifecycle

    async def serve(self, sockets: Any = None) -> None:
        """Serves until the end."""
        self._loop = asyncio.get_running_loop()
        if self._settings.crash_after_seconds is not None:
            # A crash runs no handler and closes no connection gracefully.
            self._loop.call_later(self._settings.crash_after_seconds, os._exit, CRASHED)
        at = f"http://{self._settings.host}:{_port(self._sockets[0])}"
        # uvicorn reports this only for sockets that it has opened itself.
        print(f"Listening at {at}; drained at port {self._drain_port}, {PATH}", file=sys.stderr, flush=True)
        await super().serve(sockets or self._sockets)

    def _connections(self) -> int:
        """Open connections of clients, probes among them."""
        open_ones = (connection.transport for connection in self.server_state.connections)
        return sum(_port(transport.get_extra_info("socket")) != self._drain_port for transport in open_ones)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begins to drain; a second signal cuts that short, a third one the requests in flight."""
        if self._lifecycle.draining:
            self._stop()
            return
        self._lifecycle.draining = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self._settings.drain_seconds, self._stop)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _listening(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def main() -> int:
    """Runs the server; returns the exit code."""
    try:
        settings = settings_of(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return BAD_SETTING
    lifecycle = Lifecycle(settings)
    app = application(settings, lifecycle, Metrics(settings.service))
    try:
        server = DrainingServer(app, settings, lifecycle)
    except OSError as error:
        print(f"PORT={settings.port} or DRAIN_PORT={settings.drain_port} is not free: {error}", file=sys.stderr)
        return BAD_SETTING
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
