"""The clients and the proxy of the measurements of kept connections show what they are for."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from devtools.benchmarks import kept_clients
from devtools.benchmarks.fast_lane import CommandResult, ThereAndBack
from devtools.benchmarks.http_messages import read_message
from devtools.benchmarks.kept import CompletedCommand, kept_run, last_old, rounds
from devtools.benchmarks.kept_clients import Answer, KeptClients
from devtools.benchmarks.kept_long import FailedRequest, Pace, Tally
from devtools.benchmarks.method import Method, in_time
from switchyard.config.models.drain import DrainMethod

BOUND_SECONDS = 20


class FakeBackend:
    """An application on 127.0.0.1.

    Attributes:
        colour: colour that it names in its answers.
        closes: whether its answers close their connections.
        breaks: whether it ends a connection in place of the answer.
        connections: connections that it has accepted.
        answered: requests that it has answered.
    """

    def __init__(self) -> None:
        self.colour, self.closes, self.breaks, self.connections, self.port = "blue", False, False, 0, 0
        self.answered = 0
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
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not self.breaks:
                await read_message(reader)
                if self.breaks:
                    break
                close = "connection: close\r\n" if self.closes else ""
                version = f"x-version: v-{self.colour}\r\n"
                self.answered += 1  # before the client, in a thread of its own, can have it
                writer.write(
                    f"HTTP/1.1 200 OK\r\nx-colour: {self.colour}\r\n{version}{close}content-length: 0\r\n\r\n".encode()
                )
                if close:
                    break
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    fake = FakeBackend()
    yield fake
    fake.end()


def answer(done: float, version: str) -> Answer:
    return Answer(0, done - 0.01, done, 200, "", "", kept=True, version=version)


def more(clients: KeptClients, number: int) -> list[Answer]:
    """Waits for a number of further answers, and returns them."""
    before, deadline = len(clients.answers()), time.monotonic() + BOUND_SECONDS
    while len(clients.answers()) < before + number:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return clients.answers()[before:]


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_a_connection_is_kept_until_an_answer_closes_it(backend: FakeBackend, behind_proxy: bool) -> None:
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
def test_a_request_that_meets_a_closing_fails_and_is_not_sent_again(backend: FakeBackend, behind_proxy: bool) -> None:
    with KeptClients(["127.0.0.1"], backend.port, 2, behind_proxy=behind_proxy) as clients:
        backend.breaks = True
        found = more(clients, 6)
    failed = [answer for answer in found if answer.failed]
    assert failed
    assert {answer.status for answer in failed} == {502 if behind_proxy else 0}


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_answers_are_taken_once_and_none_is_lost(backend: FakeBackend, behind_proxy: bool) -> None:
    taken: list[Answer] = []
    with KeptClients(["127.0.0.1"], backend.port, 4, behind_proxy=behind_proxy, every=0) as clients:
        deadline = time.monotonic() + BOUND_SECONDS
        while len(taken) < 200:
            assert time.monotonic() < deadline
            taken += clients.take()
    taken += clients.take()
    assert clients.waiting() == 0
    assert len(taken) == backend.answered
    assert {answer.version for answer in taken} == {"v-blue"}


def test_a_client_that_has_no_answer_since_a_moment_is_waited_for(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KeptClients(["127.0.0.1"], backend.port, 3, every=0.01) as clients:
        since = time.time()
        clients.wait_for_each(since, 4)
        counts = Counter(answer.client for answer in clients.answers() if answer.sent >= since)
        monkeypatch.setattr(kept_clients, "START_SECONDS", 0.05)
        with pytest.raises(TimeoutError, match="clients have had"):
            clients.wait_for_each(time.time() + BOUND_SECONDS)
    assert min(counts[client] for client in range(3)) >= 4


def test_the_last_old_answer_is_unknown_while_old_ones_still_come() -> None:
    answers = [answer(10, "v1"), answer(11.5, "v1"), answer(12, "v2"), answer(16, "v2")]
    assert last_old(answers, "v1", 10.5, 16) == 1.0
    assert last_old([*answers, answer(15.5, "v1")], "v1", 10.5, 16) is None


def test_without_an_old_answer_since_enter_the_last_one_was_then() -> None:
    assert last_old([answer(10, "v1"), answer(12, "v2")], "v1", 10.5, 16) == 0
    assert last_old([answer(12, "v2")], "v1", 10.5, 16) == 0


def test_a_run_has_the_last_old_answer_of_each_kind_and_what_failed() -> None:
    completed = CompletedCommand("green", 10.0, 13.0, CommandResult(0, ""))
    direct = [answer(9.9, "v1.0.0"), answer(10.5, "v1.0.0"), answer(11, "v2.0.0")]
    proxied = [answer(11.5, "v1.0.0"), replace(answer(11.6, ""), status=502)]
    run = kept_run(completed, [direct, proxied], 20.0)
    assert (run.direct, run.proxied, run.done, run.left) == (0.5, 1.5, 3.0, 0)
    assert (run.requests, run.failed, run.problem) == (5, 1, "")


def test_a_command_begins_when_its_share_of_requests_or_of_the_time_is_over() -> None:
    pace = Pace(requests=1000, commands=10, limit=100)
    assert not pace.enough(1, 99, 9.9)
    assert pace.enough(1, 100, 0)
    assert pace.enough(1, 0, 10)
    assert not pace.enough(10, 999, 99.9)
    assert pace.enough(10, 1000, 0)


def test_requests_and_failures_are_counted_by_cause_and_by_command() -> None:
    tally = Tally()
    refused = replace(answer(12.5, ""), status=0, error="ConnectionResetError()")
    tally.add(3, 10.0, [[answer(11, "v1"), refused], [replace(answer(13, ""), status=502, kept=False)]])
    tally.add(4, 20.0, [[answer(21, "v1")], []])
    assert tally.requests == 4
    assert tally.failed == {"ConnectionResetError()": 1, "502": 1}
    assert tally.failures == [
        FailedRequest(3, 2.5, behind_proxy=False, kept=True, cause="ConnectionResetError()"),
        FailedRequest(3, 3.0, behind_proxy=True, kept=False, cause="502"),
    ]


class FakeMethod(Method):
    """A method without a cluster."""

    def __init__(self, name: str) -> None:
        self.name = name


class FakeCommands(ThereAndBack):
    """This program's commands without a cluster."""

    def __init__(self, drain: DrainMethod) -> None:
        self.drain = drain


def test_each_round_has_every_method_and_each_command_of_this_program() -> None:
    peer, endpoint, renew = FakeMethod("peer"), FakeCommands(DrainMethod.ENDPOINT), FakeCommands(DrainMethod.RENEW)
    first, second, third = rounds([peer, endpoint, renew], 3, 1)
    assert Counter(map(id, first)) == {id(peer): 1, id(endpoint): 2, id(renew): 2}
    assert Counter(map(id, second)) == Counter(map(id, third)) == {id(peer): 1, id(endpoint): 2}
    only_renewals = rounds([peer, endpoint, renew], 1, 2)[1]
    assert Counter(map(id, only_renewals)) == {id(renew): 2}
    assert endpoint.label("green") == "this program, switchyard switch, drain method endpoint"
    assert renew.label("blue") == "this program, switchyard rollback, drain method renew"


def test_no_round_begins_after_the_minutes_but_the_first() -> None:
    assert list(in_time([1, 2, 3], None)) == [1, 2, 3]
    assert list(in_time([1, 2, 3], 60)) == [1, 2, 3]
    assert list(in_time([1, 2, 3], 0)) == [1]
