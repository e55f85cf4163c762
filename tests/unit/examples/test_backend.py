"""The example application as a process of its own: who answers, what it counts, how it ends, how it fails."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.backend import BOUND_SECONDS, FOLDER, FOREVER, Backend, Process, execute, over, start, until


@pytest.fixture
def run() -> Iterator[Callable[..., Backend]]:
    running: list[Backend] = []

    def started(by: Callable[[dict[str, str]], Process] = start, **environment: str) -> Backend:
        running.append(Backend(by(environment)))
        return running[-1]

    yield started
    for backend in running:
        backend.close()


@pytest.mark.parametrize(("method", "by"), [("GET", execute), ("POST", start)])
def test_an_answer_names_pod_and_version_in_body_and_headers(
    run: Callable[..., Backend], method: str, by: Callable[[dict[str, str]], Process]
) -> None:
    backend = run(by, VERSION="green", APP_VERSION="v2.0.0", HOSTNAME="backend-green-x1", NODE_NAME="node-3")
    response = backend.client.request(method, "/", content=b"x" if method == "POST" else None)
    assert response.status_code == 200
    assert response.json() == {
        "colour": "green",
        "version": "v2.0.0",
        "pod": "backend-green-x1",
        "node": "node-3",
    }
    assert {name: response.headers[f"X-{name}"] for name in response.json()} == response.json()


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/not-there"])
def test_every_response_names_pod_and_version(run: Callable[..., Backend], path: str) -> None:
    headers = run().client.get(path).headers
    assert headers["X-Colour"] == "blue"
    assert headers["X-Version"] == headers["X-Pod"] == headers["X-Node"] == "unknown"


def test_requests_are_counted_by_status_and_probes_are_not(run: Callable[..., Backend]) -> None:
    backend = run(SERVICE="shop")
    assert backend.requests() == {"200": 0, "500": 0}
    for path in ("/", "/", "/not-there", "/health", "/ready", "/metrics"):
        backend.status(path)
    assert backend.requests() == {"200": 2, "404": 1, "500": 0}
    assert {labels["service"] for labels, _ in backend.samples("http_requests_total")} == {"shop"}
    assert backend.samples("http_request_duration_seconds_count") == [({"service": "shop"}, 3)]


def test_durations_are_in_seconds_with_an_edge_at_half_a_second(run: Callable[..., Backend]) -> None:
    backend = run(LATENCY_MS="600")
    assert backend.status("/") == 200
    buckets = {labels["le"]: value for labels, value in backend.samples("http_request_duration_seconds_bucket")}
    assert (buckets["0.5"], buckets["+Inf"]) == (0, 1)
    [(labels, seconds)] = backend.samples("http_request_duration_seconds_sum")
    assert labels == {"service": "backend"}
    assert 0.6 <= seconds < BOUND_SECONDS


def test_connections_are_kept_until_the_pod_has_to_end(run: Callable[..., Backend]) -> None:
    backend = run()
    responses, connections = zip(*(over(backend, "/") for _ in range(3)), strict=True)
    assert all("connection" not in response.headers for response in responses)
    assert len(set(connections)) == 1


def test_a_draining_pod_is_not_ready_but_answers_and_lets_go_of_connections(run: Callable[..., Backend]) -> None:
    backend = run(DRAIN_SECONDS=FOREVER)
    _, kept = over(backend, "/ready")
    backend.process.send_signal(signal.SIGTERM)
    until(lambda: backend.status("/ready") == 503)
    paths = ("/", "/health", "/metrics", "/ready")
    responses, connections = zip(*(over(backend, path) for path in paths), strict=True)
    assert [response.status_code for response in responses] == [200, 200, 200, 503]
    assert [response.headers["connection"] for response in responses] == ["close"] * 4
    assert len({kept, *connections}) == 5


def test_a_second_signal_cuts_the_drain_short(run: Callable[..., Backend]) -> None:
    backend = run(DRAIN_SECONDS=FOREVER)
    backend.process.send_signal(signal.SIGTERM)
    until(lambda: backend.status("/ready") == 503)
    backend.process.send_signal(signal.SIGTERM)
    assert backend.end() == 0


def test_a_request_in_flight_is_answered_before_the_process_ends_with_code_0(run: Callable[..., Backend]) -> None:
    backend = run(DRAIN_SECONDS="0.1", LATENCY_MS="2000")
    with socket.create_connection(("127.0.0.1", urlsplit(backend.url).port), BOUND_SECONDS) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: backend\r\n\r\n")
        # Once a later connection has its answer, what this one holds has been read.
        assert backend.status("/health") == 200
        backend.process.send_signal(signal.SIGTERM)
        answer = slow.makefile("rb").read()  # to the end: the server closes the connection
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close" in head
    assert json.loads(body)["colour"] == "blue"
    assert backend.end() == 0
    assert "Waiting for connections to close" in backend.log, "nothing was in flight, so this has shown nothing"


def test_a_failure_rate_of_one_fails_every_request_and_counts_it(run: Callable[..., Backend]) -> None:
    backend = run(FAILURE_RATE="1")
    responses = [backend.client.get("/"), backend.client.post("/")]
    assert [response.status_code for response in responses] == [500, 500]
    assert responses[0].headers["X-Colour"] == responses[0].json()["colour"] == "blue"
    assert backend.requests() == {"200": 0, "500": 2}
    assert (backend.status("/health"), backend.status("/ready")) == (200, 200)


def test_a_failure_rate_of_a_half_fails_some_requests(run: Callable[..., Backend]) -> None:
    backend = run(FAILURE_RATE="0.5")
    assert {backend.status("/") for _ in range(100)} == {200, 500}


@pytest.mark.parametrize("fault", [{"NEVER_READY": "true"}, {"START_UP_SECONDS": FOREVER}], ids=str)
def test_a_pod_that_is_not_ready_is_alive(run: Callable[..., Backend], fault: dict[str, str]) -> None:
    backend = run(**fault)
    assert (backend.status("/ready"), backend.status("/health"), backend.status("/")) == (503, 200, 200)


def test_a_pod_gets_ready_when_its_start_up_is_over(run: Callable[..., Backend]) -> None:
    backend = run(START_UP_SECONDS="0.5")
    until(lambda: backend.status("/ready") == 200)


def test_a_crash_ends_the_process_with_code_1(run: Callable[..., Backend]) -> None:
    process = start({"CRASH_AFTER_SECONDS": "0.1"})
    assert process.communicate(timeout=BOUND_SECONDS) is not None
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"VERSION": "purple"}, r"VERSION='purple': input should be 'blue', 'green' or 'rollout'"),
        ({"FAILURE_RATE": "1.5"}, r"FAILURE_RATE='1.5': input should be less than or equal to 1"),
        ({"FAILURE_RATE": "nan"}, r"FAILURE_RATE='nan': .*"),
        ({"DRAIN_SECONDS": "soon"}, r"DRAIN_SECONDS='soon': input should be a valid number.*"),
        ({"NEVER_READY": "perhaps"}, r"NEVER_READY='perhaps': input should be a valid boolean.*"),
        ({"APP_VERSION": "v1\r\nX-Colour: red"}, r"APP_VERSION='v1\\r\\nX-Colour: red': .*"),
        ({"PORT": "-1", "LATENCY_MS": "-1"}, r"PORT='-1': .*; LATENCY_MS='-1': .*"),
    ],
    ids=str,
)
def test_a_bad_setting_ends_with_one_line_and_code_2(environment: dict[str, str], line: str) -> None:
    process = start(environment)
    _, said = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 2
    assert re.fullmatch(f"{line}\n", said), said


def test_a_missing_colour_ends_with_one_line_and_code_2() -> None:
    command = [sys.executable, "-m", "app"]
    ended = subprocess.run(command, cwd=FOLDER, env={}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        2,
        "VERSION is not set: it names the colour, blue or green, or rollout\n",
    )
