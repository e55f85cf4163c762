"""Whether an autoscaler may be created, changed or removed, and what is reported about it."""

import math
from collections.abc import Iterable, Iterator

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.kubernetes import METRICS
from switchyard.config.models.service import ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal, notice
from switchyard.gates.rules.release import wanted_ready
from switchyard.gates.rules.remedies import setting, without
from switchyard.gates.rules.sizes import Autoscaler, Sizing, planned


def refuse_other_autoscalers(name: str, service: ServiceSettings, sizing: Sizing) -> Refusal | None:
    """Refuses a second autoscaler for the pods of a service, and to overwrite a foreign one of the same name."""
    if service.autoscaling is None:
        return None
    if any(
        autoscaler.name == name and not autoscaler.own and autoscaler.track is None for autoscaler in sizing.autoscalers
    ):
        return Refusal(
            code=Code.AUTOSCALER_NAME_TAKEN,
            step=f"{key_of(name)}: the autoscaler",
            observed=f"namespace {service.namespace} has a HorizontalPodAutoscaler {name}, which sizes other pods",
            rule="an autoscaler that this stack did not create is not overwritten",
            remedy="Neither autoscaler was changed. Rename that autoscaler, or the service.",
        )
    foreign = sizing.foreign()
    if not foreign:
        return None
    names = ", ".join(sorted(autoscaler.name for autoscaler in foreign))
    return Refusal(
        code=Code.ANOTHER_AUTOSCALER,
        step=f"{key_of(name)}: the autoscaler",
        observed=f"HorizontalPodAutoscaler {names} in namespace {service.namespace} already sizes pods of this service",
        rule="two autoscalers of the same pods overwrite each other's numbers",
        remedy=(
            f"Nothing was changed. Delete it: kubectl -n {service.namespace} delete hpa {names.replace(', ', ' ')}, "
            f"which keeps the number of pods, and run `{typed('pulumi up')}`; or remove the autoscaler of this "
            f"stack: {without(name, 'autoscaling')}"
        ),
    )


def refuse_lower_max(name: str, service: ServiceSettings, behind: int) -> Refusal | None:
    """Refuses a maximum below what serves: the autoscaler would remove the pods above it at once."""
    wanted = math.ceil(behind * service.gate.min_ready_percent_of_serving / 100)
    if service.autoscaling is None or service.autoscaling.max >= wanted:
        return None
    return Refusal(
        code=Code.AUTOSCALER_MAX_TOO_LOW,
        step=f"{key_of(name)}: the change of the autoscaler",
        observed=f"autoscaling.max is {service.autoscaling.max}, but {behind} ready pods serve",
        rule="the autoscaler would remove the pods above its maximum at once, whatever the load",
        remedy=(
            f"The autoscaler was not changed. Run {setting(name, 'autoscaling.max', wanted)}, or wait until the "
            "autoscaler has reduced the pods; or permit fewer with gate.minReadyPercentOfServing."
        ),
    )


def refuse_fixed_number(name: str, service: ServiceSettings, sizing: Sizing) -> Refusal | None:
    """Refuses to replace the autoscaler with a fixed number below what serves."""
    track = service.track
    if sizing.own is None or service.autoscaling is not None or sizing.sizes(service, track):
        return None
    fixed, wanted = service.replicas_of(track), wanted_ready(service, track, sizing.behind)
    if fixed >= wanted:
        return None
    return Refusal(
        code=Code.FIXED_NUMBER_TOO_LOW,
        step=f"{key_of(name)}: the removal of the autoscaler",
        observed=f"{track.replicas_key} is {fixed}, but {sizing.behind} ready pods serve under the autoscaler",
        rule="the removal of an autoscaler must not scale down what serves",
        remedy=f"Nothing was changed. Run {setting(name, track.replicas_key, wanted)}, and lower it afterwards.",
    )


def refuse_fixed_number_above_max(name: str, service: ServiceSettings, sizing: Sizing) -> Refusal | None:
    """Refuses to replace the autoscaler with a fixed number above its maximum.

    The engine deletes the autoscaler last. Until then it would remove the pods for which the update waits.
    """
    own, track = sizing.own, service.track
    if own is None or own.track is not track or service.autoscaling is not None or sizing.sizes(service, track):
        return None
    fixed = service.replicas_of(track)
    if fixed <= own.max or sizing.behind > own.max:
        return None
    return Refusal(
        code=Code.AUTOSCALER_MAX_TOO_LOW,
        step=f"{key_of(name)}: the removal of the autoscaler",
        observed=f"{track.replicas_key} is {fixed}, and the maximum of the autoscaler is {own.max}",
        rule="the autoscaler is deleted at the end of the update, and until then removes the pods above its maximum",
        remedy=f"Nothing was changed. Run {setting(name, track.replicas_key, own.max)}, and raise it afterwards.",
    )


