"""A million requests of clients that never close a connection, over fifty switches and fifty rollbacks.

The drain method is `endpoint`. The load does not pause between the commands: a command begins when the share of the
requests of the one before has been answered.
"""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks.fast_lane import ThereAndBack
from devtools.benchmarks.kept import CLIENTS, SECONDS_BEFORE, KeptRun, act, kept_run
from devtools.benchmarks.kept_clients import Answer, KeptClients
from devtools.benchmarks.load import wait_for_answer
from devtools.benchmarks.method import TAGS
from devtools.sandbox import Sandbox
from switchyard.config.models.drain import DrainMethod

LIMIT_SECONDS = 17 * 60
"""Time limit for the load, seconds. A machine that is too slow sends fewer requests, with the same number of
switches."""

LEAST_AFTER = 2
"""Minimum number of seconds of load after a command, in which late answers of the old version would be seen."""

POLL_SECONDS = 0.05
"""Seconds between two reads of the number of answers, which the threads of the load count."""

SHOWN = 100
"""Number of failed requests that are recorded individually."""


@dataclass(frozen=True)
class FailedRequest:
    """One request that failed.

    Attributes:
        command: number of the latest command, from 1.
        after: seconds from the start of the latest command to the end of the request.
        behind_proxy: whether it went through the proxy.
        kept: whether its connection had been used before.
        cause: status or error.
    """

    command: int
    after: float
    behind_proxy: bool
    kept: bool
    cause: str


@dataclass(frozen=True)
class KeptLong:
    """The outcome of the run.

    Attributes:
        clients: number of clients of the NodePorts; as many are behind the proxy.
        rate: intended number of requests a second.
        seconds: how long the load took.
        requests: number of requests that were sent.
        failed: number of failed requests by cause.
        failures: the first failed requests.
        runs: the switches and the rollbacks by method.
    """

    clients: int
    rate: int
    seconds: float
    requests: int
    failed: dict[str, int]
    failures: list[FailedRequest]
    runs: dict[str, list[KeptRun]]


@dataclass(frozen=True)
class Pace:
    """Decides when the load after a command has lasted long enough.

    Attributes:
        requests: number of requests in the whole run.
        commands: number of commands in the whole run.
        limit: time limit of the whole run, seconds.
    """

    requests: int
    commands: int
    limit: float = LIMIT_SECONDS

    def enough(self, number: int, requests: int, seconds: float) -> bool:
        """Whether the next command may begin.

        Args:
            number: commands that have ended.
            requests: number of requests answered since the run began.
            seconds: seconds since the run began.
        """
        share = number / self.commands
        return requests >= share * self.requests or seconds >= share * self.limit


class Tally:
    """Counts the requests and failures of the whole run, without keeping the answers."""

    def __init__(self) -> None:
        self.requests = 0
        self.failed: Counter[str] = Counter()
        self.failures: list[FailedRequest] = []

    def add(self, command: int, begun: float, answers: Sequence[Sequence[Answer]]) -> None:
        """Counts the answers since a command began.

        Args:
            command: number of the command.
            begun: when it began, Unix seconds.
            answers: answers to the clients of the NodePorts, and answers to those behind the proxy.
        """
        for behind_proxy, group in zip((False, True), answers, strict=True):
            self.requests += len(group)
            for answer in group:
                if answer.failed:
                    cause = answer.error or str(answer.status)
                    self.failed[cause] += 1
                    self.failures.append(FailedRequest(command, answer.done - begun, behind_proxy, answer.kept, cause))


def run(sandbox: Sandbox, directory: Path, requests: int, pairs: int, rate: int) -> KeptLong:
    """Switches and rolls back while requests are sent, spread evenly over the commands.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for the stack.
        requests: number of requests of all clients together.
        pairs: switches, and as many rollbacks.
        rate: requests a second, if the machine is fast enough.
    """
    method = ThereAndBack(sandbox, directory, "kept-long", DrainMethod.ENDPOINT)
    addresses = [node.address for node in sandbox.real_nodes]
    for address in addresses:
        wait_for_answer(address, method.port(), TAGS["blue"])
    pace, tally = Pace(requests, 2 * pairs), Tally()
    runs: dict[str, list[KeptRun]] = {method.label(to): [] for to in ("green", "blue")}
    with ExitStack() as load:
        clients = [
            load.enter_context(
                KeptClients(addresses, method.port(), CLIENTS, behind_proxy=behind, every=2 * CLIENTS / rate)
            )
            for behind in (False, True)
        ]
        started = time.time()
        time.sleep(SECONDS_BEFORE)
        for number in range(1, pace.commands + 1):
            completed = act(method, method.next_colour())
            while time.time() < completed.done + LEAST_AFTER or not pace.enough(
                number, tally.requests + sum(group.waiting() for group in clients), time.time() - started
            ):
                time.sleep(POLL_SECONDS)
            answers, ended = [group.take() for group in clients], time.time()
            measured = kept_run(completed, answers, ended)
            tally.add(number, completed.begun, answers)
            runs[method.label(completed.to)].append(measured)
            print(
                f"{number} of {pace.commands}: {method.label(completed.to)}: {measured}; {tally.requests:,} requests "
                f"in {ended - started:.0f} s, {tally.failed.total()} failed",
                flush=True,
            )
            if ended - started > pace.limit:
                break
        seconds = time.time() - started
    tally.add(number, completed.begun, [group.take() for group in clients])
    return KeptLong(CLIENTS, rate, seconds, tally.requests, dict(tally.failed), tally.failures[:SHOWN], runs)
