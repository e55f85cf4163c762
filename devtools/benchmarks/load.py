"""Load on the NodePorts of real nodes, as from a load balancer, with every request recorded.

Generators run side by side at a steady rate each: one opens a connection a request, several keep connections alive. A
request is due at a time that the rate alone decides, and its latency counts from there: a generator or a server that
falls behind makes latencies longer instead of making requests fewer (coordinated omission).
"""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from devtools.toolchain.paths import binary

TIMEOUT_SECONDS = 10
"""Seconds after which a request has failed. This is long enough for a lost SYN to be retransmitted, which then shows as
latency."""

WAIT_SECONDS = 60
"""Time limit for each wait for an answer or for the end of a generator, seconds."""

LIMIT_SECONDS = 3600
"""Seconds after which a generator stops by itself if it was not stopped."""

KEPT = 4
"""Generators that keep connections alive. Each uses one or two a node, whatever its rate: together they hold
connections to most of the pods."""

POLL_SECONDS = 0.05
"""Seconds between two requests to a port that may not answer yet, for which there is nothing to watch."""

COUNT_SECONDS = 0.5
"""Seconds between two counts of the requests that a load has sent."""

NEW = "new"
"""The generator that opens a connection a request."""

NANO = 1e-9


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer.

    Attributes:
        due: when it should have been sent by the rate, Unix seconds.
        sent: when it was.
        done: when the answer was there, or the error.
        status: HTTP status; 0 without an answer.
        error: what went wrong; empty if nothing.
        node: address of the node that it was sent to.
        colour: colour of the pod that answered; empty without an answer.
        version: version of that pod; empty without an answer.
        pod: name of that pod; empty without an answer.
        keep_alive: whether it was sent over a connection that was already open.
    """

    due: float
    sent: float
    done: float
    status: int
    error: str
    node: str
    colour: str
    version: str
    pod: str
    keep_alive: bool

    @property
    def failed(self) -> bool:
        """Whether a user would have noticed."""
        return self.status != 200

    @property
    def latency(self) -> float:
        """Seconds from the time at which it was due."""
        return self.done - self.due


class UnreadableResultsError(RuntimeError):
    """The recording of a generator cannot be decoded."""


class Load:
    """A steady load. It has its first answers when the block starts, and continues until the end of the block.

    Args:
        addresses: addresses of the nodes; requests go to them in rotation.
        port: NodePort.
        rate: requests a second.
        directory: an empty directory for the recordings.
        new: requests a second over new connections; half of `rate` by default.
        least: minimum number of requests. A block that ends sooner waits until they are sent.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        port: int,
        rate: int,
        directory: Path,
        new: int | None = None,
        least: int = 0,
    ) -> None:
        self._addresses = addresses
        self._least, self._seconds = least, least / rate
        self._port = port
        # Requests a second of each generator, by its name.
        own = rate / 2 if new is None else new
        self._rates = {NEW: own} | {f"kept-{number}": (rate - own) / KEPT for number in range(KEPT)}
        self._directory = directory

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            self._attacks = []
            for kind in self._rates:
                self._attacks.append(self._start(kind))
                started.callback(self._attacks[-1].kill)
            self._wait_for_first_answers()
            started.pop_all()
        self._began = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None and self._least:
            self._wait_for_enough()
        for attack in self._attacks:
            attack.send_signal(signal.SIGINT)  # it ends when all of its requests are answered
        said = []
        for attack in self._attacks:
            try:
                _, text = attack.communicate(timeout=WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                attack.kill()
                text = "it did not end"
            if attack.returncode:
                said.append(text)
        if said and error is None:
            raise RuntimeError(f"the load generator failed: {said}")

    def requests(self) -> list[Request]:
        """Every request of all generators, by the time they were due, once the block has ended."""
        return sorted(
            (request for kind in self._rates for request in self._read(kind)), key=lambda request: request.due
        )

    def wait_for(self, colour: str) -> None:
        """Waits until the newest new connection over each node was answered by a colour.

        A switch is over at the API server before kube-proxy has it on every node: a load that ends with the update, or
        a next switch, could leave a colour without a request.

        Raises:
            TimeoutError: a node still answers with another colour.
        """
        limit = time.monotonic() + WAIT_SECONDS
        answering: dict[str, str] = {}
        while time.monotonic() < limit:
            # A record that is being written can be cut off; the next reading has it.
            with contextlib.suppress(UnreadableResultsError):
                answered = sorted(self._read(NEW), key=lambda request: request.done)
                answering = {request.node: request.colour for request in answered}
            if answering == dict.fromkeys(self._addresses, colour):
                return
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"new connections are not answered by {colour} over every node: {answering}")

    def _wait_for_first_answers(self) -> None:
        """Runs the block under load."""
        limit = time.monotonic() + WAIT_SECONDS
        while not all(self._results(kind).exists() and self._results(kind).stat().st_size for kind in self._rates):
            if time.monotonic() > limit:
                raise TimeoutError(f"the load on port {self._port} of {', '.join(self._addresses)} gets no answer")
            time.sleep(POLL_SECONDS)

    def _wait_for_enough(self) -> None:
        """Waits as long as the rate needs, and longer on a machine that is behind it."""
        time.sleep(max(0.0, self._began + self._seconds - time.monotonic()))
        limit = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < limit:
            # A record that is being written can be cut off; the next reading has it.
            with contextlib.suppress(UnreadableResultsError):
                if len(self.requests()) >= self._least:
                    return
            time.sleep(COUNT_SECONDS)

    def _results(self, kind: str) -> Path:
        return self._directory / f"{kind}.results"

    def _start(self, kind: str) -> "subprocess.Popen[str]":
        targets = self._directory / f"{kind}.targets"
        # A POST, because Go's client repeats a GET when a kept connection turns out to be closed, which would
        # hide the failures that are measured.
        method = "GET" if kind == NEW else "POST"
        targets.write_text("\n\n".join(f"{method} http://{address}:{self._port}/" for address in self._addresses))
        command = [
            *(str(binary("vegeta")), "attack", f"-targets={targets}", f"-output={self._results(kind)}"),
            *(
                f"-rate={round(self._rates[kind] * 60)}/1m",
                f"-duration={LIMIT_SECONDS}s",
                f"-timeout={TIMEOUT_SECONDS}s",
            ),
            *(f"-keepalive={str(kind != NEW).lower()}", "-max-body=0", "-workers=16", "-max-workers=512"),
        ]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def _read(self, kind: str) -> Iterator[Request]:
        command = [str(binary("vegeta")), "encode", "-to=json", str(self._results(kind))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as encoder:
            assert encoder.stdout is not None
            records = [_record(line, kind != NEW) for line in encoder.stdout]
        if encoder.returncode:
            raise UnreadableResultsError(f"{self._results(kind)} cannot be read")
        # The first request, by number, was sent when it was due, so the schedule of the rate starts at its time.
        rate = self._rates[kind]
        began = min((request.sent - number / rate for number, request in records), default=0.0)
        for number, request in records:
            yield replace(request, due=began + number / rate)


def wait_for_answer(address: str, port: int, version: str | None = None) -> None:
    """Waits until a NodePort answers: a node learns of a new Service a moment after the API server has it.

    Args:
        address: address of the node.
        port: NodePort.
        version: version that has to answer; None accepts any.

    Raises:
        TimeoutError: it does not answer in time.
    """
    limit = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < limit:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"http://{address}:{port}/", timeout=1, trust_env=False)
            if answer.is_success and version in {None, answer.headers["X-Version"]}:
                return
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{address}:{port} does not answer" + (f" with {version}" if version else ""))


def _record(line: str, keep_alive: bool) -> tuple[int, Request]:
    record = json.loads(line)
    headers = record.get("headers") or {}
    sent = _seconds(record["timestamp"])
    return record["seq"], Request(
        due=sent,
        sent=sent,
        done=sent + record["latency"] * NANO,
        status=record["code"],
        error=record["error"],
        node=urlsplit(record["url"]).hostname or "",
        colour=headers.get("X-Colour", [""])[0],
        version=headers.get("X-Version", [""])[0],
        pod=headers.get("X-Pod", [""])[0],
        keep_alive=keep_alive,
    )


def _seconds(timestamp: str) -> float:
    """Unix seconds of a timestamp with nanoseconds, which `datetime` cuts to microseconds."""
    return datetime.fromisoformat(timestamp).timestamp()
