"""Validation that collects all errors of a value, and keeps the valid part of the value for rules across fields.

Pydantic reports every error of a value in one pass, but returns nothing for a value with an error. The rules across
fields and across services need the valid part of such a value. Otherwise they could report their errors only after the
first errors are fixed.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, get_origin

from pydantic import ValidationError

from switchyard.config.errors import Problem, from_pydantic
from switchyard.config.examples import Loc, bare, is_model, type_at
from switchyard.config.models.base import Model

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Collected(Generic[M]):
    """The result of validating one value.

    Attributes:
        problems: every error of the value.
        value: the model of the valid part; None if the wrong parts cannot be left out.
        complete: whether nothing besides the wrong values themselves was left out.
    """

    problems: tuple[Problem, ...] = ()
    value: M | None = None
    complete: bool = True


def collect(
    path: str,
    model: type[M],
    raw: Any,
    written: Mapping[str, str],
    substitutes: Mapping[str, object] = MappingProxyType({}),
) -> Collected[M]:
    """Validates a value, and keeps its valid part.

    Args:
        path: path of the value in the configuration.
        model: model of the value.
        raw: the value.
        written: by path, the text of the stack file for values that YAML has converted.
        substitutes: values for required keys of the model that are missing or wrong.
    """
    try:
        return Collected(value=_parse(model, raw))
    except ValidationError as error:
        problems = tuple(from_pydantic(path, model, error, written))
        locations = [_keys(details["loc"]) for details in error.errors(include_url=False)]
    wrong_locations = [loc for loc in locations if loc not in {(key,) for key in substitutes}]
    parts = {_optional_part(model, loc) for loc in wrong_locations}
    if () in parts or not isinstance(raw, Mapping):
        return Collected(problems)
    valid = _without(dict(raw), parts)
    if len(wrong_locations) < len(locations):
        valid |= substitutes
    complete = parts <= set(wrong_locations) and not any(isinstance(key, int) for loc in wrong_locations for key in loc)
    try:
        return Collected(problems, _parse(model, valid), complete)
    except ValidationError:  # a rule of a model across its own fields, one of which was left out
        return Collected(problems)


def _parse(model: type[M], raw: object) -> M:
    # By the keys of the configuration alone: with Python's names beside them, `node_port` would be accepted, and
    # ignored where `nodePort` is given as well.
    return model.model_validate(raw, by_alias=True, by_name=False)


def _keys(loc: tuple[int | str, ...]) -> Loc:
    return tuple(key for key in loc if key != "[key]")


def _optional_part(model: type[Model], loc: Loc) -> Loc:
    """The smallest part around a location that can be removed so that the model is valid; empty for the whole value."""
    while loc and not _is_optional(model, loc):
        loc = loc[:-1]
    return loc


def _is_optional(model: type[Model], loc: Loc) -> bool:
    parent = bare(type_at(model, loc[:-1])[0])
    if not is_model(parent):
        # An entry of a list stays: the entries behind it would have other indexes.
        return get_origin(parent) is dict
    fields = {field.alias or name: field for name, field in parent.model_fields.items()}
    field = fields.get(str(loc[-1]))
    return field is None or not (field.is_required() or parent.indivisible)


def _without(raw: dict[str, Any], parts: Iterable[Loc]) -> dict[str, Any]:
    valid = copy.deepcopy(raw)
    for part in parts:
        node: Any = valid
        for key in part[:-1]:
            # A part above this one may be gone already.
            node = node.get(key, {}) if isinstance(node, dict) else node[key]
        node.pop(part[-1], None)
    return valid
