"""Refuses values that are nested deeper than anything in the settings, before anything follows them to their end."""

from collections.abc import Iterator, Mapping

from switchyard.config.commands import below, remove_command
from switchyard.config.errors import Problem

DEEPEST = 60
"""Levels of mappings and lists in each other. The deepest of the settings, in a pod's specification, are about 20."""

RULE = f"is nested in more than {DEEPEST} levels, which nothing takes"


def too_deep(path: str, raw: object) -> Iterator[Problem]:
    """Refuses a value with too many levels, at the keys below it where it is a mapping.

    Args:
        path: of a cluster or a service in the configuration.
        raw: its value.
    """
    if not isinstance(raw, Mapping):
        if _levels(raw) > DEEPEST:
            yield Problem(path, "a list", RULE, "Write its keys below it in the stack file.")
        return
    for name, value in raw.items():
        if _levels(value) > DEEPEST:
            at = below(path, str(name))
            yield Problem(at, "a list" if isinstance(value, list) else "a mapping", RULE, remove_command(at))


def _levels(value: object) -> int:
    levels, ahead = 0, [value]
    while ahead and levels <= DEEPEST:
        levels += 1
        inside = [list(one.values()) if isinstance(one, Mapping) else one for one in ahead]
        ahead = [item for one in inside if isinstance(one, list) for item in one]
    return levels
