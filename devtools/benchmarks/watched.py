"""Measures the cost of a bad version until its rollback by this program and by Argo Rollouts, and good versions.

Each release runs on real nodes, from the old version to its end, under a continuous load.
"""

import itertools
import os
import queue
import random
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devtools.benchmarks.documented import configuration
from devtools.benchmarks.watched_methods import (
    ANALYSIS,
    ANALYSIS_OFTEN,
    DEPLOY,
    ENDPOINT,
    FASTER,
    OFTEN,
    Deploy,
    PostPromotion,
    WatchedMethod,
    environment,
)
from devtools.benchmarks.watched_run import release
from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import prometheus
from devtools.sandbox.rollouts import argo_rollouts
from switchyard.config.models.drain import DrainMethod

PEERS = {ANALYSIS: FASTER, ANALYSIS_OFTEN: OFTEN}
"""The peer's methods, with how many times shorter than documented their analysis is."""


@dataclass(frozen=True)
class Case:
    """One kind of new version.

    Attributes:
        name: name in the report.
        failing: share of its answers that are a 500.
        slower: how many times longer than the old version's its answers take.
        by_argo: whether the documented analysis, which measures the success rate alone, can detect it.
    """

    name: str
    failing: float = 0.0
    slower: int = 1
    by_argo: bool = True


GOOD = Case("good", by_argo=False)
BAD = (
    Case("100 % fail", 1.0),
    Case("50 % fail", 0.5),
    Case("8 % fail", 0.08),
    Case("2 % fail", 0.02, by_argo=False),
    Case("three times the p95", slower=3, by_argo=False),
)


@dataclass(frozen=True)
class PlannedRelease:
    """One release that is to be measured."""

    method: str
    case: Case
    rate: int
    number: int


def planned_releases(methods: Sequence[str], rates: Sequence[int], runs: int, good: int) -> list[PlannedRelease]:
    """All releases, in shuffled rounds, so that a measurement that is interrupted has the same number of each."""
    numbers = itertools.count(1)
    bad = [
        (method, case, rate)
        for method in methods
        for case in BAD
        for rate in rates
        if case.by_argo or method not in PEERS
    ]
    rounds = []
    for _ in range(runs):
        random.shuffle(bad)
        rounds += bad
    rounds += [(DEPLOY, GOOD, rate) for _ in range(good) for rate in rates]
    return [PlannedRelease(*planned, number=next(numbers)) for planned in rounds]


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        runs: number of releases of each bad version by each method at each rate.
        good: good releases at each rate.
        rates: requests a second.
        methods: names of the methods.
        at_once: number of simultaneous bad releases, each in a namespace of its own.
        good_at_once: number of simultaneous good releases.
        watch_seconds: duration of a good release's watch; None for the default.
        minutes: minutes after which no bad release begins, and after twice as long no good one; None for no limit.
    """

    runs: int
    good: int
    rates: tuple[int, ...] = (50, 200)
    methods: tuple[str, ...] = (DEPLOY, ENDPOINT, ANALYSIS, ANALYSIS_OFTEN)
    at_once: int = 1
    good_at_once: int = 1
    watch_seconds: int | None = None
    minutes: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The plan as `docs/benchmarks.json` has it, in which the key of the methods is `ways`."""
        return {"ways" if name == "methods" else name: value for name, value in asdict(self).items()}


