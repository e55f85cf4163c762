"""The environment variables of each container that a service has, as far as the settings say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from switchyard.config.commands import below
from switchyard.config.env_references import OF_THE_KUBELET
from switchyard.config.models.containers import ExtraContainer
from switchyard.config.models.environment import Environment
from switchyard.config.models.hooks import HookJob
from switchyard.config.models.pod_settings import CONTAINER
from switchyard.config.models.service import Colour, ColourSettings, ServiceSettings
from switchyard.config.pod_schema import DIRECTIVE, POD_TEMPLATE, violations
from switchyard.config.types.values import RESERVED_ENV
from switchyard.config.validation.hooks import OWN_PREFIX

_WORDS = ("command", "args")


@dataclass(frozen=True)
class ContainerEnvironment:
    """The variables of one container, and the words in which Kubernetes expands them.

    Attributes:
        name: name of the container in its pod.
        values: by name, the text of a variable; None for one whose value comes from elsewhere.
        paths: paths in the configuration of the variables that have a text.
        open: whether it has variables whose names only the cluster knows.
        words: words of `command` and of `args`, by these keys and by their paths.
        prefixes: beginnings of the names of variables that it has in any case.
    """

    name: str
    values: Mapping[str, str | None] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    prefixes: tuple[str, ...] = (OF_THE_KUBELET,)

    def unknown(self, references: Iterable[str]) -> list[str]:
        """The references to variables that the container does not have."""
        return [name for name in references if name not in self.values and not name.startswith(self.prefixes)]

    def patched(self, at: str, patch: Mapping[str, Any]) -> "ContainerEnvironment":
        """The container after a strategic merge patch.

        Args:
            at: path of the patch of this container in the configuration.
            patch: the patch, which fits the schema.
        """
        values, paths = dict(self.values), dict(self.paths)
        if "env" in patch and patch["env"] is None:
            values, paths = {}, {}
        for index, variable in enumerate(patch.get("env") or ()):
            name = variable["name"]
            paths.pop(name, None)
            if DIRECTIVE in variable:
                values.pop(name, None)
                continue
            values[name] = variable.get("value")
            if values[name] is not None:
                paths[name] = below(at, "env", index, "value")
        words = {key: _words(at, key, patch[key] or ()) for key in _WORDS if key in patch}
        is_open = bool(patch["envFrom"]) if "envFrom" in patch else self.open
        return replace(self, values=values, paths=paths, open=is_open, words={**self.words, **words})


def container_environments(
    path: str, service: ServiceSettings, extra: Mapping[str, ExtraContainer]
) -> Iterator[ContainerEnvironment]:
    """The containers of the pods of a service, and of the Jobs of its hooks.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
        extra: its containers beside the application's, by their paths.
    """
    beside = (_of_settings(container.name, at, container) for at, container in extra.items())
    yield from _patched(path, service, [*_of_application(path, service), *beside])
    for point, number, hook in service.release.hooks.all():
        if hook.job is not None:
            at = below(path, "release", "hooks", point.value, number, "job")
            yield replace(_of_settings(CONTAINER, at, hook.job), prefixes=(OF_THE_KUBELET, OWN_PREFIX))


def _of_application(path: str, service: ServiceSettings) -> Iterator[ContainerEnvironment]:
    """The application's container, once for each kind of pod."""
    owns = {path: ColourSettings()}
    if service.strategy == "blueGreen":
        colours = {colour: service.colour(colour) for colour in Colour}
        owns = {below(path, str(colour)): own for colour, own in colours.items() if own.tag is not None}
    common = _of_settings(CONTAINER, path, service)
    for own_path, own in owns.items():
        yield replace(
            common,
            values={**common.values, **values_of(own), RESERVED_ENV: None},
            paths={**common.paths, **{name: below(own_path, "env", name) for name in own.env}},
            open=bool(service.env_from or own.env_from),
        )


def _of_settings(name: str, at: str, settings: ServiceSettings | ExtraContainer | HookJob) -> ContainerEnvironment:
    return ContainerEnvironment(
        name=name,
        values=values_of(settings),
        paths={variable: below(at, "env", variable) for variable in settings.env},
        open=bool(settings.env_from),
        words={"command": _words(at, "command", settings.command), "args": _words(at, "args", settings.args)},
    )


def values_of(settings: Environment | ColourSettings) -> dict[str, str | None]:
    """The text of each variable by name; None for one whose value comes from elsewhere."""
    fields = settings.field_env if isinstance(settings, Environment) else {}
    values: dict[str, str | None] = dict.fromkeys(fields)
    return values | settings.env | dict.fromkeys([*settings.config_env, *settings.secret_env])


def _words(at: str, key: str, words: Sequence[str]) -> dict[str, str]:
    return {below(at, key, index): word for index, word in enumerate(words)}


def _patched(
    path: str, service: ServiceSettings, containers: Sequence[ContainerEnvironment]
) -> Iterator[ContainerEnvironment]:
    """The containers of the pods after `podPatch`, with those that it adds."""
    patch = service.pod_patch
    if patch and any(violations(patch, POD_TEMPLATE, patch=True)):
        patch = {}  # which is an error of its own
    changes: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for key in ("containers", "initContainers"):
        for index, change in enumerate((patch.get("spec") or {}).get(key) or ()):
            changes[change["name"]] = below(path, "podPatch", "spec", key, index), change
    added = [ContainerEnvironment(name) for name in changes.keys() - {container.name for container in containers}]
    for container in [*containers, *added]:
        at, change = changes.get(container.name, ("", {}))
        if DIRECTIVE not in change:
            yield container.patched(at, change)
