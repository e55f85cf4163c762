"""A canary's verdict, by this program and by Argo Rollouts' documented example: the same pods, steps and load.

Everything that takes time is `documented.FASTER` times shorter than by default, or each run would take half an hour.
"""

import json
import random
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from devtools.benchmarks.documented import NEW, OLD, CanaryMethod, Documented, Ours, configuration, shortened
from devtools.benchmarks.load import Load, Request, wait_for_answer
from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import prometheus
from devtools.sandbox.rollouts import argo_rollouts
from switchyard.config.models.canary import Canary

RATE = 200
"""Requests a second."""

NEW_RATE = 180
"""Requests a second over new connections: a keep-alive connection stays with its pod, whatever the shares are."""

SECONDS_BEFORE = 2
"""Load before the release, so that the old version's counters rise."""

LIMIT_SECONDS = 300
"""Time limit for a canary, seconds. A good one takes some 100 s."""

GONE_SECONDS = 60
"""Time limit for the end of an aborted version's pods, seconds. They drain for some 10 s."""


class Outcome(StrEnum):
    """The outcome of a new version."""

    PROMOTED = "promoted"
    ABORTED = "aborted"
    PAUSED = "paused for a human"
    UNDECIDED = "undecided"
    """The version was neither promoted nor aborted within `LIMIT_SECONDS`."""


@dataclass(frozen=True)
class Case:
    """One kind of new version.

    Attributes:
        name: name in the report.
        failing: share of its answers that are a 500.
        loaded: whether there are requests.
        right: the expected outcome.
        timed: whether it is tried in every run, and not once.
    """

    name: str
    failing: float
    loaded: bool
    right: Outcome
    timed: bool


CASES = (
    Case("every request fails", 1.0, loaded=True, right=Outcome.ABORTED, timed=True),
    Case("half of its requests fail", 0.5, loaded=True, right=Outcome.ABORTED, timed=True),
    Case("8 % of its requests fail", 0.08, loaded=True, right=Outcome.ABORTED, timed=False),
    Case("no request fails", 0.0, loaded=True, right=Outcome.PROMOTED, timed=False),
    Case("no requests", 0.0, loaded=False, right=Outcome.PAUSED, timed=False),
)


@dataclass(frozen=True)
class CanaryRun:
    """One release of a new version.

    Attributes:
        outcome: outcome of the release by the Rollout's status.
        phase: phase of the Rollout at that moment, and the controller's message about it.
        analyses: phase and values of each measured metric, in the order of the steps.
        weight: share that it had reached, percent.
        decided: seconds from the release to the outcome.
        verdict: seconds from the first request to the new version to the outcome; None without such a request.
        last_new: seconds to the new version's last answer over a new connection; None without one.
        last: seconds to the new version's last answer over any connection; None without one.
        answered: number of requests that the new version answered.
        failed: number of all requests that failed.
        failed_elsewhere: number of failed requests that the new version did not answer.
        requests: number of requests that were sent.
    """

    outcome: Outcome
    phase: str
    analyses: list[str]
    weight: int
    decided: float
    verdict: float | None
    last_new: float | None
    last: float | None
    answered: int
    failed: int
    failed_elsewhere: int
    requests: int


def planned_seconds(canary: Canary) -> int:
    """Seconds of a canary that is promoted, by its steps alone: pauses and analyses, without the pods' own time.

    An analysis measures at once, after its initial delay, and then at each interval: n times take n - 1 intervals.

    Raises:
        ValueError: a step waits for a human.
    """
    seconds = 0
    for step in canary.steps:
        if step.pause == 0:
            raise ValueError("a step without a duration waits for a human: its time is not known")
        seconds += step.pause or 0
        if step.analysis is not None and canary.analysis is not None:
            asked = canary.analysis
            seconds += asked.initial_delay_seconds + (asked.count - 1) * asked.interval_seconds
    return seconds


def outcome_of(rollout: Mapping[str, Any], old: str) -> Outcome | None:
    """Returns the outcome of the version after `old` by the Rollout's status; None while it is undecided."""
    status = rollout.get("status", {})
    pod_hash = status.get("currentPodHash", old)
    if status.get("observedGeneration") != str(rollout["metadata"]["generation"]) or pod_hash == old:
        return None
    if status.get("abort"):
        return Outcome.ABORTED
    if status.get("phase") == "Healthy" and status.get("stableRS") == pod_hash:
        return Outcome.PROMOTED
    paused = any("Inconclusive" in condition["reason"] for condition in status.get("pauseConditions") or ())
    return Outcome.PAUSED if paused else None


def weight_at(steps: Sequence[Mapping[str, Any]], index: int) -> int:
    """Weight of the version at a step of the canary, percent; 0 before the first step that sets a weight."""
    return next((step["setWeight"] for step in reversed(steps[: index + 1]) if "setWeight" in step), 0)


