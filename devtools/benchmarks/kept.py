"""Measures how long kept connections stay with the old version after a switch, by this program and by peers.

The clients never close a connection. Half of them reach the nodes directly, half through a proxy that keeps its
connections to the nodes, as a load balancer does. Times start with the command's process.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks.argo import Promote, Undo
from devtools.benchmarks.fast_lane import CommandResult, ThereAndBack, result_of
from devtools.benchmarks.kept_clients import Answer, KeptClients
from devtools.benchmarks.load import wait_for_answer
from devtools.benchmarks.method import TAGS, Way, in_time, other, ours
from devtools.benchmarks.peers import Helm, Patch
from devtools.engine import ENGINE_LIMIT
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import argo_rollouts
from switchyard.config.models.drain import DrainMethod

CLIENTS = 20
"""Of each kind."""

SECONDS_BEFORE = 1
SECONDS_AFTER = 5
"""Load after the last step, in which old answers would be seen."""

STAYS_SECONDS = 1
"""An old version that still answers so shortly before the end of the load stays."""

RENEWAL_SECONDS = 180
"""Bound on the renewal of three pods, which takes about a minute."""


@dataclass(frozen=True)
class KeptRun:
    """One switch; times are seconds from the start of the command's process.

    Attributes:
        direct: to the last answer of the old version to clients of the NodePorts; None if they got more at the end.
        proxied: the same behind the proxy.
        done: to the end of the command.
        left: connections that its drain counted at its end; None where it did not.
        requests: sent in all.
        failed: of these.
        problem: what the command said that went wrong; empty if nothing.
    """

    direct: float | None
    proxied: float | None
    done: float
    left: int | None
    requests: int
    failed: int
    problem: str = ""

    def __str__(self) -> str:
        last = (f"{name} {'stay' if at is None else f'{at:.2f} s'}" for name, at in self._ends())
        problem = f"; {self.problem}" if self.problem else ""
        return f"last old {', '.join(last)}; done {self.done:.2f} s; failed {self.failed} of {self.requests}{problem}"

    def _ends(self) -> tuple[tuple[str, float | None], ...]:
        return ("direct", self.direct), ("behind the proxy", self.proxied)


@dataclass(frozen=True)
class Acted:
    """One command that has ended, Unix seconds.

    Attributes:
        to: the colour that is to serve after it.
        begun: when its process was started.
        done: when it ended.
        result: what it says of itself.
    """

    to: str
    begun: float
    done: float
    result: CommandResult


def run(
    sandbox: Sandbox, directory: Path, runs: int, renewals: int, minutes: float | None = None
) -> dict[str, list[KeptRun]]:
    """Switches by each way, in rounds of shuffled order; returns the runs by way.

    Args:
        sandbox: with real nodes.
        directory: for the stacks.
        runs: switches by each way, and of this program with the drain method `endpoint` as many rollbacks.
        renewals: switches and rollbacks each with the drain method `renew`.
        minutes: after which no further round begins.
    """
    with argo_rollouts(sandbox, directory / "argo-rollouts.log"):
        ways = _ways(sandbox, directory)
        results: dict[str, list[KeptRun]] = {label(way, to): [] for way in ways for to in ("green", "blue")}
        planned = rounds(ways, runs, renewals)
        addresses = [node.address for node in sandbox.real_nodes]
        for number, round_ in enumerate(in_time(planned, minutes), 1):
            for way in round_:
                # What a way leaves behind, the pods of Argo Rollouts for a minute, ends while others have their turns.
                way.settle()
                to = way.turn()
                way.prepare(to)
                measured = measure(way, to, addresses)
                results[label(way, to)].append(measured)
                print(f"round {number} of {len(planned)}: {label(way, to)}: {measured}", flush=True)
    return results


def measure(way: Way, to: str, addresses: Sequence[str]) -> KeptRun:
    """One switch under load.

    Raises:
        RuntimeError: a peer's command failed. What goes wrong with one of this program is in its row.
    """
    for address in addresses:
        wait_for_answer(address, way.port(), TAGS[other(to)])
    leaves = way.old_pods(to) if isinstance(way, ThereAndBack) and way.drain is DrainMethod.RENEW else frozenset()
    with ExitStack() as load:
        clients = [
            load.enter_context(KeptClients(addresses, way.port(), CLIENTS, behind_proxy=behind))
            for behind in (False, True)
        ]
        time.sleep(SECONDS_BEFORE)
        acted = act(way, to)
        if acted.result.problem and not isinstance(way, ThereAndBack):
            raise RuntimeError(f"{label(way, to)}: {acted.result.problem}")
        if isinstance(way, ThereAndBack) and leaves and not acted.result.problem:
            way.wait(lambda: not leaves & way.old_pods(to), RENEWAL_SECONDS)
        time.sleep(SECONDS_AFTER)
        ended = time.time()
    return kept_run(acted, [group.take() for group in clients], ended)


def act(way: Way, to: str) -> Acted:
    """Runs the command of a way to its end."""
    begun = time.time()
    process = way.start(to)
    output, errors = process.communicate(timeout=ENGINE_LIMIT)
    done = time.time()
    if isinstance(way, ThereAndBack):
        return Acted(to, begun, done, result_of(process.returncode, output, errors))
    problem = f"exit code {process.returncode}: {output}" if process.returncode else ""
    return Acted(to, begun, done, CommandResult(None, problem))


def kept_run(acted: Acted, answers: Sequence[Sequence[Answer]], ended: float) -> KeptRun:
    """The figures of one switch.

    Args:
        acted: its command.
        answers: to the clients of the NodePorts, and to those behind the proxy.
        ended: when the load ended, or the next command began.
    """
    old = TAGS[other(acted.to)]
    direct, proxied = (last_old(group, old, acted.begun, ended) for group in answers)
    return KeptRun(
        direct=direct,
        proxied=proxied,
        done=acted.done - acted.begun,
        left=acted.result.left,
        requests=sum(map(len, answers)),
        failed=sum(answer.failed for group in answers for answer in group),
        problem=acted.result.problem,
    )


def last_old(answers: Sequence[Answer], old: str, begun: float, ended: float) -> float | None:
    """Seconds from the start to the last answer of the old version; None if it still answers in the last second."""
    last = max((answer.done for answer in answers if answer.version == old), default=begun)
    return None if last > ended - STAYS_SECONDS else max(0.0, last - begun)


def label(way: Way, to: str) -> str:
    """The row of a switch in the table."""
    return way.label(to) if isinstance(way, ThereAndBack) else way.name


def _ways(sandbox: Sandbox, directory: Path) -> list[Way]:
    # What is patched is made by this program, and its stack never updated again.
    patched = Patch(sandbox, "kept-patch")
    ours(sandbox, directory, patched.namespace).run("up", "--yes", "--skip-preview", check=True)
    return [
        patched,
        Helm(sandbox, "kept-helm"),
        Promote(sandbox, "kept-promote"),
        Undo(sandbox, "kept-undo"),
        *(
            ThereAndBack(sandbox, directory, f"kept-{drain}", drain)
            for drain in (DrainMethod.ENDPOINT, DrainMethod.RENEW)
        ),
    ]


def rounds(ways: Sequence[Way], runs: int, renewals: int) -> list[list[Way]]:
    """The turns of each round, in shuffled order: one of each way, and of this program's two, a switch and a rollback.

    Args:
        ways: all of them.
        runs: rounds with each way but the renewal.
        renewals: rounds with the renewal.
    """
    planned = []
    for number in range(max(runs, renewals)):
        round_ = []
        for way in ways:
            renews = isinstance(way, ThereAndBack) and way.drain is DrainMethod.RENEW
            if number < (renewals if renews else runs):
                round_ += [way] * (2 if isinstance(way, ThereAndBack) else 1)
        planned.append(random.sample(round_, len(round_)))
    return planned
