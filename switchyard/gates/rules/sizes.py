"""Computes the numbers of pods of a service that an autoscaler sizes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from switchyard.config.models.service import Colour, ServiceSettings, Track
from switchyard.gates.rules.relocation import SERVICES_OUTPUT
from switchyard.manifests.autoscaling import scale_target
from switchyard.manifests.labels import object_labels

AUTOSCALED_OUTPUT = "autoscaled"
"""Output of a service with `autoscaling`, whose number of pods the configuration does not set."""


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler of a service's namespace.

    Attributes:
        name: name of the object.
        track: the track of the service that it sizes; None when it sizes something else.
        min: fewest pods.
        max: most pods.
        own: whether this program created it for the service.
        inactive: the controller's reason why it does not scale; None if it scales or has not reported yet.
    """

    name: str
    track: Track | None
    min: int
    max: int
    own: bool
    inactive: str | None = None


@dataclass(frozen=True)
class Sizing:
    """The autoscalers and pods of a service, as read at the start of the program.

    Attributes:
        autoscalers: the autoscalers that size a track, and the one that this program created.
        live: replicas that each workload has in its specification; a workload that does not exist is missing.
        serving: the track that gets the traffic; None if that is none of the service's tracks.
        behind: number of ready pods behind the Service.
        serving_ready: ready pods behind the Service that do not belong to the configured active track.
        configured: replicas that the configuration of the last update set, by track.
    """

    autoscalers: tuple[Autoscaler, ...] = ()
    live: Mapping[Track, int] = field(default_factory=dict)
    serving: Track | None = None
    behind: int = 0
    serving_ready: int = 0
    configured: Mapping[Track, int] = field(default_factory=dict)

    def foreign(self, track: Track | None = None) -> tuple[Autoscaler, ...]:
        """Foreign autoscalers that size a track; with None, any track."""
        wanted = set(Track) if track is None else {track}
        return tuple(item for item in self.autoscalers if item.track in wanted and not item.own)

    @property
    def own(self) -> Autoscaler | None:
        """The autoscaler that this program created for the service; None without one."""
        return next((item for item in self.autoscalers if item.own), None)

    def both(self, track: Track, recorded: int | None) -> int | None:
        """The replicas of a track that the last update has both configured and recorded; None without one of the two.

        Args:
            track: the track.
            recorded: its replicas in the state; None without a record.
        """
        configured = self.configured.get(track)
        return None if configured is None or recorded is None else min(configured, recorded)

    def sizes(self, service: ServiceSettings, track: Track) -> bool:
        """Whether an autoscaler sets the number of a track's pods, and not the settings."""
        if service.autoscaling is not None or (track is Track.ROLLOUT and service.replicas is None):
            return True
        return bool(self.foreign(track))


@dataclass(frozen=True)
class Replicas:
    """The number of pods that an update gives a track.

    Attributes:
        pods: number of pods.
        kept: whether the workload keeps its present number, which `pods` then is.
    """

    pods: int
    kept: bool = False


def planned(service: ServiceSettings, track: Track, sizing: Sizing) -> Replicas:
    """The number of pods that an update gives a track.

    What serves keeps its number. What is about to serve gets as many pods as are serving, within the autoscaler's
    limits. An idle track keeps its pods for a rollback, unless the settings say 0.

    Args:
        service: settings of the service.
        track: track of the pods.
        sizing: what the cluster has.
    """
    configured, live = service.replicas_of(track), sizing.live.get(track)
    if not sizing.sizes(service, track):
        return Replicas(configured)
    if track is not service.track:
        if _retired(service, track):
            return Replicas(0)
        kept = live is not None and live >= configured
        return Replicas(live or 0, kept=True) if kept else Replicas(configured)
    floor = _fewest(service, track, sizing)
    if sizing.serving is track and live:
        return Replicas(max(live, floor), kept=True)
    most = service.most_replicas_of(track)
    wanted = max(sizing.serving_ready, _first_size(service, track), live or 0)
    number = max(floor, wanted if most is None else min(wanted, most))
    # A rollback to a colour that has its pods still changes nothing of its Deployment.
    return Replicas(live, kept=True) if live is not None and live >= number else Replicas(number)


