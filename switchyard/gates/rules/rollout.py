"""A Rollout as its controller reports it, and what is said about it: pure functions."""

from switchyard.config.commands import set_value
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.service import CanarySettings, RolloutSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.rollout import RolloutState
from switchyard.kube.selectors import get_pods_command

CHART_VERSION = "2.41.0"
"""Of Argo Rollouts' chart, for the command that lets the stack install it."""


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
            "For the sandbox: python -m devtools.sandbox rollouts"
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
