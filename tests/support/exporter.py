"""Metrics of a service that a test generates, exposed as an application does: counters that only rise."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

EDGES = (0.1, 0.5, 1.0)
"""Upper edges of the histogram's buckets, s; one is the threshold of the defaults."""


@dataclass
class Traffic:
    """The traffic of one version in the metrics.

    Attributes:
        rate: requests a second.
        failing: share of them that end in 500.
        slow: share of them that take between 0.5 and 1 s; the others take less than 0.1 s.
    """

    rate: float
    failing: float = 0.0
    slow: float = 0.0


@dataclass
class _Counted:
    """Requests so far, by status and by bucket."""

    traffic: Traffic
    since: float
    by_status: dict[str, float] = field(default_factory=dict)
    fast: float = 0.0
    slow: float = 0.0

    def count(self, now: float) -> None:
        requests, self.since = self.traffic.rate * (now - self.since), now
        # A series is there from its first request on, as with an application.
        for status, share in (("200", 1 - self.traffic.failing), ("500", self.traffic.failing)):
            if requests * share:
                self.by_status[status] = self.by_status.get(status, 0.0) + requests * share
        self.slow += requests * self.traffic.slow
        self.fast += requests * (1 - self.traffic.slow)


class Exporter:
    """An HTTP server with the metrics of service `backend`, version by version."""

    def __init__(self) -> None:
        self._versions: dict[str, _Counted] = {}
        self._lock = threading.Lock()
        registry = CollectorRegistry()
        registry.register(self)
        self._server: WSGIServer = make_server("127.0.0.1", 0, make_wsgi_app(registry), handler_class=_Silent)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def set(self, pod_hash: str, traffic: Traffic) -> None:
        """Sets the traffic of a version from now on."""
        with self._lock:
            now = time.monotonic()
            if pod_hash in self._versions:
                self._versions[pod_hash].count(now)
                self._versions[pod_hash].traffic = traffic
            else:
                self._versions[pod_hash] = _Counted(traffic, now)

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()

    def collect(self) -> Iterator[Metric]:
        """The metrics, as the client library asks for them."""
        labels = ["service", "rollouts_pod_template_hash"]
        requests = CounterMetricFamily("http_requests", "Requests.", labels=[*labels, "status"])
        durations = HistogramMetricFamily("http_request_duration_seconds", "How long they took.", labels=labels)
        with self._lock:
            for pod_hash, counted in self._versions.items():
                counted.count(time.monotonic())
                for status, count in counted.by_status.items():
                    requests.add_metric(["backend", pod_hash, status], count)
                both = counted.fast + counted.slow
                reached = zip(EDGES, (counted.fast, counted.fast, both), strict=True)
                buckets = [*((str(edge), count) for edge, count in reached), ("+Inf", both)]
                durations.add_metric(["backend", pod_hash], buckets, sum_value=both)
        yield requests
        yield durations


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Prints nothing."""
