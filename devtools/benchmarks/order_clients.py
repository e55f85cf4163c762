"""Clients that write, change and read the orders of the example, and record which names each order may have."""

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from devtools.benchmarks.client_thread import ClientThread
from devtools.benchmarks.http_messages import LONGEST_SECONDS, Connection, connect

EVERY_SECONDS = 0.25
"""Between two requests of one client."""

START_SECONDS = 60
"""Seconds within which every client must have its first answer."""

OK = {"POST": 201, "PUT": 200, "GET": 200}
"""Expected status of the answer to a request, by its method."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One request, and how it ended.

    Attributes:
        method: POST writes an order, PUT changes one, GET reads one.
        sent: when it was sent, Unix seconds.
        done: when the answer was there, or the error.
        status: HTTP status; 0 without an answer.
        error: what went wrong; empty if nothing.
        version: version of the pod that answered; empty without an answer.
        node: address of the node that it was sent to.
        kept: whether its connection had been used before.
        wrong: the error in the content of the answer; empty if it is correct.
    """

    method: str
    sent: float
    done: float
    status: int
    error: str
    version: str
    node: str
    kept: bool
    wrong: str

    @property
    def failed(self) -> bool:
        """Whether a user would have noticed."""
        return self.status != OK[self.method] or bool(self.wrong)

    @property
    def cause(self) -> str:
        """The cause of a failure, in a few words."""
        return f"{self.method} {self.status or self.error} {self.wrong}".strip()


class OrderClients(ClientThread):
    """A steady load of writes and reads over every node, while the block runs.

    Each client writes an order, changes it, reads it, and reads an earlier one of its own. Half of the clients keep
    their connection, and the others open one a request.

    Args:
        addresses: addresses of the nodes.
        port: NodePort.
        rate: requests a second of all clients.
    """

    def __init__(self, addresses: Sequence[str], port: int, rate: int) -> None:
        self._targets = [(address, port) for address in addresses]
        super().__init__(max(2, round(rate * EVERY_SECONDS)), START_SECONDS)
        self._requests: list[OrderRequest] = []
        self._names: dict[int, set[str]] = {}

    def requests(self) -> list[OrderRequest]:
        """Every request until now, in the order in which they ended."""
        return self._requests.copy()

    def acknowledged(self) -> dict[int, frozenset[str]]:
        """Every order that was acknowledged, with the names that it may have.

        These are the last acknowledged name, and each that was sent since without an answer.
        """
        return {number: frozenset(names) for number, names in self._names.copy().items()}

    def lost(self, stored: dict[int, str]) -> list[int]:
        """The orders that do not have what was acknowledged.

        Args:
            stored: names by ID, as the service has them after the end of the load.
        """
        return [number for number, names in self.acknowledged().items() if stored.get(number) not in names]

    async def _client(self, client: int) -> None:
        await asyncio.sleep(EVERY_SECONDS * client / self._number)
        wire = _Wire(self._targets, client)
        own: list[int] = []
        for cycle in itertools.count():
            if self._ended.is_set():
                break
            first, then = f"{client}-{cycle}", f"{client}-{cycle}-changed"
            number = await self._write(client, wire, first)
            if number is None:
                continue
            own.append(number)
            self._names[number].add(then)
            if await self._ask(client, wire, "PUT", number, {then}):
                self._names[number] = {then}
            await self._ask(client, wire, "GET", number, self._names[number])
            earlier = random.choice(own)  # noqa: S311 - chance, not secrecy
            await self._ask(client, wire, "GET", earlier, self._names[earlier])
        wire.close()

    async def _write(self, client: int, wire: "_Wire", name: str) -> int | None:
        """Writes an order; returns its ID, or None if that was not acknowledged."""
        body = await self._ask(client, wire, "POST", None, {name})
        if body is None:
            return None
        number = int(body["id"])
        self._names[number] = {name}
        return number

    async def _ask(
        self, client: int, wire: "_Wire", method: str, number: int | None, names: set[str]
    ) -> dict[str, Any] | None:
        """Sends a request; returns the body of a correct answer.

        Args:
            client: number of the client.
            wire: connection of the client.
            method: HTTP method of the request.
            number: number of the order; None for a new one.
            names: names that the answer may have; for a request that writes, the name that is sent.
        """
        sent = time.time()
        written = None if method == "GET" else json.dumps({"name": next(iter(names))})
        path = "/orders" if number is None else f"/orders/{number}"
        answer = await wire.ask(method, path, written)
        wrong = ""
        if answer.status == OK[method]:
            wrong = _wrong(answer.body, number, names)
        request = OrderRequest(
            method, sent, time.time(), answer.status, answer.error, answer.version, answer.node, answer.kept, wrong
        )
        self._requests.append(request)
        self._answered.add(client)
        if len(self._answered) == self._number:
            self._all_answered.set()
        await asyncio.sleep(max(0.0, sent + EVERY_SECONDS - time.time()))
        return None if request.failed else answer.body


@dataclass
class _Answer:
    node: str
    kept: bool
    status: int = 0
    error: str = ""
    version: str = ""
    body: Any = None


class _Wire:
    """The connection of one client: kept until the server closes it, or opened anew for each request."""

    def __init__(self, targets: Sequence[tuple[str, int]], client: int) -> None:
        self._keeps = client % 2 == 0
        # A client that keeps its connection stays with a node; the others use the nodes in rotation.
        at = client // 2 % len(targets)
        self._targets = itertools.cycle([targets[at]] if self._keeps else targets)
        self._connection: Connection | None = None

    async def ask(self, method: str, path: str, body: str | None) -> _Answer:
        """Sends one request."""
        if self._connection is not None and self._connection.ended:
            self.close()
        address, port = next(self._targets)
        answer = _Answer(address, kept=self._connection is not None)
        try:
            self._connection = self._connection or await connect(address, port)
            response = await self._connection.ask(_message(method, path, body or ""))
            answer.status, answer.version = response.status, response.headers.get("x-version", "")
            closes = response.closes or not self._keeps
            with contextlib.suppress(ValueError):  # an error is answered with plain text
                answer.body = json.loads(response.raw.partition(b"\r\n\r\n")[2])
        except (OSError, EOFError, TimeoutError) as problem:
            answer.error, closes = repr(problem), True
        if closes:
            self.close()
        return answer

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None


def _message(method: str, path: str, body: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: backend", "content-type: application/json"]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", body]).encode()


def _wrong(body: Any, number: int | None, names: set[str]) -> str:
    """The error in a body; empty if it is correct."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), int):
        return f"no order: {body!r}"
    if number not in {None, body["id"]}:
        return f"order {body['id']} in the place of {number}"
    return "" if body.get("name") in names else f"order {body['id']} is {body.get('name')!r}, not {sorted(names)}"


def stored_orders(address: str, port: int) -> dict[int, str]:
    """Every order that the service has, read through a NodePort."""
    orders: dict[int, str] = {}
    url = f"http://{address}:{port}/orders"
    with httpx.Client(trust_env=False, timeout=LONGEST_SECONDS) as client:
        while True:
            answer = client.get(url, params={"after": max(orders, default=0)})
            answer.raise_for_status()
            page = {int(number): str(name) for number, name in answer.json().items()}
            if not page:
                return orders
            orders |= page