def refuse_removal_of_added_pods(
    name: str, track: Track, before: int, after: int, configured: int | None
) -> Refusal | None:
    """Refuses to remove pods that serve and that the configuration did not ask for.

    Somebody has added them, or an autoscaler that no longer exists. So does the first update of a workload that is
    adopted, or whose state was lost. Its preview shows a creation.

    Args:
        name: the service's name.
        track: the track that serves.
        before: its replicas on the cluster.
        after: its replicas after the update.
        configured: the replicas that the stack has configured; None if it has configured none.
    """
    if after >= before or (configured is not None and before <= configured):
        return None
    known = f"though the stack has configured {configured}"
    if configured is None:
        known = "a number that the stack has not configured"
    return Refusal(
        code=Code.FIXED_NUMBER_TOO_LOW,
        step=f"{key_of(name)}: a change of the number of pods of {track}",
        observed=f"{track} serves with {before} pods, {known}, and this would leave {after}",
        rule="an update does not remove pods that somebody or an autoscaler has added to what serves",
        remedy=(
            f"No pod was removed. To keep them: {setting(name, track.replicas_key, before)}. To remove them, do the "
            f"same, run `{typed('pulumi up')}`, and lower the number in the update after it."
        ),
    )


def kept_numbers(name: str, service: ServiceSettings, sizing: Sizing) -> Iterator[str]:
    """Reports configured numbers of pods that are not applied, because a foreign autoscaler decides on them."""
    for autoscaler in sizing.foreign() if service.autoscaling is None else ():
        track = autoscaler.track
        if track is None or (track is Track.ROLLOUT) != (service.track is Track.ROLLOUT):
            continue
        plan, key = planned(service, track, sizing), f"services.{key_of(name)}.{track.replicas_key}"
        configured = service.replicas if track is Track.ROLLOUT else service.replicas_of(track)
        if plan.kept and configured not in {None, plan.pods}:
            yield notice(
                Code.NUMBER_NOT_APPLIED,
                key_of(name),
                f"HorizontalPodAutoscaler {autoscaler.name} sizes {track}, so that its {plan.pods} pods are kept and "
                f"{key}: {configured} is not applied",
            )


def not_sized(name: str, service: ServiceSettings, autoscalers: Iterable[Autoscaler]) -> str | None:
    """The reason why no autoscaler sizes the pods that serve, as the settings ask; None if one does."""
    own = next((autoscaler for autoscaler in autoscalers if autoscaler.own), None)
    if own is not None and own.track is service.track:
        return None
    actual = "does not exist on the cluster" if own is None else f"sizes {own.track or 'something else'}"
    return notice(
        Code.NO_AUTOSCALER,
        key_of(name),
        f"HorizontalPodAutoscaler {name} {actual}, so that {service.track} serves with a fixed number of pods",
        f"`{typed('pulumi up --refresh')}` shows the difference and restores it.",
    )


def inactive_autoscaler(name: str, reason: str) -> str:
    """Warns of an autoscaler that does not scale, with its controller's reason."""
    return notice(
        Code.AUTOSCALER_INACTIVE,
        key_of(name),
        f"HorizontalPodAutoscaler {name} does not scale ({reason})",
        "The number of pods stays as it is.",
    )


def no_metrics(name: str) -> str:
    """Warns of a cluster without the metrics API, which its autoscalers need."""
    return notice(
        Code.NO_METRICS,
        key_of(name),
        f"the cluster serves no metrics ({METRICS}), so that the autoscaler keeps the present number of "
        "pods, within its limits",
        "Install metrics-server. See: kubectl get apiservice | grep metrics",
    )


def notice_scaled_up(name: str, to: Track, previous: int, wanted: int) -> str:
    """Reports that a gate has added pods to a track before the track gets the traffic."""
    change = f"{to} was scaled up from {previous} to {wanted} pods before the switch, as many as serve now"
    return notice(Code.PODS_ADDED_BEFORE_SWITCH, key_of(name), change)