class Measurement:
    """All releases of a plan on one sandbox.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for stacks and recordings.
        plan: what is measured.
        prometheus_address: address of the Prometheus that the peer asks.
    """

    def __init__(self, sandbox: Sandbox, directory: Path, plan: Plan, prometheus_address: str) -> None:
        self._sandbox, self._directory, self._plan, self._address = sandbox, directory, plan, prometheus_address
        self.runs: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.problems: list[str] = []
        self.load: list[float] = []

    def take(self, wanted: Sequence[PlannedRelease], at_once: int, seconds: float) -> None:
        """Measures releases, some of them simultaneously, until all are measured or the time is over."""
        waiting: queue.SimpleQueue[PlannedRelease] = queue.SimpleQueue()
        for planned in wanted:
            waiting.put(planned)
        limit = time.monotonic() + seconds
        workers = [
            threading.Thread(target=self._work, args=(waiting, place, limit), daemon=True) for place in range(at_once)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _work(self, waiting: "queue.SimpleQueue[PlannedRelease]", place: int, limit: float) -> None:
        methods: dict[str, WatchedMethod] = {}
        while time.monotonic() < limit:
            try:
                planned = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._measure(methods, planned, place)
            except (RuntimeError, TimeoutError, ValueError, subprocess.CalledProcessError) as error:
                self.problems.append(f"{planned.method}, {planned.case.name}, {planned.rate}/s: {error}")
                print(self.problems[-1], flush=True)

    def _measure(self, methods: dict[str, WatchedMethod], planned: PlannedRelease, place: int) -> None:
        key = GOOD.name if planned.case is GOOD else planned.method
        if key not in methods:
            methods[key] = self._method(key, place)
        env = environment(planned.case.failing, planned.case.slower)
        addresses = [node.address for node in self._sandbox.real_nodes]
        result = release(methods[key], env, planned.rate, planned.number, addresses, self._directory)
        self.load.append(os.getloadavg()[0])
        self.runs.setdefault(planned.method, {}).setdefault(planned.case.name, []).append(asdict(result))
        print(f"{planned.method}, {planned.case.name}: {result}", flush=True)
        methods[key].restore()

    def _method(self, key: str, place: int) -> WatchedMethod:
        sandbox, directory = self._sandbox, self._directory
        if key in PEERS:
            namespace = f"{'often' if key == ANALYSIS_OFTEN else 'analysis'}-{place}"
            return PostPromotion(sandbox, namespace, self._address, PEERS[key])
        if key == GOOD.name:
            watch = {"watch": {"seconds": self._plan.watch_seconds}} if self._plan.watch_seconds else {}
            return Deploy(sandbox, directory, f"good-{place}", watch)
        if key == ENDPOINT:
            return Deploy(sandbox, directory, f"endpoint-{place}", {"drain": {"method": DrainMethod.ENDPOINT.value}})
        return Deploy(sandbox, directory, f"deploy-{place}", {})


def run(sandbox: Sandbox, directory: Path, plan: Plan, earlier: dict[str, Any] | None = None) -> dict[str, Any]:
    """Releases each kind of version by each method, then good ones; returns the runs by method and version.

    Args:
        sandbox: a sandbox with real nodes.
        directory: directory for stacks and recordings.
        plan: what is measured.
        earlier: result of an earlier call, which is kept for methods that are not measured again.
    """
    wanted = planned_releases(plan.methods, plan.rates, plan.runs, plan.good)
    with (
        argo_rollouts(sandbox, directory / "argo-rollouts.log"),
        prometheus(directory / "prometheus", configuration(sandbox.kubeconfig)) as address,
    ):
        measurement = Measurement(sandbox, directory, plan, address)
        seconds = plan.minutes * 60 if plan.minutes else float("inf")
        measurement.take([planned for planned in wanted if planned.case is not GOOD], plan.at_once, seconds)
        measurement.take([planned for planned in wanted if planned.case is GOOD], plan.good_at_once, seconds)
    taken = {"runs": measurement.runs, "problems": measurement.problems, "load": measurement.load}
    return together(taken | {"plan": plan.to_json()}, earlier)


def together(taken: dict[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any]:
    """The measurement, completed with the methods of an earlier one that were not measured again."""
    if not earlier or earlier["runs"].keys() <= taken["runs"].keys():
        return taken
    return {
        "runs": earlier["runs"] | taken["runs"],
        "problems": earlier["problems"] + taken["problems"],
        "load": earlier["load"] + taken["load"],
        "plan": earlier["plan"] | {"rates": sorted({*earlier["plan"]["rates"], *taken["plan"]["rates"]})},
    }
