"""A random walk over changes of configuration and faults, many services at a time.

Whatever the order, a Service that has served keeps at least its wanted ready pods of exactly one colour behind it:
at every single write to the API server, from the first update to the last. What a round is and what counts as a step
is said in `tests.integration.sandbox.walk.rounds`.
"""

import itertools
import os
import random
import resource
import time
import uuid
from collections import Counter
from pathlib import Path

import psutil

from devtools.sandbox import Sandbox
from tests.integration.sandbox.walk.rounds import Rounds
from tests.integration.sandbox.walk.stack import WalkStack, check_history
from tests.support.history import History
from tests.support.kubectl import Kubectl

STEPS = int(os.environ.get("SWITCHYARD_WALK_STEPS", "200"))

SERVICES = 12 if STEPS <= 1000 else 24
"""More of them share the costs of an engine; fewer let a short walk come to every kind of round."""

ROUNDS_OF_A_WALK = 18
"""After which a walk ends and another begins, on a stack of its own: each kind of round twice."""

KINDS = {
    "warm",
    "retire",
    "switch",
    "release",
    "context",
    "identifier",
    "refused: namespace",
    "refused: rename",
    "refused: drop",
    "refused: in place",
    "bad version: never-ready",
    "bad version: crash-loop",
    "killed",
    "by hand: scale",
    "by hand: selector",
    "by hand: delete deployment",
    "by hand: delete poddisruptionbudget",
    "by hand: delete service",
    "by hand: delete users' service",
    "old state",
    "second stack",
    "service added",
}
"""What must have happened at least once in 200 steps."""


def test_services_that_serve_are_never_short_of_ready_pods_of_one_colour(sandbox: Sandbox, tmp_path: Path) -> None:
    seed, taken = os.environ["SWITCHYARD_WALK_SEED"], Counter[str]()
    began, cpu = time.monotonic(), _cpu_seconds(sandbox)
    for walk in itertools.count():
        taken += _walk(sandbox, tmp_path, random.Random(f"{seed}/{walk}"), STEPS - taken.total())  # noqa: S311
        spent = f"{time.monotonic() - began:.0f} s, {(_cpu_seconds(sandbox) - cpu) / taken.total():.2f} CPU-s a step"
        print(f"seed {seed}, walk {walk}: {taken.total()} steps by now, {spent}: {dict(taken)}", flush=True)
        if taken.total() >= STEPS:
            break
    if STEPS >= 200:
        assert taken.keys() >= KINDS, f"never happened: {KINDS - taken.keys()}"


def _walk(sandbox: Sandbox, directory: Path, draw: random.Random, steps: int) -> Counter[str]:
    """Takes so many steps on a stack of its own, fewer if the walk ends before."""
    kubectl = Kubectl(sandbox.kubeconfig, f"walk-{uuid.uuid4().hex[:8]}")
    kubectl.run("create", "namespace", kubectl.namespace)
    own = directory / kubectl.namespace
    own.mkdir()
    stack = WalkStack(sandbox, kubectl, own, SERVICES)
    stack.converge()
    rounds = Rounds(stack, draw)
    with History(sandbox.kubeconfig, kubectl.namespace) as history:
        for take in itertools.islice(rounds.deck(), ROUNDS_OF_A_WALK):
            if rounds.taken.total() >= steps:
                break
            print(f"{time.strftime('%H:%M:%S')} round {take.__name__}, {rounds.taken.total()} steps before", flush=True)
            take()
    check_history(history, stack.services)
    kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")
    return rounds.taken


def _cpu_seconds(sandbox: Sandbox) -> float:
    """CPU time of this process, of the engines that it ran, and of the sandbox."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    planes = [psutil.Process(pid).cpu_times() for pid in sandbox.processes().values()]
    return sum(usage.ru_utime + usage.ru_stime for usage in used) + sum(usage.user + usage.system for usage in planes)