def needed_to_retire(service: ServiceSettings, sizing: Sizing, live: int | None, leaving: int) -> int:
    """Ready pods that the active track needs before ready pods of the idle one go.

    Args:
        service: settings of the service.
        sizing: what the cluster has.
        live: replicas in the specification of the active track, where an autoscaler sizes it; else None.
        leaving: ready pods of the idle track.

    Returns:
        The configured number; under an autoscaler at least as many as are leaving, or as the autoscaler has
        reduced them to since. Pods that it has added since may still wait for the room that the idle ones occupy.
    """
    if live is None:
        return service.replicas_of(service.track)
    return max(_fewest(service, service.track, sizing), min(live, leaving))


def last_configured(outputs: Mapping[str, Any], key: str) -> dict[Track, int]:
    """The replicas that the configuration of the last update set for a service; none under `autoscaling`.

    The state itself also has numbers that the configuration did not set: the number of an autoscaler's pods, with which
    a colour was warmed, and after a refresh a number that somebody has set by hand.

    Args:
        outputs: outputs of the stack.
        key: the service's key.
    """
    entry = (outputs.get(SERVICES_OUTPUT) or {}).get(key) or {}
    if entry.get(AUTOSCALED_OUTPUT):
        return {}
    tracks = {**(entry.get("colours") or {}), Track.ROLLOUT.value: entry.get("rollout") or {}}
    numbers = {track: (tracks.get(track.value) or {}).get("replicas") for track in Track}
    return {track: int(number) for track, number in numbers.items() if number is not None}


def autoscaler_of(name: str, item: Mapping[str, Any]) -> Autoscaler:
    """Parses a HorizontalPodAutoscaler from the API server.

    Args:
        name: the service's name.
        item: the object.
    """
    spec, metadata = item["spec"], item["metadata"]
    target = spec["scaleTargetRef"]
    conditions = {condition["type"]: condition for condition in item.get("status", {}).get("conditions") or ()}
    active = conditions.get("ScalingActive", {})
    return Autoscaler(
        name=metadata["name"],
        track=next((track for track in Track if _same_target(scale_target(name, track), target)), None),
        min=spec.get("minReplicas", 1),
        max=spec["maxReplicas"],
        own=metadata["name"] == name and object_labels(name).items() <= metadata.get("labels", {}).items(),
        inactive=f"{active.get('reason')}: {active.get('message')}" if active.get("status") == "False" else None,
    )


def of_service(name: str, items: Iterable[Mapping[str, Any]]) -> tuple[Autoscaler, ...]:
    """The autoscalers of a namespace that size pods of a service, or have its name."""
    read = (autoscaler_of(name, item) for item in items)
    return tuple(autoscaler for autoscaler in read if autoscaler.name == name or autoscaler.track is not None)


def _retired(service: ServiceSettings, track: Track) -> bool:
    """Whether the settings remove an idle track's pods: under `autoscaling` only an explicit 0 does."""
    if track is Track.ROLLOUT:
        return False
    colour = service.colour(Colour(track))
    return colour.replicas == 0 and (service.autoscaling is None or "replicas" in colour.model_fields_set)


def _fewest(service: ServiceSettings, track: Track, sizing: Sizing) -> int:
    """The minimum of the autoscaler that sizes a track; 1 if it is not known."""
    if service.autoscaling is not None:
        return service.autoscaling.min
    return max((autoscaler.min for autoscaler in sizing.foreign(track)), default=1)


def _first_size(service: ServiceSettings, track: Track) -> int:
    """The configured number with which a track starts; a Rollout under `autoscaling` has none."""
    if track is not Track.ROLLOUT:
        return service.colour(Colour(track)).replicas
    return (service.replicas or 0) if service.autoscaling is None else 0


def _same_target(own: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    """Whether a reference names that workload. Its version may be another one of the same group, or be missing."""
    group = target.get("apiVersion", own["apiVersion"]).partition("/")[0]
    return (target["kind"], target["name"], group) == (own["kind"], own["name"], own["apiVersion"].partition("/")[0])
