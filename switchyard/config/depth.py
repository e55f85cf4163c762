"""Refuses values that are nested deeper than any setting, before they are parsed."""

from collections.abc import Mapping

from switchyard.config.commands import below, remove_command
from switchyard.config.errors import Problem

DEEPEST = 60
"""Greatest depth of nested mappings and lists. The deepest settings, in a pod's specification, have about 20 levels."""

RULE = f"is nested in more than {DEEPEST} levels, which no setting has"


def without_deep_values(path: str, raw: object, problems: list[Problem]) -> object:
    """Returns a value without the keys that are nested too deeply, or an empty mapping for a list nested too deeply.

    Args:
        path: path of the cluster, the services or one service in the configuration.
        raw: its value.
        problems: receives an error for each part that is left out.
    """
    if not isinstance(raw, Mapping):
        if _levels(raw) <= DEEPEST:
            return raw
        problems.append(Problem(path, "a list", RULE, "Write its keys below it in the stack file."))
        return {}
    deep = {name: value for name, value in raw.items() if _levels(value) > DEEPEST}
    for name, value in deep.items():
        at = below(path, str(name))
        problems.append(Problem(at, "a list" if isinstance(value, list) else "a mapping", RULE, remove_command(at)))
    return {name: value for name, value in raw.items() if name not in deep}


def without_deep_services(path: str, raw: object, problems: list[Problem]) -> object:
    """Returns the services without the parts that are nested too deeply, and without services that are such lists.

    Args:
        path: path of the services in the configuration.
        raw: the services by name.
        problems: receives an error for each part that is left out.
    """
    if not isinstance(raw, Mapping):
        return without_deep_values(path, raw, problems)
    services = {}
    for name, value in raw.items():
        count = len(problems)
        service = without_deep_values(below(path, str(name)), value, problems)
        if isinstance(value, Mapping) or len(problems) == count:
            services[name] = service
    return services


def _levels(value: object) -> int:
    levels, pending = 0, [value]
    while pending and levels <= DEEPEST:
        levels += 1
        children = [list(item.values()) if isinstance(item, Mapping) else item for item in pending]
        pending = [item for items in children if isinstance(items, list) for item in items]
    return levels
