"""Measures where connections are lost: many new ones a second, first with a fixed selector, then with switches."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks import counters
from devtools.benchmarks.load import Load, wait_for_answer
from devtools.benchmarks.method import ours
from devtools.benchmarks.peers import Patch
from devtools.benchmarks.traffic import failures_by_cause
from devtools.sandbox import Sandbox

RATE = 4000
"""Requests a second, half of them over new connections: ten times what the other measurements ask for."""

SECONDS = 12
SWITCH_SECONDS = 1.5
"""Seconds between two switches."""

REST_SECONDS = 65
"""Seconds between the rounds. This machine and the pods remember closed connections for 60 s."""

LATE_SECONDS = 0.15
"""Seconds above which the SYN of a new connection was retransmitted before the answer."""


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        switches: number of changes of the selector.
        requests: number of requests, all over new connections.
        failed: number of failed requests by cause.
        late: number of requests that were answered after more than `LATE_SECONDS`.
        longest: longest time to an answer, seconds.
        counters: what the kernels counted during the round.
    """

    switches: int
    requests: int
    failed: dict[str, int]
    late: int
    longest: float
    counters: dict[str, int]


def run(sandbox: Sandbox, directory: Path) -> list[Round]:
    """One round without a switch, one with."""
    method = Patch(sandbox, "connections")
    ours(sandbox, directory, "connections").run("up", "--yes", "--skip-preview", check=True)
    rounds: list[Round] = []
    for switching in (False, True):
        if rounds:
            time.sleep(REST_SECONDS)
        rounds.append(_round(sandbox, method, directory / f"switching-{switching}", switching=switching))
        print(json.dumps(rounds[-1].__dict__), flush=True)
    return rounds


def _round(sandbox: Sandbox, method: Patch, folder: Path, *, switching: bool) -> Round:
    folder.mkdir()
    addresses = [node.address for node in sandbox.real_nodes]
    for address in addresses:
        wait_for_answer(address, method.port())
    before = counters.read(sandbox.real_nodes)
    switches = 0
    with Load(addresses, method.port(), RATE, folder) as load:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(SWITCH_SECONDS)
            if switching:
                method.start(method.next_colour()).communicate()
                switches += 1
    counted = counters.since(before, counters.read(sandbox.real_nodes))
    new = [request for request in load.requests() if not request.keep_alive]
    took = [request.done - request.sent for request in new if not request.failed]
    return Round(
        switches=switches,
        requests=len(new),
        failed=failures_by_cause(new),
        late=sum(seconds > LATE_SECONDS for seconds in took),
        longest=max(took),
        counters=counted,
    )
