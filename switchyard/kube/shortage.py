"""Explains why a track is short of pods, by its pods, ReplicaSets and controller: pure functions."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from switchyard.config.models.service import Track
from switchyard.kube.images import Running, parsed, versions
from switchyard.kube.objects import Pod, application
from switchyard.kube.pod_states import READY


@dataclass(frozen=True)
class PodsReport:
    """The states of the pods of a track, compared with the number that is wanted.

    Attributes:
        track: the track of the pods.
        wanted: pods that the stack wants.
        version: version of the track's Deployment or Rollout; None without one.
        ready: ready pods of that version.
        states: states of the pods that are not ready.
        earlier: pods of an earlier template that are not removed yet.
        causes: why the cluster does not create or run pods, as its controllers report it.
    """

    track: Track
    wanted: int
    version: str | None = None
    ready: int = 0
    states: tuple[str, ...] = ()
    earlier: tuple[Pod, ...] = ()
    causes: tuple[str, ...] = ()

    def __str__(self) -> str:
        counted = Counter(self.states)
        parts = [f"{count} {state}" for state, count in counted.most_common()]
        if self.earlier:
            ready = sum(pod.ready for pod in self.earlier)
            of_version = versions(running(self.earlier)) or "an unknown version"
            parts.append(f"{len(self.earlier)} of another template ({of_version}), {ready} ready")
        if not self.ready and not self.states:
            parts.append(f"there are none{' of it' if self.version else ''}")
        of_version = f" of {self.version}" if self.version else ""
        summary = f"pods of {self.track}: {self.ready} of {self.wanted} ready{of_version}"
        return ": ".join([summary, "; ".join([*parts, *self.causes])]) if parts or self.causes else summary


def running(pods: Iterable[Pod]) -> tuple[Running, ...]:
    """The images that pods run, the most frequent first."""
    counted: dict[tuple[str, str | None], list[bool]] = {}
    for pod in pods:
        if pod.image:
            counted.setdefault((pod.image, pod.digest), []).append(pod.ready)
    images = [Running(image, digest, len(ready), sum(ready)) for (image, digest), ready in counted.items()]
    return tuple(sorted(images, key=lambda image: (-image.pods, image.reference)))


def report(
    track: Track,
    wanted: int,
    owner: Mapping[str, Any] | None,
    replica_sets: Iterable[Mapping[str, Any]],
    pods: Iterable[Pod],
    current: Collection[str],
) -> PodsReport:
    """Builds the report from the objects that were read.

    Args:
        track: the track of the pods.
        wanted: pods that the stack wants.
        owner: Deployment or Rollout of the track; None without one.
        replica_sets: replica sets of the track.
        pods: pods of the track.
        current: names of the pods of the owner's present template.
    """
    pods = tuple(pods)
    own = [pod for pod in pods if pod.name in current]
    spec = owner and owner["spec"].get("template", {}).get("spec")
    return PodsReport(
        track=track,
        wanted=wanted,
        version=parsed(application(spec)["image"]).version if spec else None,
        ready=sum(pod.ready for pod in own),
        states=tuple(pod.state for pod in own if pod.state != READY),
        earlier=tuple(pod for pod in pods if pod.name not in current),
        causes=tuple(dict.fromkeys(_causes(track, wanted, owner, replica_sets))),
    )


def _causes(
    track: Track, wanted: int, owner: Mapping[str, Any] | None, replica_sets: Iterable[Mapping[str, Any]]
) -> list[str]:
    kind = "Rollout" if track is Track.ROLLOUT else "Deployment"
    if owner is None:
        return [f"there is no {kind} on the cluster"]
    causes = []
    asked = owner["spec"].get("replicas", 1)
    if asked < wanted:
        causes.append(f"its {kind} on the cluster asks for {asked}")
    if owner["spec"].get("paused"):
        causes.append(f"its {kind} is paused, so that a new version is not rolled out")
    refused = [
        condition.get("message", condition.get("reason", ""))
        for item in replica_sets
        if item["spec"].get("replicas")
        for condition in item.get("status", {}).get("conditions", ())
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    causes += [f"the API server refuses to create more: {message}" for message in refused]
    for condition in owner.get("status", {}).get("conditions", ()):
        if condition.get("reason") == "ReplicaSetCreateError" or condition["type"] == "InvalidSpec":
            causes.append(f"its {kind}: {condition.get('message')}")
    return causes
