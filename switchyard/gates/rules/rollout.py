"""Refusals if Argo Rollouts is missing or inactive, or if a release by it did not succeed."""

from switchyard.codes import Code
from switchyard.config.commands import set_value, typed
from switchyard.config.kubernetes import ARGO_ROLLOUTS, ROLLOUTS
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.service import CanarySettings, RolloutSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.rollout import DEGRADED, HEALTHY, RolloutState
from switchyard.kube.selectors import get_pods_command

CHART_VERSION = "2.41.0"
"""Version of Argo Rollouts' chart in the command that lets the stack install it."""


def follow_command(name: str, service: RolloutSettings) -> str:
    """The command that follows the progress of a Rollout."""
    return f"kubectl argo rollouts get rollout {name} -n {service.namespace} --watch"


def refuse_no_argo(name: str, *, installed: bool) -> Refusal | None:
    """Refuses to create a Rollout on a cluster without its custom resource definition."""
    if installed:
        return None
    return Refusal(
        code=Code.ARGO_ROLLOUTS_MISSING,
        step=f"{key_of(name)}: creating the Rollout",
        observed=f"the cluster has no Argo Rollouts (no kind Rollout of {ROLLOUTS})",
        rule="its CustomResourceDefinitions and its controller must be installed first",
        remedy=(
            "The Rollout was not created. Let the stack install them by their chart: "
            f"`{set_value(f'{CLUSTER}.argoRollouts.version', CHART_VERSION)}`; or install them yourself. "
            "For the sandbox: python -m devtools.sandbox rollouts"
        ),
    )


def refuse_silent_controller(name: str, state: RolloutState | None, seconds: float) -> Refusal | None:
    """Refuses to continue with a Rollout on which no controller acts.

    Args:
        name: the service's name.
        state: the Rollout as its controller reports it; None without a Rollout.
        seconds: how long the gate waited for a report.
    """
    if state is not None and state.observed:
        return None
    return Refusal(
        code=Code.ROLLOUT_CONTROLLER_SILENT,
        step=f"{key_of(name)}: the release by the Rollout",
        observed=f"its controller has not reported on it within {seconds:.0f} s",
        rule="Argo Rollouts must run on the cluster",
        remedy=(
            f"What served continues to serve. See: kubectl -n {ARGO_ROLLOUTS} get pods. "
            f"Then run `{typed('pulumi up')}` again."
        ),
    )


def refuse_unready(name: str, service: RolloutSettings, state: RolloutState) -> Refusal | None:
    """Refuses to migrate to a Rollout that is not ready."""
    if state.phase == HEALTHY:
        return None
    return Refusal(
        code=Code.ROLLOUT_NOT_READY,
        step=f"{key_of(name)}: the strategy migration to the Rollout",
        observed=f"the Rollout is {state}, with {state.available} of {state.wanted} pods available",
        rule="the Rollout takes the traffic when all of its pods are available",
        remedy=f"The Service was not changed. See: {get_pods_command(name, service, Track.ROLLOUT)}",
    )


def refuse_degraded(
    name: str, service: RolloutSettings, state: RolloutState, measurements: list[str]
) -> Refusal | None:
    """Ends an update whose version was aborted."""
    if state.phase != DEGRADED:
        return None
    numbers = "; ".join(measurements)
    return Refusal(
        code=Code.ROLLOUT_DEGRADED,
        step=f"{key_of(name)}: the release of version {service.tag}",
        observed=f"the Rollout is {state}" + (f"; {numbers}" if numbers else ""),
        rule="an aborted version gets no more traffic",
        remedy=(
            f"The previous version has all traffic. Set another tag and run `{typed('pulumi up')}`. See: "
            f"{follow_command(name, service)}"
        ),
    )


def refuse_unfinished(name: str, service: RolloutSettings, state: RolloutState) -> Refusal | None:
    """Ends an update that waits for the end of a release and has reached its limit."""
    waiting = service.canary if isinstance(service, CanarySettings) else service.argo_blue_green
    if waiting.wait != "finished" or state.ended:
        return None
    return Refusal(
        code=Code.ROLLOUT_NOT_FINISHED,
        step=f"{key_of(name)}: the release of version {service.tag}",
        observed=f"the Rollout is {state}",
        rule=f"the update waits for its end for at most {waiting.wait_seconds} s ({service.strategy}.waitSeconds)",
        remedy=f"The release continues without the update. See: {follow_command(name, service)}",
    )
