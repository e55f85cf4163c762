"""Rules on the environment variables of a container."""

from collections.abc import Iterator

from settings.commands import below, remove_command, remove_value, set_value
from settings.examples import typing_error
from settings.problems import HIDDEN, Problem, shown
from settings.references import OF_THE_KUBELET, cycle, references
from settings.service import Colour, ColourSettings, ServiceSettings
from settings.values import RESERVED_ENV


def environment_problems(path: str, service: ServiceSettings) -> Iterator[Problem]:
    """Variables that have two values, and references that the kubelet would leave as they are written.

    Args:
        path: of the service in the configuration.
        service: its settings.
    """
    places: list[tuple[str, ServiceSettings | ColourSettings]] = [(path, service)]
    places += [(f"{path}.{colour}", service.colour(colour)) for colour in Colour]
    for at, settings in places:
        for name in settings.env.keys() & settings.secret_env.keys():
            rule = "is in env as well, where everybody can read it"
            remedy = f"Take it out there: {remove_value(below(at, 'env', name))}"
            yield Problem(below(at, "secretEnv", name), HIDDEN, rule, remedy)
        for name in (name for name, value in settings.env.items() if "\0" in value):
            own = below(at, "env", name)
            rule = "has a character NUL, which ends the value for the process"
            yield Problem(own, HIDDEN, rule, f"Write it without: {set_value(own, None)}")
        for name in service.field_env.keys() & (settings.env.keys() | settings.secret_env.keys()):
            own = below(path, "fieldEnv", name)
            rule = f"has another value in {at}.env or {at}.secretEnv"
            remedy = f"Take it out of one of them. {remove_command(own)}"
            yield Problem(own, shown(service.field_env[name]), rule, remedy)
    found = [each for at, own in _containers(path, service) for each in _reference_problems(path, service, at, own)]
    yield from {problem.path: problem for problem in found}.values()


def _containers(path: str, service: ServiceSettings) -> Iterator[tuple[str, ColourSettings]]:
    """What a container has besides the service's own variables, for each kind of pod, with its path."""
    if service.strategy != "blueGreen":
        yield path, ColourSettings()
        return
    for colour in Colour:
        if service.colour(colour).tag is not None:
            yield below(path, str(colour)), service.colour(colour)


def _reference_problems(path: str, service: ServiceSettings, own_path: str, own: ColourSettings) -> Iterator[Problem]:
    """References among the variables of one container."""
    at = {name: below(path, "env", name) for name in service.env}
    at |= {name: below(own_path, "env", name) for name in own.env}
    values: dict[str, str | None] = dict.fromkeys([*service.field_env, *service.secret_env])
    values |= service.env
    values |= dict.fromkeys(own.secret_env)
    values |= own.env | {RESERVED_ENV: None}
    if way := cycle(values):
        first = at[way[0]]
        rule = f"refers to itself, {' -> '.join(way)}, and Kubernetes expands only variables that stand before"
        yield Problem(first, HIDDEN, rule, f"Write its value without that reference: {set_value(first, None)}")
    if getattr(service, "env_from", None):
        return  # which names such a source brings is known to the cluster alone
    for name, value in values.items():
        unknown = [other for other in references(value or "") if other not in values]
        if any(not other.startswith(OF_THE_KUBELET) for other in unknown):
            close = next(filter(None, (typing_error(other, list(values)) for other in unknown)), None)
            hint = f"Did you mean $({close})? " if close else ""
            rule = "refers to a variable that the container does not have, and Kubernetes leaves that $(NAME) as it is"
            remedy = f"{hint}Set that variable, or write $$(NAME) for the text itself: {set_value(at[name], None)}"
            yield Problem(at[name], HIDDEN, rule, remedy)
