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
from devtools.benchmarks.method import TAGS, Method, in_time, other, ours
from devtools.benchmarks.peers import Helm, Patch
from devtools.engine import ENGINE_LIMIT
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import argo_rollouts
from switchyard.config.models.drain import DrainMethod

CLIENTS = 20
"""Number of clients that connect directly, and of those behind the proxy."""

SECONDS_BEFORE = 1
SECONDS_AFTER = 5
"""Seconds of load after the last step, in which late answers of the old version would be seen."""

STAYS_SECONDS = 1
"""An old version that still answers within these last seconds of the load counts as not closed."""

RENEWAL_SECONDS = 180
"""Time limit for the renewal of three pods, seconds. It takes about a minute."""


@dataclass(frozen=True)
class KeptRun:
    """One switch; times are seconds from the start of the command's process.

    Attributes:
        direct: time of the old version's last answer to clients of the NodePorts; None if it still answered at the end.
        proxied: time of its last answer to clients behind the proxy; None if it still answered at the end.
        done: time of the end of the command.
        left: connections that were open at the end of the drain; None if they were not counted.
        requests: number of requests that were sent.
        failed: number of requests that failed.
        problem: problem that the command reported; empty without one.
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
class CompletedCommand:
    """One command that has ended, Unix seconds.

    Attributes:
        to: the colour that has to serve after it.
        begun: when its process was started.
        done: when it ended.
        result: the result that it reported.
    """

    to: str
    begun: float
    done: float
    result: CommandResult


def run(
    sandbox: Sandbox, directory: Path, runs: int, renewals: int, minutes: float | None = None
) -> dict[str, list[KeptRun]]:
    """Switches by each method, in rounds of shuffled order; returns the runs by method.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for the stacks.
        runs: switches by each method, and of this program with the drain method `endpoint` as many rollbacks.
        renewals: switches and rollbacks each with the drain method `renew`.
        minutes: minutes after which no further round starts.
    """
    with argo_rollouts(sandbox, directory / "argo-rollouts.log"):
        methods = _methods(sandbox, directory)
        results: dict[str, list[KeptRun]] = {label(method, to): [] for method in methods for to in ("green", "blue")}
        planned = rounds(methods, runs, renewals)
        addresses = [node.address for node in sandbox.real_nodes]
        for number, round_ in enumerate(in_time(planned, minutes), 1):
            for method in round_:
                # Pods that a method leaves behind, as Argo Rollouts does for a minute, end while the other methods run.
                method.settle()
                to = method.next_colour()
                method.prepare(to)
                measured = measure(method, to, addresses)
                results[label(method, to)].append(measured)
                print(f"round {number} of {len(planned)}: {label(method, to)}: {measured}", flush=True)
    return results


def measure(method: Method, to: str, addresses: Sequence[str]) -> KeptRun:
    """One switch under load.

    Raises:
        RuntimeError: a peer's command failed. A failed command of this program is reported in its row.
    """
    for address in addresses:
        wait_for_answer(address, method.port(), TAGS[other(to)])
    leaves = (
        method.old_pods(to) if isinstance(method, ThereAndBack) and method.drain is DrainMethod.RENEW else frozenset()
    )
    with ExitStack() as load:
        clients = [
            load.enter_context(KeptClients(addresses, method.port(), CLIENTS, behind_proxy=behind))
            for behind in (False, True)
        ]
        time.sleep(SECONDS_BEFORE)
        completed = act(method, to)
        if completed.result.problem and not isinstance(method, ThereAndBack):
            raise RuntimeError(f"{label(method, to)}: {completed.result.problem}")
        if isinstance(method, ThereAndBack) and leaves and not completed.result.problem:
            method.wait(lambda: not leaves & method.old_pods(to), RENEWAL_SECONDS)
        time.sleep(SECONDS_AFTER)
        ended = time.time()
    return kept_run(completed, [group.take() for group in clients], ended)


def act(method: Method, to: str) -> CompletedCommand:
    """Runs the command of a method to its end."""
    begun = time.time()
    process = method.start(to)
    output, errors = process.communicate(timeout=ENGINE_LIMIT)
    done = time.time()
    if isinstance(method, ThereAndBack):
        return CompletedCommand(to, begun, done, result_of(process.returncode, output, errors))
    problem = f"exit code {process.returncode}: {output}" if process.returncode else ""
    return CompletedCommand(to, begun, done, CommandResult(None, problem))


def kept_run(completed: CompletedCommand, answers: Sequence[Sequence[Answer]], ended: float) -> KeptRun:
    """The measured values of one switch.

    Args:
        completed: the command of the switch.
        answers: answers to the clients of the NodePorts, and answers to those behind the proxy.
        ended: when the load ended, or the next command began.
    """
    old = TAGS[other(completed.to)]
    direct, proxied = (last_old(group, old, completed.begun, ended) for group in answers)
    return KeptRun(
        direct=direct,
        proxied=proxied,
        done=completed.done - completed.begun,
        left=completed.result.left,
        requests=sum(map(len, answers)),
        failed=sum(answer.failed for group in answers for answer in group),
        problem=completed.result.problem,
    )


def last_old(answers: Sequence[Answer], old: str, begun: float, ended: float) -> float | None:
    """Seconds from the start to the last answer of the old version; None if it still answers in the last second."""
    last = max((answer.done for answer in answers if answer.version == old), default=begun)
    return None if last > ended - STAYS_SECONDS else max(0.0, last - begun)


def label(method: Method, to: str) -> str:
    """The row of a switch in the table."""
    return method.label(to) if isinstance(method, ThereAndBack) else method.name


def _methods(sandbox: Sandbox, directory: Path) -> list[Method]:
    # The patched Service is created by this program, and its stack is never updated again.
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


def rounds(methods: Sequence[Method], runs: int, renewals: int) -> list[list[Method]]:
    """The runs of each round in shuffled order: one of each peer, and a switch and a rollback of this program.

    Args:
        methods: all of them.
        runs: rounds with each method but the renewal.
        renewals: rounds with the renewal.
    """
    planned = []
    for number in range(max(runs, renewals)):
        round_ = []
        for method in methods:
            renews = isinstance(method, ThereAndBack) and method.drain is DrainMethod.RENEW
            if number < (renewals if renews else runs):
                round_ += [method] * (2 if isinstance(method, ThereAndBack) else 1)
        planned.append(random.sample(round_, len(round_)))
    return planned
