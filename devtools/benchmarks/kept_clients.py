"""Clients that keep their connection until the server closes it, with every request recorded."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from devtools.benchmarks.client_thread import ClientThread
from devtools.benchmarks.http_messages import Connection, connect
from devtools.benchmarks.keeping_proxy import HOST, KeepingProxy

EVERY_SECONDS = 0.1
"""Default number of seconds between two requests of one client."""

START_SECONDS = 60
"""Seconds within which every client must have the answers that are waited for, such as its first."""

# No client or proxy repeats a POST, so that a closed connection is noticed.
REQUEST = b"POST / HTTP/1.1\r\nhost: backend\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """One request, and how it ended.

    Attributes:
        client: number of the client.
        sent: when it was sent, Unix seconds.
        done: when the answer was there, or the error.
        status: HTTP status; 0 without an answer.
        error: what went wrong; empty if nothing.
        colour: colour of the pod that answered; empty without an answer.
        kept: whether its connection had been used before.
        version: what runs in the pod; empty without an answer.
    """

    client: int
    sent: float
    done: float
    status: int
    error: str
    colour: str
    kept: bool
    version: str = ""

    @property
    def failed(self) -> bool:
        """Whether a user would have noticed."""
        return self.status != 200


class KeptClients(ClientThread):
    """Clients that never close a connection: only the server does. They run within the block.

    Args:
        addresses: addresses of the nodes; the clients are spread over them.
        port: NodePort.
        number: number of clients.
        behind_proxy: whether a proxy that keeps its connections to the nodes is between clients and nodes.
        every: seconds between two requests of one client, which waits for the answer in any case.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        port: int,
        number: int,
        *,
        behind_proxy: bool = False,
        every: float = EVERY_SECONDS,
    ) -> None:
        self._targets = [(address, port) for address in addresses]
        self._proxy = KeepingProxy(addresses, port) if behind_proxy else None
        self.behind_proxy = behind_proxy
        super().__init__(number, START_SECONDS)
        self._every = every
        self._answers: list[Answer] = []

    def answers(self) -> list[Answer]:
        """Every request until now, by the time it ended."""
        return sorted(self._answers.copy(), key=lambda answer: answer.done)

    def wait_for_each(self, since: float, requests: int = 1) -> None:
        """Waits until each client has had answers to a number of requests that it has sent since a given time.

        Raises:
            TimeoutError: some client has not.
        """
        limit = time.monotonic() + START_SECONDS
        while True:
            counts = Counter(answer.client for answer in self.answers() if answer.sent >= since)
            if all(counts[client] >= requests for client in range(self._number)):
                return
            if time.monotonic() > limit:
                raise TimeoutError(f"clients have had these numbers of {requests} answers: {dict(counts)}")
            time.sleep(self._every)

    def waiting(self) -> int:
        """Number of answers that `take` would return now."""
        return len(self._answers)

    def take(self) -> list[Answer]:
        """Every request that has ended since the last call, by the time it ended.

        They are removed from the recording.
        """
        # Each of these operations is atomic, and the clients only append, so no answer is lost in between.
        taken = self._answers[: len(self._answers)]
        del self._answers[: len(taken)]
        return sorted(taken, key=lambda answer: answer.done)

    async def _run(self) -> None:
        if self._proxy is not None:
            await self._proxy.start()
            self._targets = [(HOST, self._proxy.port)]
        await super()._run()
        if self._proxy is not None:
            self._proxy.close()

    async def _client(self, client: int) -> None:
        address, port = self._targets[client % len(self._targets)]
        await asyncio.sleep(self._every * client / self._number)
        connection: Connection | None = None
        while not self._ended.is_set():
            if connection is not None and connection.ended:
                connection.close()
                connection = None
            sent = time.time()
            connection = await self._ask(client, connection, address, port)
            await asyncio.sleep(max(0.0, sent + self._every - time.time()))
        if connection is not None:
            connection.close()

    async def _ask(self, client: int, connection: Connection | None, address: str, port: int) -> Connection | None:
        """Sends one request; returns the connection, if it may be used again."""
        kept, sent = connection is not None, time.time()
        status, error, colour, version, closes = 0, "", "", "", True
        try:
            connection = connection or await connect(address, port)
            answer = await connection.ask(REQUEST)
            status, closes = answer.status, answer.closes
            colour, version = (answer.headers.get(name, "") for name in ("x-colour", "x-version"))
        except (OSError, EOFError, TimeoutError) as problem:
            error = repr(problem)
        self._answers.append(Answer(client, sent, time.time(), status, error, colour, kept, version))
        self._answered.add(client)
        if len(self._answered) == self._number:
            self._all_answered.set()
        if closes and connection is not None:
            with contextlib.suppress(OSError):
                connection.close()
            return None
        return connection
