"""The environment variables of a container, in the order in which they can refer to one another."""

from collections.abc import Iterable, Mapping
from typing import Any

from switchyard.config.env_references import ordered, references
from switchyard.config.models.environment import EnvFrom, Environment
from switchyard.config.models.service import ColourSettings
from switchyard.manifests.manifest import Manifest

Sources = dict[str, Manifest]
"""The source of each variable's value, by the name of the variable."""


def sources(settings: Environment | ColourSettings) -> Sources:
    """The sources of the named variables. A Secret takes precedence over another source of the same name."""
    fields: Mapping[str, str] = getattr(settings, "field_env", {})
    by_name: Sources = {
        name: {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}} for name, path in fields.items()
    }
    by_name |= {name: {"value": value} for name, value in settings.env.items()}
    by_name |= {
        name: {"valueFrom": {"configMapKeyRef": _key(value.config_map, value.key, optional=value.optional)}}
        for name, value in settings.config_env.items()
    }
    return by_name | {
        name: {"valueFrom": {"secretKeyRef": _key(value.secret, value.key)}}
        for name, value in settings.secret_env.items()
    }


def variables(by_name: Sources) -> list[Manifest]:
    """The list of variables of a container."""
    names = ordered({name: text(source) for name, source in by_name.items()})
    return [{"name": name, **by_name[name]} for name in names]


def in_order(env: list[Manifest]) -> list[Manifest]:
    """The list of variables of a container after a patch, each after those that it references.

    A list that is in such an order stays as it is, so that running pods do not change.
    """
    by_name = {variable["name"]: variable for variable in env}
    known: set[str] = set()
    for name, variable in by_name.items():
        if any(other in by_name and other not in known for other in references(text(variable) or "")):
            return variables(by_name)
        known.add(name)
    return env


def text(source: Manifest) -> str | None:
    """The text of a variable; None for one whose value comes from elsewhere."""
    value = source.get("value")
    return value if isinstance(value, str) else None


def whole_objects(env_from: Iterable[EnvFrom]) -> list[Manifest]:
    """ConfigMaps and Secrets of which every key becomes a variable. Of equal keys the last one wins."""
    return [_whole(source) for source in env_from]


def _whole(source: EnvFrom) -> Manifest:
    reference: dict[str, Any] = {"name": source.config_map or source.secret}
    if source.optional:
        reference["optional"] = True
    prefix = {} if source.prefix is None else {"prefix": source.prefix}
    return prefix | {"configMapRef" if source.config_map is not None else "secretRef": reference}


def _key(name: str, key: str, *, optional: bool = False) -> Manifest:
    return {"name": name, "key": key} | ({"optional": True} if optional else {})
