"""Strategy migrations from two colours to a canary and back by this program, under load."""

import time
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks.load import Load, wait_for_answer
from devtools.benchmarks.long_run import NEW_RATE
from devtools.benchmarks.method import TAGS, ours
from devtools.benchmarks.peers import OURS, Pulumi, switch_ours
from devtools.benchmarks.traffic import failures_by_cause
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import argo_rollouts

REPLICAS = 3
"""Pods of a colour, and of the Rollout: a strategy migration to fewer would be refused."""

LIMIT_SECONDS = 3600
"""Seconds after which no further strategy migration begins, even if too few requests were sent."""


@dataclass(frozen=True)
class StrategyMigrations:
    """The outcome of the run.

    Attributes:
        rate: requests a second.
        requests: number of requests that were sent.
        new: number of requests over new connections.
        failed: number of failed requests by cause.
        seconds: how long each strategy migration's command took, in order: to the canary, back, to the canary, ...
        answers: number of requests that each track answered, which shows that the migrations took place.
    """

    rate: int
    requests: int
    new: int
    failed: dict[str, int]
    seconds: list[float]
    answers: dict[str, int]


def run(sandbox: Sandbox, directory: Path, requests: int, rate: int) -> StrategyMigrations:
    """Migrates the service and back until the given number of requests has been sent."""
    stack = ours(sandbox, directory, "strategy-migration")
    stack.set("services.backend.green.replicas", 0)
    method = Pulumi(OURS, sandbox, "strategy-migration", stack, switch_ours)
    stack.set("services.backend.tag", TAGS["blue"])
    stack.set("services.backend.replicas", REPLICAS)
    stack.set("services.backend.canary", {"steps": [], "analysis": None})
    addresses = [node.address for node in sandbox.real_nodes]
    for address in addresses:
        wait_for_answer(address, method.port())
    seconds: list[float] = []
    load = Load(addresses, method.port(), rate, directory, min(NEW_RATE, rate // 2), least=requests)
    with argo_rollouts(sandbox, directory / "argo-rollouts.log"), load:
        began = time.monotonic()
        while (spent := time.monotonic() - began) < requests / rate or len(seconds) % 2:
            if spent > LIMIT_SECONDS:
                raise TimeoutError(f"{len(seconds)} strategy migrations in {spent:.0f} s")
            stack.set("services.backend.strategy", "blueGreen" if len(seconds) % 2 else "canary")
            at = time.monotonic()
            result = stack.up()
            if not result.ok:
                raise RuntimeError(result.output)
            seconds.append(time.monotonic() - at)
            print(f"strategy migration {len(seconds)}: {seconds[-1]:.1f} s", flush=True)
            method.settle()  # until the old pods have ended, which still get requests over kept connections
    sent = load.requests()
    tracks = sorted({request.colour for request in sent if request.colour})
    return StrategyMigrations(
        rate=rate,
        requests=len(sent),
        new=sum(not request.keep_alive for request in sent),
        failed=failures_by_cause(sent),
        seconds=seconds,
        answers={track: sum(request.colour == track for request in sent) for track in tracks},
    )
