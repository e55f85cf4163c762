"""Measures what users see of a switch by each method: same real nodes, same load, shuffled order."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devtools.benchmarks.footprint import ResourceSampler, ResourceUsage, resource_usage
from devtools.benchmarks.load import Load, Request, wait_for_answer
from devtools.benchmarks.method import TAGS, Method, in_time
from devtools.benchmarks.peers import methods
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import argo_rollouts

RATE = 200
"""Requests a second to the method that is measured, half of them over connections that are kept alive."""

SECONDS_BEFORE = 2
"""Load before the command, so that connections are open and the old version is seen."""

SECONDS_AFTER = 4
"""Load after it, so that the last old answers are seen; a rolling update's old pods drain for longer."""

BIN_SECONDS = 0.1
"""Width of a plot's column."""


@dataclass(frozen=True)
class SwitchRun:
    """One switch, seconds from the start of its command.

    Attributes:
        first_new: time of the first answer of the new version.
        last_old_new: time of the old version's last answer over a new connection.
        last_old_kept: time of its last answer over a kept connection; None if it still answered at the end.
        done: time of the end of the command.
        requests: number of requests that were sent.
        failed: number of requests that failed.
        during: maximum of the resources in use, from the command to the end of the load.
        after: resources in use once no pod is terminating.
        answers: data of the plot: answers of each version in each interval of `BIN_SECONDS`, from `SECONDS_BEFORE` the
            command.
    """

    first_new: float
    last_old_new: float
    last_old_kept: float | None
    done: float
    requests: int
    failed: int
    during: ResourceUsage
    after: ResourceUsage
    answers: dict[str, list[int]]

    def __str__(self) -> str:
        kept = "stays" if self.last_old_kept is None else f"{self.last_old_kept:.3f} s"
        return (
            f"first new {self.first_new:.3f} s, last old {self.last_old_new:.3f} s (kept: {kept}), "
            f"done {self.done:.3f} s, failed {self.failed} of {self.requests}"
        )


def run(sandbox: Sandbox, directory: Path, runs: int, minutes: float | None = None) -> dict[str, list[SwitchRun]]:
    """Switches `runs` times by each method, in rounds of shuffled order; returns the runs by method.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for stacks and recordings.
        runs: number of runs of each method.
        minutes: minutes after which no further round begins.
    """
    with argo_rollouts(sandbox, directory / "argo-rollouts.log"):
        peers = methods(sandbox, directory)
        addresses = [node.address for node in sandbox.real_nodes]
        results: dict[str, list[SwitchRun]] = {peer.name: [] for peer in peers}
        unsettled: dict[str, tuple[Method, SwitchRun]] = {}
        for number in in_time(range(1, runs + 1), minutes):
            for place, peer in enumerate(random.sample(peers, len(peers))):
                folder = directory / f"load-{number}-{place}"
                folder.mkdir()
                # Pods that a method leaves behind, as Argo Rollouts does for a minute, end while the other methods run.
                if peer.name in unsettled:
                    results[peer.name].append(_settled(*unsettled.pop(peer.name)))
                to = peer.next_colour()
                peer.prepare(to)
                measured = measure(peer, to, addresses, folder)
                unsettled[peer.name] = peer, measured
                print(f"round {number} of {runs}: {peer.name}: {measured}", flush=True)
        for name, (peer, measured) in unsettled.items():
            results[name].append(_settled(peer, measured))
    return results


def _settled(method: Method, measured: SwitchRun) -> SwitchRun:
    """A run, completed with the resources in use once no pod of its method is terminating."""
    method.settle()
    return replace(measured, after=resource_usage(method))


def measure(method: Method, to: str, addresses: Sequence[str], folder: Path) -> SwitchRun:
    """Measures one switch under load. The field `after` is not set yet."""
    old = TAGS["blue" if to == "green" else "green"]
    for address in addresses:
        wait_for_answer(address, method.port(), old)
    with Load(addresses, method.port(), RATE, folder) as load:
        time.sleep(SECONDS_BEFORE)
        with ResourceSampler(method) as sampler:
            begun = time.time()
            process = method.start(to)
            output, errors = process.communicate()
            done = time.time()
            time.sleep(SECONDS_AFTER)
    if process.returncode:
        raise RuntimeError(f"{method.name}: {output}{errors or ''}")
    requests = load.requests()
    kept = [request.done for request in requests if request.keep_alive and request.version == old]
    at_the_end = max(request.sent for request in requests) - max(kept) < BIN_SECONDS
    return SwitchRun(
        first_new=min(r.done for r in requests if r.sent >= begun and r.version == TAGS[to]) - begun,
        last_old_new=max(r.done for r in requests if not r.keep_alive and r.version == old) - begun,
        last_old_kept=None if at_the_end else max(kept) - begun,
        done=done - begun,
        requests=len(requests),
        failed=sum(request.failed for request in requests),
        during=sampler.most,
        after=sampler.most,  # until it has settled
        answers=columns(requests, begun - SECONDS_BEFORE),
    )


def columns(requests: Sequence[Request], since: float) -> dict[str, list[int]]:
    """Answers over new connections by version, and failures, in each `BIN_SECONDS`."""
    counted: dict[str, Counter[int]] = {}
    for request in requests:
        if not request.keep_alive:
            what = "failed" if request.failed else request.version
            counted.setdefault(what, Counter())[int((request.done - since) / BIN_SECONDS)] += 1
    last = max(max(counter) for counter in counted.values())
    return {what: [counter[number] for number in range(last + 1)] for what, counter in counted.items()}


def failures_by_cause(requests: Sequence[Request]) -> dict[str, int]:
    """Failed requests by their error."""
    return dict(Counter(request.error or str(request.status) for request in requests if request.failed))
