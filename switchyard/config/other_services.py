"""Errors in the settings of services that a command does not need."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from switchyard.config.commands import below
from switchyard.config.errors import Problem
from switchyard.config.validation.services import SERVICES


@dataclass(frozen=True)
class Separated:
    """The errors of a configuration, for a command that needs some of the services.

    Attributes:
        needed: errors that the command must not ignore.
        ignored: errors in the settings of other services.
        services: keys of these other services.
    """

    needed: tuple[Problem, ...]
    ignored: tuple[Problem, ...]
    services: frozenset[str]


def separated(problems: Iterable[Problem], services: Collection[str], needed: Collection[str]) -> Separated:
    """Separates errors in the settings of other services from all others.

    Args:
        problems: all errors of the configuration.
        services: keys of all services in the configuration.
        needed: keys of the services that the command needs.
    """
    paths = {below(SERVICES, key): key for key in services if key not in needed}
    kept, ignored, wrong = [], [], set()
    for problem in problems:
        key = next(
            (key for path, key in paths.items() if f"{problem.path}.".startswith((f"{path}.", f"{path}["))), None
        )
        if key is None:
            kept.append(problem)
        else:
            ignored.append(problem)
            wrong.add(key)
    return Separated(tuple(kept), tuple(ignored), frozenset(wrong))
