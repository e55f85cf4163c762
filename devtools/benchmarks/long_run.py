"""A million requests over fifty switches by this program, and the bound on the failure rate that they support."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks import counters
from devtools.benchmarks.load import Load, Request, wait_for_answer
from devtools.benchmarks.method import TAGS, ours
from devtools.benchmarks.peers import OURS, Pulumi, switch_ours
from devtools.benchmarks.traffic import failures_by_cause
from devtools.sandbox import Sandbox

CONFIDENCE = 0.95

NEW_RATE = 400
"""The most requests a second over new connections: a closed one keeps its port for a minute, this machine has
28,000 for each node, and a generator that has to search for a free one takes the processors from what is measured."""


@dataclass(frozen=True)
class LongRun:
    """The outcome of the run.

    Attributes:
        rate: requests a second.
        seconds: how long it took.
        requests: number of requests that were sent.
        new: number of requests over new connections.
        failed: number of failed requests by cause.
        over_one_second: number of answers so late that a lost packet was sent again.
        first_new: seconds from the start of each switch's command to the first new answer.
        done: seconds from the start of each switch's command to its end.
        latency: corrected latency of the answered requests, seconds by share of requests.
        per_second: answers of blue, of green, and failures in each second.
        counters: kernel counters that increased during the run.
    """

    rate: int
    seconds: float
    requests: int
    new: int
    failed: dict[str, int]
    over_one_second: int
    first_new: list[float]
    done: list[float]
    latency: dict[str, float]
    per_second: list[list[int]]
    counters: dict[str, int]


def failure_bound(requests: int, failed: int) -> float:
    """The rate of failures that the sample excludes, at `CONFIDENCE`: the exact (Clopper-Pearson) upper bound.

    Without a failure it is 1 - 0.05^(1/n), the "rule of three".
    """
    low, high = failed / requests, 1 - 1e-12
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(failed, requests, middle) > 1 - CONFIDENCE else (low, middle)
    return high


def _at_most(failed: int, requests: int, rate: float) -> float:
    """Probability of at most so many failures: binomial, in logarithms, because single terms may be too small."""
    terms = [
        math.lgamma(requests + 1)
        - math.lgamma(count + 1)
        - math.lgamma(requests - count + 1)
        + count * math.log(rate)
        + (requests - count) * math.log1p(-rate)
        for count in range(failed + 1)
    ]
    largest = max(terms)
    return math.exp(largest) * sum(math.exp(term - largest) for term in terms)


def run(sandbox: Sandbox, directory: Path, requests: int, switches: int, rate: int) -> LongRun:
    """Sends requests while the service is switched a number of times, evenly over the time."""
    method = Pulumi(OURS, sandbox, "long", ours(sandbox, directory, "long"), switch_ours)
    addresses = [node.address for node in sandbox.real_nodes]
    for address in addresses:
        wait_for_answer(address, method.port())
    length = requests / rate
    pause = length / switches
    begun, done = [], []
    before = counters.read(sandbox.real_nodes)
    with Load(addresses, method.port(), rate, directory, min(NEW_RATE, rate // 2)) as load:
        started = time.time()
        for number in range(switches):
            time.sleep(max(started + (number + 0.5) * pause - time.time(), 0))
            begun.append(time.time())
            output, _ = (process := method.start("green" if number % 2 == 0 else "blue")).communicate()
            if process.returncode:
                raise RuntimeError(output)
            done.append(time.time())
            print(f"switch {number + 1} of {switches}: {done[-1] - begun[-1]:.2f} s", flush=True)
        # A little longer, because the generators do not start and end at exactly the same time.
        time.sleep(max(started + length + 5 - time.time(), 0))
    counted = counters.since(before, counters.read(sandbox.real_nodes))
    return _summary(load.requests(), rate, begun, done, counted)


def _summary(
    requests: list[Request], rate: int, begun: list[float], done: list[float], counted: dict[str, int]
) -> LongRun:
    answered = sorted(request.latency for request in requests if not request.failed)
    first = [_first_new(requests, at, number) for number, at in enumerate(begun)]
    start = requests[0].due
    seconds = int(max(request.done for request in requests) - start) + 1
    table = [[0, 0, 0] for _ in range(seconds)]
    for request in requests:
        column = 2 if request.failed else list(TAGS.values()).index(request.version)
        table[int(request.done - start)][column] += 1
    return LongRun(
        rate=rate,
        seconds=requests[-1].due - start,
        requests=len(requests),
        new=sum(not request.keep_alive for request in requests),
        failed=failures_by_cause(requests),
        over_one_second=sum(latency > 1 for latency in answered),
        first_new=[at - started for at, started in zip(first, begun, strict=True)],
        done=[ended - started for ended, started in zip(done, begun, strict=True)],
        latency={share: answered[int(float(share) * (len(answered) - 1))] for share in ("0.5", "0.95", "0.99", "1")},
        per_second=table,
        counters=counted,
    )


def _first_new(requests: list[Request], at: float, number: int) -> float:
    version = TAGS["green" if number % 2 == 0 else "blue"]
    return min(
        request.done
        for request in requests
        if request.sent >= at and not request.keep_alive and request.version == version
    )
