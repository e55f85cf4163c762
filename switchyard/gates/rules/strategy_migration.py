"""The rules of a service that Argo Rollouts switches at once, and one look at it at the start of a program."""

from collections.abc import Iterable, Mapping, Sequence

from switchyard.config.models.service import ArgoBlueGreenSettings, Colour, RolloutSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.config.types.values import image_reference
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.live_releases import LiveRelease
from switchyard.kube.objects import RunningPod
from switchyard.kube.rollout import RolloutState
from switchyard.kube.selectors import get_pods_command, labels_text
from switchyard.manifests.argo_blue_green import selected as shared


def refuse_other_rollout(name: str, service: RolloutSettings, live: LiveRelease) -> Refusal | None:
    """Refuses to make a canary of what Argo Rollouts switches at once, or the reverse.

    Both are a Rollout of one name, and the controller would take the new strategy up while the Service is still as
    the old one wants it.
    """
    wanted = "blueGreen" if isinstance(service, ArgoBlueGreenSettings) else "canary"
    if live.strategy in {None, wanted}:
        return None
    before = "canary" if live.strategy == "canary" else "argoBlueGreen"
    return Refusal(
        step=f"{key_of(name)}: the change of its strategy to {service.strategy}",
        found=f"its Rollout on the cluster is that of strategy {before}",
        rule="one kind of Rollout does not become the other",
        remedy=(
            "This step was not taken. Go by way of two colours: "
            f"run {setting(name, 'strategy', 'blueGreen')}, `pulumi up`."
        ),
    )


def refuse_mixed(
    name: str, service: ArgoBlueGreenSettings, selected: Mapping[str, str] | None, pods: Iterable[RunningPod]
) -> Refusal | None:
    """Refuses to let pods of another version, or of an idle colour, take traffic.

    Until the controller has added its hash, the Service selects every pod of the application.

    Args:
        name: the service's name.
        service: its settings.
        selected: what the Service selects; None when there is none.
        pods: all pods of the application.
    """
    step = f"{key_of(name)}: the hand-over to the Rollout"
    # Its own pods take traffic already, or nothing does: without this a first version that does not get ready
    # could not be replaced.
    inside = selected is None or is_shared(name, selected)
    pods = [pod for pod in pods if not (inside and pod.version == Track.ROLLOUT)]
    wanted = image_reference(service.image, service.tag)
    others = sorted({image for pod in pods if wanted not in pod.images for image in pod.images})
    if others:
        return Refusal(
            step=step,
            found=f"pods of the application run {', '.join(others)}",
            rule=f"it is with the version that serves, so that users see one; the stack has {wanted}",
            remedy=(
                f"This step was not taken. {_back_to(name, service, others)}, `pulumi up`, and release the new one "
                "then."
            ),
        )
    serving = (selected or {}).get("version")
    idle = sorted(
        {pod.version for pod in pods if pod.version in set(Colour) and serving in set(Colour) - {pod.version}}
    )
    if idle:
        return Refusal(
            step=step,
            found=f"the idle colour {idle[0]} has pods",
            rule="they would take traffic until the Rollout has all of its own",
            remedy=(
                f"This step was not taken. Under strategy blueGreen run {setting(name, f'{idle[0]}.replicas', 0)}, "
                "`pulumi up`, and hand over then."
            ),
        )
    return None


def refuse_taken_over(name: str, selected: Mapping[str, str]) -> Refusal:
    """Refuses to write a selector that has become the controller's since the program looked."""
    return Refusal(
        step=f"{key_of(name)}: the change of Service {name}",
        found=f"it selects {labels_text(selected)} by now",
        rule="what Argo Rollouts has set is not changed back, and it was another when the update began",
        remedy="The Service was not touched. Run `pulumi up` again.",
    )


def not_taken_over(name: str, service: ArgoBlueGreenSettings, state: RolloutState) -> str:
    """Why the Rollout has not taken the traffic."""
    return (
        f"{key_of(name)}: the hand-over to the Rollout is not finished: it is {state}, with {state.available} of "
        f"{state.wanted} pods available, and takes the traffic alone when all are. What served continues to serve. "
        f"See: {get_pods_command(name, service, Track.ROLLOUT)}; then run `pulumi up` again."
    )


def is_shared(name: str, selected: Mapping[str, str] | None) -> bool:
    """Whether the Service selects every pod of the application: the controller has not taken it over yet."""
    return selected == shared(name)


def _back_to(name: str, service: ArgoBlueGreenSettings, images: Sequence[str]) -> str:
    """How the stack gets the version that its pods run."""
    repository, _, tag = images[0].rpartition(":")
    if len(images) == 1 and repository == service.image:
        return f"Run {setting(name, 'tag', tag, text=True)}"
    return f"Set services.{key_of(name)}.tag and services.{key_of(name)}.image to what they run"
