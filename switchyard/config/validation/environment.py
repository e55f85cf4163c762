"""Rules on the environment variables of a container."""

import re
from collections.abc import Iterator, Mapping

from switchyard.config.commands import below, remove_command, remove_value, set_value
from switchyard.config.env_references import cycle, references
from switchyard.config.errors import HIDDEN, Problem, shown
from switchyard.config.examples import typing_error
from switchyard.config.models.containers import ExtraContainer
from switchyard.config.models.environment import Environment
from switchyard.config.models.service import Colour, ColourSettings, ServiceSettings
from switchyard.config.validation.container_environment import ContainerEnvironment, container_environments

LONGEST_CYCLE = 10
"""Number of names of a cycle that a message shows."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")

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
    problems = [
        problem
        for container in container_environments(path, service, extra)
        for problem in (*_reference_problems(container), *_word_problems(container))
    ]
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


def _shown_cycle(path: list[str]) -> str:
    """The names of a cycle; the first and the last ones of a long cycle."""
    names = path if len(path) <= LONGEST_CYCLE else [*path[: LONGEST_CYCLE - 2], "...", path[-1]]
    return " -> ".join(names)


def _reference_problems(container: ContainerEnvironment) -> Iterator[Problem]:
    """References among the variables of one container."""
    values, at = container.values, container.paths
    if path := cycle(values):
        first = at[path[0]]
        rule = f"refers to itself, {_shown_cycle(path)}, and Kubernetes expands only variables that stand before"
        yield Problem(first, HIDDEN, rule, f"Write its value without that reference: {set_value(first, None)}")
    if container.open:
        return  # the names of such a source are known to the cluster alone
    for name, value in values.items():
        if unknown := container.unknown(references(value or "")):
            yield _unknown(container, at[name], unknown)


def _word_problems(container: ContainerEnvironment) -> Iterator[Problem]:
    """References in the command and the arguments of one container, and words that would end early.

    Other names than those of variables are left: `$(date)` is a command of the shell that the container runs.
    """
    for at, word in (item for words in container.words.values() for item in words.items()):
        unknown = container.unknown(name for name in references(word) if _VARIABLE.fullmatch(name))
        if unknown and not container.open:
            yield _unknown(container, at, unknown)
        if "\0" in word:
            rule = "has a character NUL, which ends the word for the process"
            yield Problem(at, HIDDEN, rule, f"Write it without: {set_value(at, None)}")


def _unknown(container: ContainerEnvironment, at: str, unknown: list[str]) -> Problem:
    others = [name for name in container.values if container.paths.get(name) != at]
    close = next(filter(None, (typing_error(name, others) for name in unknown)), None)
    hint = f"Did you mean $({close})? " if close else ""
    rule = "refers to a variable that the container does not have, and Kubernetes leaves that $(NAME) as it is"
    remedy = f"{hint}Set that variable, or write $$(NAME) for the text itself: {set_value(at, None)}"
    return Problem(at, HIDDEN, rule, remedy)