def analyses_of(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Phase and values of each metric of some AnalysisRuns, oldest first."""
    ordered = sorted(runs, key=lambda run: (run["metadata"]["creationTimestamp"], run["metadata"]["name"]))
    return [
        f"{result['phase']}: "
        + ", ".join(entry.get("value") or entry.get("message", "?") for entry in result["measurements"])
        for run in ordered
        for result in run.get("status", {}).get("metricResults", ())
        if result.get("measurements")
    ]


def answers_of(requests: Sequence[Request], decided_at: float) -> dict[str, Any]:
    """The fields of a `CanaryRun` that are computed from its requests.

    Args:
        requests: all of them.
        decided_at: when the outcome was there, Unix seconds.
    """
    new = [request for request in requests if request.version == NEW]
    own = [request.done for request in new if not request.keep_alive]
    first = min((request.sent for request in new), default=0.0)
    return {
        "verdict": decided_at - first if new else None,
        "last_new": max(own) - first if own else None,
        "last": max(request.done for request in new) - first if new else None,
        "answered": len(new),
        "failed": sum(request.failed for request in requests),
        "failed_elsewhere": sum(request.failed and request.version != NEW for request in requests),
        "requests": len(requests),
    }


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[str, Any]:
    """Releases each kind of new version by both methods, in shuffled order; returns the runs by method and case."""
    with (
        argo_rollouts(sandbox, directory / "argo-rollouts.log"),
        prometheus(directory / "prometheus", configuration(sandbox.kubeconfig)) as address,
    ):
        canaries = {name: shortened(Canary(), address, name) for name in ("ours", "documented")}
        methods = [
            Ours(sandbox, directory, "ours", canaries["ours"]),
            Documented(sandbox, "documented", canaries["documented"]),
        ]
        results: dict[str, dict[str, list[Any]]] = {
            method.name: {case.name: [] for case in CASES} for method in methods
        }
        planned = [(method, case) for method in methods for case in CASES for _ in range(runs if case.timed else 1)]
        random.shuffle(planned)
        for number, (method, case) in enumerate(planned):
            folder = directory / f"load-{number}"
            folder.mkdir()
            release = _release(method, case, number, [node.address for node in sandbox.real_nodes], folder)
            results[method.name][case.name].append(asdict(release))
            print(f"{method.name}, {case.name}: {release}", flush=True)
            method.restore()
    return {
        "runs": results,
        "right": {case.name: case.right for case in CASES},
        "timed": [case.name for case in CASES if case.timed],
        "settings": canaries["ours"],
        "planned": planned_seconds(Canary()),
        "planned_here": planned_seconds(Canary.model_validate(canaries["ours"])),
    }


def _release(method: CanaryMethod, case: Case, number: int, addresses: Sequence[str], folder: Path) -> CanaryRun:
    """Releases a new version and measures its outcome."""
    old = method.rollout()["status"]["stableRS"]
    load = Load(addresses, method.port(), RATE, folder, NEW_RATE)
    with ExitStack() as running:
        if case.loaded:
            for address in addresses:
                wait_for_answer(address, method.port(), OLD)
            running.enter_context(load)
            time.sleep(SECONDS_BEFORE)
        began = time.time()
        # The number makes each one a version of its own: none has metrics from before.
        method.release(NEW, {"FAILURE_RATE": str(case.failing), "RUN": str(number)})
        outcome, last, weight = _follow(method, old)
        decided_at = time.time()
        label = f"rollouts-pod-template-hash={last['status']['currentPodHash']}"
        if outcome is Outcome.ABORTED:
            method.kubectl("wait", "--for=delete", "pod", "-l", label, f"--timeout={GONE_SECONDS}s")
    measured = json.loads(method.kubectl("get", "analysisruns", "-l", label, "-o", "json"))["items"]
    return CanaryRun(
        outcome=outcome,
        phase=f"{last['status'].get('phase')} {last['status'].get('message', '')}".strip(),
        analyses=analyses_of(measured),
        weight=weight,
        decided=decided_at - began,
        **answers_of(load.requests() if case.loaded else [], decided_at),
    )


def _follow(method: CanaryMethod, old: str) -> tuple[Outcome, dict[str, Any], int]:
    """Watches the Rollout until it is decided; returns that, the Rollout then, and the share that it had reached."""
    last = method.rollout()
    reached = 0
    for last in _watched(method):
        status = last.get("status", {})
        if status.get("currentPodHash", old) != old:
            outcome = outcome_of(last, old)
            steps = last["spec"]["strategy"]["canary"]["steps"]
            share = 100 if outcome is Outcome.PROMOTED else weight_at(steps, status.get("currentStepIndex", 0))
            # An abort sets the step back to the first one.
            reached = max(reached, share)
            if outcome is not None:
                return outcome, last, reached
    return Outcome.UNDECIDED, last, reached


def _watched(method: CanaryMethod) -> Iterator[dict[str, Any]]:
    """Yields the Rollout now and at each change, for at most `LIMIT_SECONDS`."""
    command = [*method.kubectl_command(), "get", "rollout", "backend", "--watch", "-o", "json"]
    command.append(f"--request-timeout={LIMIT_SECONDS}s")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        lines: list[str] = []
        try:
            for line in watch.stdout:
                lines.append(line)
                if line.rstrip() == "}" and not line.startswith(" "):
                    yield json.loads("".join(lines))
                    lines.clear()
        finally:
            watch.kill()
