"""The clients and the proxy of the measurements of kept connections show what they are for."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from devtools.benchmarks.http_messages import read_message
from devtools.benchmarks.kept import last_old
from devtools.benchmarks.kept_clients import Answer, KeptClients
from devtools.benchmarks.report_kept import kept

BOUND_SECONDS = 20


class PlayedBackend:
    """An application on 127.0.0.1.

    Attributes:
        colour: that it names in its answers.
        closes: whether its answers close their connections.
        breaks: whether it ends a connection in place of the answer.
        connections: that it has accepted.
    """

    def __init__(self) -> None:
        self.colour, self.closes, self.breaks, self.connections, self.port = "blue", False, False, 0, 0
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._listening.wait(BOUND_SECONDS)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        async def listen() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(listen())
        self._loop.call_soon(self._listening.set)
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not self.breaks:
                await read_message(reader)
                if self.breaks:
                    break
                close = "connection: close\r\n" if self.closes else ""
                writer.write(f"HTTP/1.1 200 OK\r\nx-colour: {self.colour}\r\n{close}content-length: 0\r\n\r\n".encode())
                if close:
                    break
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@pytest.fixture
def backend() -> Iterator[PlayedBackend]:
    played = PlayedBackend()
    yield played
    played.end()


def more(clients: KeptClients, number: int) -> list[Answer]:
    """Waits for a number of further answers, and returns them."""
    before, deadline = len(clients.answers()), time.monotonic() + BOUND_SECONDS
    while len(clients.answers()) < before + number:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return clients.answers()[before:]


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_a_connection_is_kept_until_an_answer_closes_it(backend: PlayedBackend, behind_proxy: bool) -> None:
    with KeptClients(["127.0.0.1"], backend.port, 3, behind_proxy=behind_proxy) as clients:
        more(clients, 9)
        # A proxy opens another one when all are in use, and never more than there are clients.
        opened = backend.connections
        more(clients, 9)
        assert opened <= backend.connections <= 3
        opened = backend.connections
        backend.closes = True
        more(clients, 9)
        assert backend.connections >= opened + 3
    assert not [answer for answer in clients.answers() if answer.failed]


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_a_request_that_meets_a_closing_fails_and_is_not_sent_again(backend: PlayedBackend, behind_proxy: bool) -> None:
    with KeptClients(["127.0.0.1"], backend.port, 2, behind_proxy=behind_proxy) as clients:
        backend.breaks = True
        found = more(clients, 6)
    failed = [answer for answer in found if answer.failed]
    assert failed
    assert {answer.status for answer in failed} == {502 if behind_proxy else 0}


def test_the_last_old_answer_is_unknown_while_old_ones_still_come() -> None:
    def answer(done: float, colour: str) -> Answer:
        return Answer(0, done - 0.01, done, 200, "", colour, kept=True)

    answers = [answer(10, "blue"), answer(11.5, "blue"), answer(12, "green"), answer(16, "green")]
    assert last_old(answers, "blue", 10.5, 16) == 1.0
    assert last_old([*answers, answer(15.5, "blue")], "blue", 10.5, 16) is None


def test_the_table_says_who_stays_and_whether_the_target_is_met() -> None:
    run = {"direct": 0.5, "proxied": 0.7, "done": 0.9, "left": 0, "requests": 1000, "failed": 0}
    lines = "\n".join(kept({"a": [run, run], "b": [run, run | {"proxied": None}]}))
    assert (
        "| a | 0.50 s | 0.50 s | 0.70 s | 0.70 s | 0.90 s | 0 of 2,000; under 1497 in a million (95%) | yes |" in lines
    )
    assert "| b | 0.50 s | 0.50 s | they stay (1 of 2) | they stay | 0.90 s |" in lines
