"""The ConfigMaps and Secrets that the pods of a service read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from switchyard.config.models.environment import Environment
from switchyard.config.models.service import ColourSettings, ServiceSettings, Track

Kind = Literal["ConfigMap", "Secret"]


@dataclass(frozen=True)
class Reference:
    """A ConfigMap or a Secret that pods read.

    Attributes:
        kind: kind of the object.
        name: name of the object, in the service's namespace.
        keys: keys of the object that are read; None for all keys.
        optional: whether pods start without the object.
    """

    kind: Kind
    name: str
    keys: frozenset[str] | None = None
    optional: bool = False

    @property
    def key(self) -> str:
        """Key of the object in a pod template, for example ``configmap/backend-config``."""
        return f"{self.kind.lower()}/{self.name}"

    def joined(self, other: "Reference") -> "Reference":
        """Combines this reference and another one to the same object into a single reference."""
        keys = None if self.keys is None or other.keys is None else self.keys | other.keys
        return Reference(self.kind, self.name, keys, self.optional and other.optional)


def tracked_references(service: ServiceSettings, track: Track) -> dict[str, Reference]:
    """The objects whose change creates a new version of a track's pods, sorted by their keys."""
    if service.content_hash == "none":
        return {}
    return _joined(_references(service, service.own(track), secret_env=service.content_hash == "all"))


def untracked_references(service: ServiceSettings, track: Track) -> frozenset[str]:
    """Keys of the objects that a track's pods read, and whose change creates no new version."""
    every = _joined(_references(service, service.own(track), secret_env=True))
    return frozenset(every.keys() - tracked_references(service, track).keys())


def _joined(references: Iterable[Reference]) -> dict[str, Reference]:
    """One reference for each object, sorted by the keys of the objects."""
    joined: dict[str, Reference] = {}
    for reference in references:
        joined[reference.key] = reference.joined(joined.get(reference.key, reference))
    return dict(sorted(joined.items()))


def _references(service: ServiceSettings, own: ColourSettings, *, secret_env: bool) -> Iterator[Reference]:
    for volume in (service.volumes | own.volumes).values():
        for kind, source in volume.sources():
            yield Reference(kind, source.name, frozenset(source.items) or None, source.optional)
    places: list[Environment | ColourSettings] = [service, own, *service.init_containers, *service.sidecars]
    for settings in places:
        yield from _of_environment(settings, secret_env=secret_env)


def _of_environment(settings: Environment | ColourSettings, *, secret_env: bool) -> Iterator[Reference]:
    for source in settings.env_from:
        if source.config_map is not None:
            yield Reference("ConfigMap", source.config_map, None, source.optional)
        if source.secret is not None:
            yield Reference("Secret", source.secret, None, source.optional)
    for value in settings.config_env.values():
        yield Reference("ConfigMap", value.config_map, frozenset({value.key}), value.optional)
    if secret_env:
        for secret in settings.secret_env.values():
            yield Reference("Secret", secret.secret, frozenset({secret.key}))
