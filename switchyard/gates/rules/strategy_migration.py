"""Whether a service may migrate from one strategy to another, and whether a migration to argoBlueGreen is finished."""

from collections.abc import Iterable, Mapping, Sequence

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import ArgoBlueGreenSettings, Colour, RolloutSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.config.types.values import image_reference
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.live_rollouts import LiveRollout
from switchyard.kube.objects import RunningPod
from switchyard.kube.rollout import RolloutState
from switchyard.kube.selectors import get_pods_command, labels_text
from switchyard.manifests.argo_blue_green import selected as shared


def refuse_other_rollout(name: str, service: RolloutSettings, live: LiveRollout) -> Refusal | None:
    """Refuses to change a canary into argoBlueGreen, or the reverse.

    Both are a Rollout of one name, and the controller would apply the new strategy while the Service still has the
    selector of the old one.
    """
    wanted = "blueGreen" if isinstance(service, ArgoBlueGreenSettings) else "canary"
    if live.strategy in {None, wanted}:
        return None
    present = "canary" if live.strategy == "canary" else "argoBlueGreen"
    return Refusal(
        code=Code.OTHER_ROLLOUT_STRATEGY,
        step=f"{key_of(name)}: the change of its strategy to {service.strategy}",
        observed=f"its Rollout on the cluster has strategy {present}",
        rule="a Rollout cannot change between canary and argoBlueGreen",
        remedy=(
            "The Rollout was not changed. Migrate through strategy blueGreen: "
            f"run {setting(name, 'strategy', 'blueGreen')}, `{typed('pulumi up')}`."
        ),
    )


def refuse_mixed(
    name: str, service: ArgoBlueGreenSettings, selected: Mapping[str, str] | None, pods: Iterable[RunningPod]
) -> Refusal | None:
    """Refuses a migration in which pods of another version, or of an idle colour, would take traffic.

    Until the controller has added its hash, the Service selects every pod of the application.

    Args:
        name: the service's name.
        service: settings of the service.
        selected: selector of the Service; None without a Service.
        pods: all pods of the application.
    """
    step = f"{key_of(name)}: the strategy migration to the Rollout"
    # Its own pods take traffic already, or nothing does: without this a first version that does not get ready
    # could not be replaced.
    own_pods_serve = selected is None or is_shared(name, selected)
    pods = [pod for pod in pods if not (own_pods_serve and pod.version == Track.ROLLOUT)]
    wanted = image_reference(service.image, service.tag)
    others = sorted({image for pod in pods if wanted not in pod.images for image in pod.images})
    if others:
        return Refusal(
            code=Code.MIGRATION_MIXES_VERSIONS,
            step=step,
            observed=f"pods of the application run {', '.join(others)}",
            rule=f"a migration keeps the version that serves, so that users get one version; the stack has {wanted}",
            remedy=(
                f"The Service was not changed. {_back_to(name, service, others)}, `{typed('pulumi up')}`, and "
                "release the new version afterwards."
            ),
        )
    serving = (selected or {}).get("version")
    idle = sorted(
        {pod.version for pod in pods if pod.version in set(Colour) and serving in set(Colour) - {pod.version}}
    )
    if idle:
        return Refusal(
            code=Code.MIGRATION_MIXES_COLOURS,
            step=step,
            observed=f"the idle colour {idle[0]} has pods",
            rule="they would take traffic until the Rollout has all of its own",
            remedy=(
                f"The Service was not changed. Under strategy blueGreen run {setting(name, f'{idle[0]}.replicas', 0)}, "
                f"`{typed('pulumi up')}`, and migrate afterwards."
            ),
        )
    return None


def refuse_taken_over(name: str, live: LiveRollout, selected: Mapping[str, str]) -> Refusal | None:
    """Refuses to write a selector that Argo Rollouts has changed since the start of the program."""
    if selected == live.hashed(name):
        return None
    return Refusal(
        code=Code.SELECTOR_TAKEN_OVER,
        step=f"{key_of(name)}: the change of Service {name}",
        observed=f"it selects {labels_text(selected)} now",
        rule="a selector that Argo Rollouts has set is not changed back, and it was different when the update began",
        remedy=f"The Service was not changed. Run `{typed('pulumi up')}` again.",
    )


def not_taken_over(name: str, service: ArgoBlueGreenSettings, state: RolloutState) -> str:
    """The reason why the Rollout does not have the traffic yet."""
    return notice(
        Code.ROLLOUT_NOT_READY,
        key_of(name),
        f"the strategy migration to the Rollout is not finished: the Rollout is {state}, with {state.available} of "
        f"{state.wanted} pods available, and takes all traffic when all are available",
        f"What served continues to serve. See: {get_pods_command(name, service, Track.ROLLOUT)}; then run "
        f"`{typed('pulumi up')}` again.",
    )


def is_shared(name: str, selected: Mapping[str, str] | None) -> bool:
    """Whether the Service selects every pod of the application: the controller has not taken it over yet."""
    return selected == shared(name)


def _back_to(name: str, service: ArgoBlueGreenSettings, images: Sequence[str]) -> str:
    """The remedy that sets the version which the pods run."""
    repository, _, tag = images[0].rpartition(":")
    if len(images) == 1 and repository == service.image:
        return f"Run {setting(name, 'tag', tag, text=True)}"
    return f"Set services.{key_of(name)}.tag and services.{key_of(name)}.image to what they run"
