"""What the gates say without refusing, as pure functions: what was seen goes in, a line or None comes out."""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from switchyard.config.models.service import Colour, ServiceSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.remedies import setting
from switchyard.kube.images import Running, configured_image, same_version
from switchyard.kube.selectors import get_pods_command, gets_traffic, labels_text, serving_track
from switchyard.kube.shortage import PodsReport
from switchyard.manifests.labels import FIELD_MANAGER, selector

NOTHING = "nothing of this stack"
"""Stands for a track where there is no Service, or one that selects none."""

UNKNOWN = "unknown"
"""Stands for a track where the cluster could not be seen."""

AWAITED = "failed to fully initialize or become live"
"""What the provider says, whatever the details, when it has applied an object and waited for it in vain."""

CUT_OFF = "cancel"
"""Part of what it says when it was somebody's Ctrl-C, and not the pods, that ended the wait."""


def shared_selector(name: str, to: Track, selected: Mapping[str, str] | None) -> str | None:
    """A warning when a Service to be adopted sends traffic to the new pods before any gate; None when it does not."""
    if serving_track(name, selected) is not None or not gets_traffic(name, to, selected):
        return None
    return (
        f"{key_of(name)}: Service {name} selects {labels_text(selected)}, and so the pods of {to} as well: each "
        "takes traffic "
        "as soon as it is ready, before the gate has looked. Narrow the Service's selector first if that must not be."
    )


@dataclass(frozen=True)
class Seen:
    """What serves at the end of a run.

    Attributes:
        serving: a track, or `NOTHING`, or `UNKNOWN`.
        problem: what is wrong with that; None when the stack has it so.
    """

    serving: str
    problem: str | None = None


def seen(name: str, service: ServiceSettings, selected: Mapping[str, str] | None) -> Seen:
    """Compares the track that serves with the one that the stack has active."""
    serving = serving_track(name, selected)
    if serving == service.track:
        return Seen(serving)
    if serving is not None:
        found = f"{serving} serves on the cluster"
    elif selected is None:
        found = f"there is no Service {name} on the cluster"
    else:
        found = f"Service {name} on the cluster selects {labels_text(selected)}"
    wanted = selector(name, service.track)
    if selected is not None and wanted.items() < selected.items():
        # A refresh compares the labels that the stack has, and sees none that were added.
        patch = json.dumps([{"op": "replace", "path": "/spec/selector", "value": wanted}])
        remedy = (
            "somebody added to it, which a refresh does not see. "
            f"Take it away: kubectl -n {service.namespace} patch service {name} --type=json -p '{patch}'"
        )
    else:
        remedy = (
            "it was changed by hand, or by an update that was cut off. `pulumi up --refresh` shows the difference and "
            "puts it right."
        )
    return Seen(serving or NOTHING, f"{key_of(name)}: {found}, though the stack has {service.track}: {remedy}")


def unfinished_hand_over(name: str, to: Track, old: int, reasons: Iterable[str]) -> str:
    """Why pods of the strategy before are kept, although the stack has another one."""
    return (
        f"{key_of(name)}: the hand-over to {to} is not finished: {'; '.join(reasons)}. The {old} pods of the "
        "strategy before are kept. Mend it, then run `pulumi up` again."
    )


def nothing_ready(name: str, service: ServiceSettings, track: Track) -> str:
    """Says that the track that serves has no ready pod: nobody answers the users."""
    return (
        f"{key_of(name)}: {track} serves, and has no ready pod: no request is answered. If its Deployment or Rollout "
        "was deleted, `pulumi up --refresh` makes it anew; if its pods do not get ready, see: "
        f"{get_pods_command(name, service, track)}"
    )


def about_readiness(errors: Iterable[str]) -> bool:
    """Whether an operation failed because pods did not get ready, as far as its errors tell."""
    text = "\n".join(errors).lower()
    return AWAITED in text and CUT_OFF not in text


def why_not_ready(name: str, service: ServiceSettings, report: PodsReport, serving: Track | None) -> str:
    """One line on pods that did not get ready: how its pods are, what serves, where to look."""
    track = report.track
    traffic = f"{serving} continues to serve" if serving not in {None, track} else f"serving: {serving or 'nothing'}"
    return f"{key_of(name)}: {report}. {traffic}. See: {get_pods_command(name, service, track)}"


def other_version(
    name: str, service: ServiceSettings, track: Track, found: Sequence[Running], owners: Set[str] = frozenset()
) -> str | None:
    """What is wrong with pods that run another version than the stack has; None when they run that.

    Args:
        name: the service's name.
        service: its settings.
        track: whose pods.
        found: what they run.
        owners: who has set the image of their Deployment or Rollout, by the API server's record.
    """
    configured = configured_image(service, track)
    ours = owners == {FIELD_MANAGER}
    others = [one for one in found if configured and not same_version(one.reference, configured, ours=ours)]
    if not others:
        return None
    by = f" (set by {', '.join(sorted(owners))})" if owners and FIELD_MANAGER not in owners else ""
    images = ", ".join(dict.fromkeys(one.reference for one in others))
    return (
        f"{key_of(name)}: pods of {track} run {images}{by}, though the stack has {configured}. "
        f"{_what_to_do(name, service, track, others)}"
    )


def rewritten(name: str, service: ServiceSettings, track: Track, found: Sequence[Running]) -> str | None:
    """Names an image of the configured version that comes from elsewhere than the stack has; None without one."""
    configured = configured_image(service, track)
    others = dict.fromkeys(one.reference for one in found if configured and one.reference != configured)
    if configured is None or not others or not all(same_version(other, configured, ours=True) for other in others):
        return None
    return (
        f"{key_of(name)}: pods of {track} run {', '.join(others)}, for which the stack has {configured}: the same "
        "version, rewritten by the cluster's admission (a registry mirror, a policy)"
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
            f"{keep}To go back: give the version that the stack is to have to {Colour(track).other} and make that "
            f"active, or permit a rolling update with {setting(name, 'allowInPlaceUpdate', True)} and run `pulumi up "
            "--refresh`."
        )
    return f"{keep}To go back: `pulumi up --refresh` shows the difference and puts it right."
