"""Warnings of the gates, and reports of problems at the end of a run. Nothing here refuses a step."""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Colour, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import notice
from switchyard.gates.rules.remedies import setting
from switchyard.kube.images import Running, configured_image, same_version
from switchyard.kube.selectors import get_pods_command, gets_traffic, labels_text, serving_track
from switchyard.kube.shortage import PodsReport
from switchyard.manifests.labels import FIELD_MANAGER, selector
from switchyard.manifests.pods import moved_ports, service_ports

NOTHING = "nothing of this stack"
"""Text that replaces the name of a track if there is no Service, or if it selects no track."""

UNKNOWN = "unknown"
"""Text that replaces the name of a track if the cluster could not be read."""

AWAITED = "failed to fully initialize or become live"
"""Part of the provider's message when an object that it has applied did not become ready in time."""

CUT_OFF = "cancel"
"""Part of the provider's message when Ctrl-C ended the wait."""


def shared_selector(name: str, to: Track, selected: Mapping[str, str] | None) -> str | None:
    """The warning that a Service to be adopted would send traffic to new pods before any gate; else None."""
    if serving_track(name, selected) is not None or not gets_traffic(name, to, selected):
        return None
    return notice(
        Code.ADOPTED_SERVICE_SELECTS_NEW_PODS,
        key_of(name),
        f"Service {name} selects {labels_text(selected)}, and so the pods of {to} as well: each takes traffic as soon "
        "as it is ready, before any gate",
        "To prevent that, narrow the Service's selector first.",
    )


@dataclass(frozen=True)
class ServingReport:
    """The track that serves at the end of a run, and how it differs from the stack.

    Attributes:
        serving: a track, or `NOTHING`, or `UNKNOWN`.
        problem: the difference from the stack; None without one.
    """

    serving: str
    problem: str | None = None


def serving_report(name: str, service: ServiceSettings, selected: Mapping[str, str] | None) -> ServingReport:
    """Compares the track that serves with the active track of the stack."""
    serving = serving_track(name, selected)
    if serving == service.track:
        return ServingReport(serving)
    if serving is not None:
        actual = f"{serving} serves on the cluster"
    elif selected is None:
        actual = f"there is no Service {name} on the cluster"
    else:
        actual = f"Service {name} on the cluster selects {labels_text(selected)}"
    wanted = selector(name, service.track)
    if selected is not None and wanted.items() < selected.items():
        # A refresh compares the labels that the stack has, and sees none that were added.
        patch = json.dumps([{"op": "replace", "path": "/spec/selector", "value": wanted}])
        remedy = (
            "Somebody added a label to its selector, which a refresh does not notice. "
            f"Remove it: kubectl -n {service.namespace} patch service {name} --type=json -p '{patch}'"
        )
    else:
        remedy = (
            "It was changed by hand, or by an interrupted update. "
            f"`{typed('pulumi up --refresh')}` shows the difference and restores it."
        )
    problem = f"{actual}, though the stack has {service.track}"
    return ServingReport(serving or NOTHING, notice(Code.ANOTHER_TRACK_SERVES, key_of(name), problem, remedy))


def changed_ports(name: str, service: ServiceSettings, targets: Mapping[str, int | str]) -> str | None:
    """Reports that the Service targets ports that its pods do not have, so that requests are not answered.

    Args:
        name: the service's name.
        service: settings of the service.
        targets: the ports of pods that the Service on the cluster targets, by the names of its ports.
    """
    moved = moved_ports(service, targets)
    lines = [f"targets port {targets[port]} of its pods, which listen on {number}" for port, number in moved.items()]
    lines += [f"has no port {port['port']}" for port in service_ports(service) if port["name"] not in targets]
    if not lines:
        return None
    return notice(
        Code.ANOTHER_TRACK_SERVES,
        key_of(name),
        f"Service {name} on the cluster {', '.join(lines)}",
        f"It was changed by hand. `{typed('pulumi up --refresh')}` shows the difference and restores it.",
    )


