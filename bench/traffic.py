"""What users see of a switch by each way: the same real nodes, the same load, in shuffled order."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.argo import argo_rollouts
from bench.load import Load, Request, wait_for_answer
from bench.peers import ways
from bench.way import TAGS, Way
from sandbox import Sandbox
from sandbox.cgroups import hierarchies

RATE = 200
"""Requests a second on the way that is measured, half of them over connections that are kept alive."""

SECONDS_BEFORE = 2
"""Load before the command, so that connections are open and the old version is seen."""

SECONDS_AFTER = 4
"""Load after it, so that the last old answers are seen; a rolling update's old pods drain for longer."""

BIN_SECONDS = 0.1
"""Width of a plot's column."""


@dataclass(frozen=True)
class Run:
    """One switch, seconds from the start of its command.

    Attributes:
        first_new: to the first answer of the new version.
        last_old_new: to the last answer of the old one over a connection of its own.
        last_old_kept: the same over a connection that was there before; None if it was still so at the end.
        done: to the end of the command.
        requests: sent in all.
        failed: of these.
        pods: at the end of the command, those on their way out as well.
        memory_mib: that they held then, MiB.
        answers: for the plot: version, and answers in each `BIN_SECONDS` from `SECONDS_BEFORE` the command on.
    """

    first_new: float
    last_old_new: float
    last_old_kept: float | None
    done: float
    requests: int
    failed: int
    pods: int
    memory_mib: float
    answers: dict[str, list[int]]


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[str, list[Run]]:
    """Switches `runs` times by each way; returns the runs by way."""
    with argo_rollouts(sandbox, directory / "argo-rollouts.log"):
        found = ways(sandbox, directory)
        addresses = [node.address for node in sandbox.real_nodes]
        results: dict[str, list[Run]] = {way.name: [] for way in found}
        turns = [way for way in found for _ in range(runs)]
        random.shuffle(turns)
        for number, way in enumerate(turns):
            folder = directory / f"load-{number}"
            folder.mkdir()
            to = way.turn()
            way.prepare(to)
            one = measure(way, to, addresses, folder)
            results[way.name].append(one)
            way.settle()
            kept = "stays" if one.last_old_kept is None else f"{one.last_old_kept:.3f} s"
            print(
                f"{way.name}: first new {one.first_new:.3f} s, last old {one.last_old_new:.3f} s (kept: {kept}), "
                f"done {one.done:.3f} s, failed {one.failed} of {one.requests}",
                flush=True,
            )
    return results


def measure(way: Way, to: str, addresses: Sequence[str], folder: Path) -> Run:
    """One switch under load."""
    old = TAGS["blue" if to == "green" else "green"]
    for address in addresses:
        wait_for_answer(address, way.port(), old)
    with Load(addresses, way.port(), RATE, folder) as load:
        time.sleep(SECONDS_BEFORE)
        begun = time.time()
        process = way.start(to)
        output, _ = process.communicate()
        done = time.time()
        pods = way.pods()
        memory = sum(memory_mib(pod) for pod in pods)
        time.sleep(SECONDS_AFTER)
    if process.returncode:
        raise RuntimeError(f"{way.name}: {output}")
    requests = load.requests()
    kept = [request.done for request in requests if request.keep_alive and request.version == old]
    at_the_end = max(request.sent for request in requests) - max(kept) < BIN_SECONDS
    return Run(
        first_new=min(r.done for r in requests if r.sent >= begun and r.version == TAGS[to]) - begun,
        last_old_new=max(r.done for r in requests if not r.keep_alive and r.version == old) - begun,
        last_old_kept=None if at_the_end else max(kept) - begun,
        done=done - begun,
        requests=len(requests),
        failed=sum(request.failed for request in requests),
        pods=len(pods),
        memory_mib=memory,
        answers=columns(requests, begun - SECONDS_BEFORE),
    )


def columns(requests: Sequence[Request], since: float) -> dict[str, list[int]]:
    """Answers over connections of their own by version, and failures, in each `BIN_SECONDS`."""
    counted: dict[str, Counter[int]] = {}
    for request in requests:
        if not request.keep_alive:
            what = "failed" if request.failed else request.version
            counted.setdefault(what, Counter())[int((request.done - since) / BIN_SECONDS)] += 1
    last = max(max(counter) for counter in counted.values())
    return {what: [counter[number] for number in range(last + 1)] for what, counter in counted.items()}


def memory_mib(pod: str) -> float:
    """What the processes of a pod on a real node hold (anonymous memory), MiB; 0 if it is gone.

    Args:
        pod: its uid.
    """
    for root in hierarchies():
        for folder in root.glob(f"switchyard-*/*/kubepods/**/pod{pod}"):
            statistics = folder / "memory.stat"
            if statistics.exists():
                values = dict(line.split() for line in statistics.read_text().splitlines())
                # The name in version 1, which is for a group with its children, and in version 2.
                return int(values.get("total_rss", values.get("anon", 0))) / 2**20
    return 0.0


def failures_by_cause(requests: Sequence[Request]) -> dict[str, int]:
    """Failed requests by what was said of them."""
    return dict(Counter(request.error or str(request.status) for request in requests if request.failed))
