"""A Rollout as its controller reports it, and what is said about it: pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.decisions import Refusal, get_pods_command
from settings.cluster import CLUSTER
from settings.commands import set_value
from settings.service import CanarySettings, RolloutSettings, Track
from settings.service_name import key_of

CHART_VERSION = "2.41.0"
"""Of Argo Rollouts' chart, for the command that lets the stack install it."""

ENDED = frozenset({"Healthy", "Degraded"})


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


def follow_command(name: str, service: RolloutSettings) -> str:
    """The command that shows a Rollout while it goes on."""
    return f"kubectl argo rollouts get rollout {name} -n {service.namespace} --watch"


def refuse_no_argo(name: str) -> Refusal:
    """Refuses to make objects that the cluster does not know."""
    return Refusal(
        step=f"{key_of(name)}: the Rollout",
        found="the cluster has no Argo Rollouts (no kind Rollout of argoproj.io/v1alpha1)",
        rule="its definitions and its controller belong to whoever runs the cluster, and must be there first",
        remedy=(
            "Nothing of it was made. Let the stack install them, by their chart: "
            f"`{set_value(f'{CLUSTER}.argoRollouts.version', CHART_VERSION)}`; or install them yourself. "
            "For the sandbox: python -m sandbox rollouts"
        ),
    )


def no_controller(name: str, seconds: float) -> Refusal:
    """Says that nobody takes care of the Rollout."""
    return Refusal(
        step=f"{key_of(name)}: the Rollout",
        found=f"its controller has not looked at it within {seconds:.0f} s",
        rule="Argo Rollouts must run on the cluster",
        remedy="See: kubectl -n argo-rollouts get pods. What served continues to serve. Then run `pulumi up` again.",
    )


def refuse_unready(name: str, service: RolloutSettings, state: RolloutState) -> Refusal:
    """Refuses to hand over to a Rollout that is not ready."""
    return Refusal(
        step=f"{key_of(name)}: the hand-over to the Rollout",
        found=f"it is {state}, with {state.available} of {state.wanted} pods available",
        rule="it takes the traffic when all of its pods are",
        remedy=f"The Service was not touched. See: {get_pods_command(name, service, Track.ROLLOUT)}",
    )


def refuse_degraded(name: str, service: RolloutSettings, state: RolloutState, found: list[str]) -> Refusal:
    """Ends an update whose version was given up."""
    numbers = "; ".join(found)
    return Refusal(
        step=f"{key_of(name)}: version {service.tag}",
        found=f"the Rollout is {state}" + (f"; {numbers}" if numbers else ""),
        rule="a version that its analysis gives up gets no more traffic: the one before has all of it",
        remedy=f"Set another tag and run `pulumi up`. See: {follow_command(name, service)}",
    )


def refuse_unfinished(name: str, service: RolloutSettings, state: RolloutState) -> Refusal:
    """Ends an update that waited long enough."""
    seconds = (service.canary if isinstance(service, CanarySettings) else service.argo_blue_green).wait_seconds
    return Refusal(
        step=f"{key_of(name)}: version {service.tag}",
        found=f"the Rollout is {state}",
        rule=f"its end was waited for, and did not come within {seconds} s ({service.strategy}.waitSeconds)",
        remedy=f"It goes on without the update. See: {follow_command(name, service)}",
    )
