"""The schema of a pod template in the pinned Kubernetes, with validation and strategic merge by that schema."""

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from switchyard.config.commands import below

SCHEMA = Path(__file__).with_suffix(".jsonl")
"""Extracted by ``python -m devtools.toolchain.pod_schema``.

It is read only if a service has an affinity or a podPatch.
"""

POD_TEMPLATE = "PodTemplateSpec"
MERGE_KEY = "x-kubernetes-patch-merge-key"
MERGED_LISTS = "x-kubernetes-patch-strategy"

DIRECTIVE, DELETE = "$patch", "delete"
"""The only directive of a strategic merge that is supported: ``$patch: delete`` in an item of a merged list."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_WORDS = {"array": "a list", "object": "a mapping", "string": "text", "boolean": "true or false"}


@cache
def _definitions() -> dict[str, Any]:
    return {definition["name"]: definition for definition in map(json.loads, SCHEMA.read_text().splitlines())}


def definition_of(name: str) -> dict[str, Any]:
    """A definition of the Kubernetes API, whose references name other definitions."""
    return {key: value for key, value in _definitions()[name].items() if key != "name"}


def violations(value: object, definition: str, *, patch: bool = False) -> Iterator[tuple[str, str]]:
    """The rules of a definition that a value violates, as pairs of a path in the value and the rule.

    Args:
        value: the value, as parsed JSON.
        definition: name of the definition, for example ``Affinity``.
        patch: whether the value is a patch of a valid value, in which required fields may be missing.
    """
    return _violations(value, {"$ref": definition}, "", patch=patch)


def _violations(value: object, schema: Mapping[str, Any], path: str, *, patch: bool) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        schema = _definitions()[schema["$ref"]] | {key: inner for key, inner in schema.items() if key != "$ref"}
    allowed = _allowed(schema)
    if patch and value is None:
        return  # takes the field out
    if not any(_is(value, name) for name in allowed):
        words = [_WORDS.get(name, f"a{'n' if name == 'integer' else ''} {name}") for name in allowed if name != "null"]
        yield path, f"must be {' or '.join(words)}"
    elif isinstance(value, dict):
        yield from _of_mapping(value, schema, path, patch=patch)
    elif isinstance(value, list):
        yield from _of_list(value, schema, path, patch=patch)


def _of_mapping(
    value: Mapping[str, Any], schema: Mapping[str, Any], path: str, *, patch: bool
) -> Iterator[tuple[str, str]]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for key, inner in value.items():
        if key in known:
            yield from _violations(inner, known[key], _joined(path, key), patch=patch)
        elif others is False:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            yield _joined(path, key), f"is no field that Kubernetes has there; {hint}"
        elif isinstance(others, dict):
            yield from _violations(inner, others, _joined(path, key), patch=patch)
    if not patch:
        for key in schema.get("required", ()):
            if value.get(key) is None:
                yield _joined(path, key), "is missing, and Kubernetes needs it"


def _of_list(value: list[Any], schema: Mapping[str, Any], path: str, *, patch: bool) -> Iterator[tuple[str, str]]:
    merge_key = schema.get(MERGE_KEY) if patch and _is_merged(schema) else None
    for index, item in enumerate(value):
        at = _joined(path, index)
        if item is None:  # which the schema allows, and no list of a pod has
            yield at, "has no value"
            continue
        if merge_key is None:
            yield from _violations(item, schema.get("items", {}), at, patch=False)
            continue
        fields = item
        if isinstance(item, dict) and DIRECTIVE in item:
            fields = {key: inner for key, inner in item.items() if key != DIRECTIVE}
            if item[DIRECTIVE] != DELETE:
                yield _joined(at, DIRECTIVE), "may only be delete"
        if isinstance(item, dict) and item.get(merge_key) is None:
            yield _joined(at, merge_key), "is missing; items of this list are merged by it"
        yield from _violations(fields, schema.get("items", {}), at, patch=True)


def merged(base: Any, patch: Any, definition: str = POD_TEMPLATE) -> Any:
    """Merges a patch strategically, as ``kubectl patch`` does; new items of merged lists are appended.

    Args:
        base: the object to be patched, which is not changed.
        patch: a patch without violations.
        definition: name of the definition of both.
    """
    return _merged(base, patch, {"$ref": definition})


def _merged(base: Any, patch: Any, schema: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        schema = _definitions()[schema["$ref"]] | {key: inner for key, inner in schema.items() if key != "$ref"}
    if isinstance(patch, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        result = dict(base) if isinstance(base, dict) else {}
        for key, inner in patch.items():
            if inner is None:
                result.pop(key, None)
                continue
            inner_schema = known.get(key, others if isinstance(others, dict) else {})
            result[key] = _merged(result.get(key), inner, inner_schema)
        return result
    if isinstance(patch, list) and _is_merged(schema):
        return _merged_list(base or [], patch, schema)
    return patch


def _merged_list(base: list[Any], patch: list[Any], schema: Mapping[str, Any]) -> list[Any]:
    key = schema.get(MERGE_KEY)
    if key is None:  # of plain values, such as finalizers
        return [*base, *(item for item in patch if item not in base)]
    result = {item[key]: item for item in base}
    for item in patch:
        if item.get(DIRECTIVE) == DELETE:
            result.pop(item[key], None)
        else:
            result[item[key]] = _merged(result.get(item[key]), item, schema.get("items", {}))
    return list(result.values())


def _is_merged(schema: Mapping[str, Any]) -> bool:
    return "merge" in str(schema.get(MERGED_LISTS, "")).split(",")


def _allowed(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if "oneOf" in schema:
        return tuple(name for option in schema["oneOf"] for name in _allowed(option))
    types = schema.get("type")
    if types is None:
        return tuple(_TYPES)
    return (types,) if isinstance(types, str) else tuple(types)


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _joined(path: str, key: int | str) -> str:
    return below(path, key).removeprefix("." if not path else "")
