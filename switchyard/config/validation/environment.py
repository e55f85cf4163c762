"""Rules on the environment variables of a container."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from switchyard.config.commands import below, remove_command, remove_value, set_value
from switchyard.config.env_references import OF_THE_KUBELET, cycle, references
from switchyard.config.errors import HIDDEN, Problem, shown
from switchyard.config.examples import typing_error
from switchyard.config.models.containers import ExtraContainer
from switchyard.config.models.environment import Environment
from switchyard.config.models.service import Colour, ColourSettings, ServiceSettings
from switchyard.config.types.values import RESERVED_ENV

LONGEST_CYCLE = 10
"""Number of names of a cycle that a message shows."""

EnvironmentOwner = Environment | ColourSettings
"""Settings that have environment variables."""


def environment_problems(path: str, service: ServiceSettings, extra: Mapping[str, ExtraContainer]) -> Iterator[Problem]:
    """Refuses variables that have two values, and references that the kubelet would not expand.

    Args:
        path: path of the service in the configuration.
        service: settings of the service.
        extra: its containers beside the application's, by their paths.
    """
    owners: dict[str, EnvironmentOwner] = {
        path: service,
        **{below(path, str(c)): service.colour(c) for c in Colour},
        **extra,
    }
    for at, settings in owners.items():
        yield from _twice(at, settings)
        owner, own = (at, settings) if isinstance(settings, Environment) else (path, service)
        yield from _field_twice(owner, own.field_env, at, settings)
    containers = [*_containers(path, service), *_companions(extra)]
    problems = [problem for container in containers for problem in _reference_problems(container)]
    yield from {problem.path: problem for problem in problems}.values()


def _twice(at: str, settings: EnvironmentOwner) -> Iterator[Problem]:
    """Variables with two values in one place, and values that end early."""
    for name in settings.env.keys() & settings.secret_env.keys():
        rule = "is in env as well, where everybody can read it"
        remedy = f"Remove it there: {remove_value(below(at, 'env', name))}"
        yield Problem(below(at, "secretEnv", name), HIDDEN, rule, remedy)
    for name in settings.config_env.keys() & (settings.env.keys() | settings.secret_env.keys()):
        own = below(at, "configEnv", name)
        rule = f"has another value in {at}.env or {at}.secretEnv"
        yield Problem(own, "a mapping", rule, f"Remove it from one of them. {remove_command(own)}")
    for name in (name for name, value in settings.env.items() if "\0" in value):
        own = below(at, "env", name)
        rule = "has a character NUL, which ends the value for the process"
        yield Problem(own, HIDDEN, rule, f"Write it without: {set_value(own, None)}")


def _field_twice(owner: str, fields: Mapping[str, str], at: str, settings: EnvironmentOwner) -> Iterator[Problem]:
    """Variables from fields of the pod that have another value as well."""
    other_names = settings.env.keys() | settings.secret_env.keys() | settings.config_env.keys()
    for name in fields.keys() & other_names:
        own = below(owner, "fieldEnv", name)
        other = f"{at}.configEnv" if name in settings.config_env else f"{at}.env or {at}.secretEnv"
        remedy = f"Remove it from one of them. {remove_command(own)}"
        yield Problem(own, shown(fields[name]), f"has another value in {other}", remedy)


@dataclass(frozen=True)
class _Container:
    """The variables of one container.

    Attributes:
        values: by name, the text of a variable; None for one whose value comes from elsewhere.
        paths: paths in the configuration of the variables that have a text.
        open: whether it has variables whose names only the cluster knows.
    """

    values: Mapping[str, str | None]
    paths: Mapping[str, str]
    open: bool


def _containers(path: str, service: ServiceSettings) -> Iterator[_Container]:
    """The application's container, once for each kind of pod."""
    owns = {path: ColourSettings()}
    if service.strategy == "blueGreen":
        colours = {colour: service.colour(colour) for colour in Colour}
        owns = {below(path, str(colour)): own for colour, own in colours.items() if own.tag is not None}
    for own_path, own in owns.items():
        paths = {name: below(path, "env", name) for name in service.env}
        paths |= {name: below(own_path, "env", name) for name in own.env}
        values = _values(service) | _values(own) | {RESERVED_ENV: None}
        yield _Container(values, paths, bool(service.env_from or own.env_from))


def _companions(extra: Mapping[str, ExtraContainer]) -> Iterator[_Container]:
    """The containers beside the application's."""
    for at, container in extra.items():
        paths = {name: below(at, "env", name) for name in container.env}
        yield _Container(_values(container), paths, bool(container.env_from))


def _values(settings: EnvironmentOwner) -> dict[str, str | None]:
    fields = settings.field_env if isinstance(settings, Environment) else {}
    values: dict[str, str | None] = dict.fromkeys(fields)
    return values | settings.env | dict.fromkeys([*settings.config_env, *settings.secret_env])


def _shown_cycle(path: list[str]) -> str:
    """The names of a cycle; the first and the last ones of a long cycle."""
    names = path if len(path) <= LONGEST_CYCLE else [*path[: LONGEST_CYCLE - 2], "...", path[-1]]
    return " -> ".join(names)


def _reference_problems(container: _Container) -> Iterator[Problem]:
    """References among the variables of one container."""
    values, at = container.values, container.paths
    if path := cycle(values):
        first = at[path[0]]
        rule = f"refers to itself, {_shown_cycle(path)}, and Kubernetes expands only variables that stand before"
        yield Problem(first, HIDDEN, rule, f"Write its value without that reference: {set_value(first, None)}")
    if container.open:
        return  # the names of such a source are known to the cluster alone
    for name, value in values.items():
        unknown = [other for other in references(value or "") if other not in values]
        if any(not other.startswith(OF_THE_KUBELET) for other in unknown):
            close = next(filter(None, (typing_error(other, list(values)) for other in unknown)), None)
            hint = f"Did you mean $({close})? " if close else ""
            rule = "refers to a variable that the container does not have, and Kubernetes leaves that $(NAME) as it is"
            remedy = f"{hint}Set that variable, or write $$(NAME) for the text itself: {set_value(at[name], None)}"
            yield Problem(at[name], HIDDEN, rule, remedy)
