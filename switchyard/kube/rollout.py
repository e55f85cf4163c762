"""A Rollout as its controller reports it: pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HEALTHY = "Healthy"
DEGRADED = "Degraded"
ENDED = frozenset({HEALTHY, DEGRADED})
"""Phases of a Rollout that has ended."""


@dataclass(frozen=True)
class RolloutState:
    """How a Rollout is.

    Attributes:
        seen: whether its controller has looked at it as it is now; before, the rest is of an earlier version.
        phase: Progressing, Paused, Healthy or Degraded.
        message: the controller's words on it.
        pod_hash: of the version that it is to have.
        stable_hash: of the one that is proved.
        step: how many steps are done.
        steps: how many there are.
        available: pods that are.
        wanted: pods that it is to have.
        aborted: whether it went back to the version before.
    """

    seen: bool
    phase: str
    message: str
    pod_hash: str
    stable_hash: str
    step: int
    steps: int
    available: int
    wanted: int
    aborted: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.seen and self.phase in ENDED

    @property
    def invalid(self) -> bool:
        """Whether it and what it names do not fit, as far as its controller has seen.

        The controller looks again 20 s later: it may have seen the Rollout before a Service that it names.
        """
        return self.message.startswith("InvalidSpec")

    def __str__(self) -> str:
        message = f" ({self.message})" if self.message else ""
        return f"{self.phase}{message}" + (f", step {self.step} of {self.steps}" if self.steps else "")


def state_of(rollout: Mapping[str, Any]) -> RolloutState:
    """Reads a Rollout's status."""
    status, spec = rollout.get("status", {}), rollout["spec"]
    steps = len(spec["strategy"].get("canary", {}).get("steps", ()))
    return RolloutState(
        seen=status.get("observedGeneration") == str(rollout["metadata"]["generation"]) and "phase" in status,
        phase=status.get("phase", "Unknown"),
        message=status.get("message", ""),
        pod_hash=status.get("currentPodHash", ""),
        stable_hash=status.get("stableRS", ""),
        step=status.get("currentStepIndex", 0),
        steps=steps,
        available=status.get("availableReplicas", 0),
        wanted=spec.get("replicas", 1),
        aborted=bool(status.get("abort")),
    )


def measured(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the analyses of a version found that did not succeed: metric, verdict, and the numbers."""
    lines = []
    for run in runs:
        for result in run.get("status", {}).get("metricResults", ()):
            if result["phase"] in {"Successful", "Running", "Pending"}:
                continue
            taken = result.get("measurements", ())
            values = ", ".join(one.get("value") or one.get("message", "no answer") for one in taken)
            why = f", {result['message']}" if result.get("message") else ""
            lines.append(f"{result['name']} {result['phase']}{why}: {values}")
    return lines
