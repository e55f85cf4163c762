"""The state of a Rollout that its controller reports: pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HEALTHY = "Healthy"
DEGRADED = "Degraded"
ENDED = frozenset({HEALTHY, DEGRADED})
"""Phases of a Rollout that has ended."""


@dataclass(frozen=True)
class RolloutState:
    """The state of a Rollout, as its controller reports it.

    Attributes:
        observed: whether the controller has observed the present generation; else the state is of an earlier one.
        phase: Progressing, Paused, Healthy or Degraded.
        message: the message of the controller.
        pod_hash: hash of the version that should run.
        stable_hash: hash of the stable version.
        step: number of steps that are done.
        steps: number of all steps.
        available: number of available pods.
        wanted: number of pods that the Rollout should have.
        aborted: whether the release was aborted, and the stable version has the traffic again.
    """

    observed: bool
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
        """Whether the release has ended: nothing more happens without another change."""
        return self.observed and self.phase in ENDED

    @property
    def invalid(self) -> bool:
        """Whether the controller reports the specification of the Rollout as invalid.

        The controller checks again 20 s later: it may have observed the Rollout before a Service that it names.
        """
        return self.message.startswith("InvalidSpec")

    def __str__(self) -> str:
        message = f" ({self.message})" if self.message else ""
        return f"{self.phase}{message}" + (f", step {self.step} of {self.steps}" if self.steps else "")


def state_of(rollout: Mapping[str, Any]) -> RolloutState:
    """The state of a Rollout, read from its status."""
    status, spec = rollout.get("status", {}), rollout["spec"]
    steps = len(spec["strategy"].get("canary", {}).get("steps", ()))
    return RolloutState(
        observed=status.get("observedGeneration") == str(rollout["metadata"]["generation"]) and "phase" in status,
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
    """The measurements of unsuccessful analyses: metric, verdict and values."""
    lines = []
    for run in runs:
        for result in run.get("status", {}).get("metricResults", ()):
            if result["phase"] in {"Successful", "Running", "Pending"}:
                continue
            measurements = result.get("measurements", ())
            values = ", ".join(
                measurement.get("value") or measurement.get("message", "no answer") for measurement in measurements
            )
            reason = f", {result['message']}" if result.get("message") else ""
            lines.append(f"{result['name']} {result['phase']}{reason}: {values}")
    return lines
