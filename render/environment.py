"""The environment variables of a container, in the order in which they can refer to one another."""

from typing import Any

from settings.references import ordered
from settings.service import ColourSettings, ServiceSettings, Track
from settings.values import RESERVED_ENV

Variable = dict[str, Any]
"""One variable as the API takes it, without its name or with it."""


def environment(track: Track, service: ServiceSettings, own: ColourSettings) -> list[Variable]:
    """The variables of the application's container.

    Args:
        track: which pods; the variable VERSION tells it.
        service: its settings.
        own: environment of the track alone, which wins.
    """
    fields = {
        name: {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
        for name, path in service.field_env.items()
    }
    variables = fields | _of(service) | _of(own) | {RESERVED_ENV: {"value": track.value}}
    return [{"name": name, **variables[name]} for name in ordered({name: text(one) for name, one in variables.items()})]


def text(variable: Variable) -> str | None:
    """The text of a variable; None for one that comes from elsewhere."""
    value = variable.get("value")
    return value if isinstance(value, str) else None


def _of(settings: ServiceSettings | ColourSettings) -> dict[str, Variable]:
    plain = {name: {"value": value} for name, value in settings.env.items()}
    secret = {
        name: {"valueFrom": {"secretKeyRef": {"name": source.secret, "key": source.key}}}
        for name, source in settings.secret_env.items()
    }
    return plain | secret