def unfinished_migration(name: str, to: Track, old: int, reasons: Iterable[str]) -> str:
    """The reason why pods of the previous strategy are kept after a change of strategy."""
    return notice(
        Code.MIGRATION_NOT_FINISHED,
        key_of(name),
        f"the strategy migration to {to} is not finished: {'; '.join(reasons)}",
        f"The {old} pods of the previous strategy are kept. Correct the cause, then run `{typed('pulumi up')}` again.",
    )


def nothing_ready(name: str, service: ServiceSettings, track: Track) -> str:
    """Reports that the track that serves has no ready pod, so that no request is answered."""
    return notice(
        Code.NOTHING_READY,
        key_of(name),
        f"{track} serves, and has no ready pod: no request is answered",
        f"If its Deployment or Rollout was deleted, `{typed('pulumi up --refresh')}` creates it again; if its pods do "
        f"not get ready, see: {get_pods_command(name, service, track)}",
    )


def about_readiness(errors: Iterable[str]) -> bool:
    """Whether the errors of an operation say that pods did not become ready."""
    text = "\n".join(errors).lower()
    return AWAITED in text and CUT_OFF not in text


def why_not_ready(name: str, service: ServiceSettings, report: PodsReport, serving: Track | None) -> str:
    """One line on pods that are not ready: their state, what serves, and the command that shows them."""
    track = report.track
    traffic = f"{serving} continues to serve" if serving not in {None, track} else f"serving: {serving or 'nothing'}"
    remedy = f"{traffic}. See: {get_pods_command(name, service, track)}"
    return notice(Code.PODS_NOT_READY, key_of(name), str(report), remedy)


def other_version(
    name: str, service: ServiceSettings, track: Track, running: Sequence[Running], owners: Set[str] = frozenset()
) -> str | None:
    """The report on pods that run another version than the stack has; None when they run the same.

    Args:
        name: the service's name.
        service: settings of the service.
        track: the track of the pods.
        running: the images that the pods run.
        owners: field managers that have set the image of their Deployment or Rollout.
    """
    configured = configured_image(service, track)
    ours = owners == {FIELD_MANAGER}
    others = [image for image in running if configured and not same_version(image.reference, configured, ours=ours)]
    if not others:
        return None
    setter = f" (set by {', '.join(sorted(owners))})" if owners and FIELD_MANAGER not in owners else ""
    images = ", ".join(dict.fromkeys(image.reference for image in others))
    problem = f"pods of {track} run {images}{setter}, though the stack has {configured}"
    return notice(Code.ANOTHER_VERSION_RUNS, key_of(name), problem, _what_to_do(name, service, track, others))


def warn_image_rewritten(name: str, service: ServiceSettings, track: Track, running: Sequence[Running]) -> str | None:
    """Names an image of the configured version from another registry than the stack has; None without one."""
    configured = configured_image(service, track)
    others = dict.fromkeys(image.reference for image in running if configured and image.reference != configured)
    if configured is None or not others or not all(same_version(other, configured, ours=True) for other in others):
        return None
    return notice(
        Code.IMAGE_REWRITTEN,
        key_of(name),
        f"pods of {track} run {', '.join(others)}, for which the stack has {configured}: the same version, rewritten "
        "by the cluster's admission (a registry mirror, a policy)",
    )


def _what_to_do(name: str, service: ServiceSettings, track: Track, others: Sequence[Running]) -> str:
    key = "tag" if track is Track.ROLLOUT else f"{track}.tag"
    image = others[0].image
    keep = ""
    if image.repository == service.image and image.tag and len(others) == 1:
        tag = f"{image.tag}@{image.digest}" if image.digest else image.tag
        keep = f"To keep it: {setting(name, key, tag, text=True)}. "
    if track is not Track.ROLLOUT and track is service.track:
        return (
            f"{keep}To go back: set the configured version in {Colour(track).other} and make it active, "
            f"or permit a rolling update with {setting(name, 'allowInPlaceUpdate', True)} and run "
            f"`{typed('pulumi up --refresh')}`."
        )
    return f"{keep}To go back: `{typed('pulumi up --refresh')}` shows the difference and restores it."
