"""Reads the configuration of a stack from its file, without Pulumi's engine.

The engine reads a configuration only if the state of the stack can be reached, and a rollback cannot wait for that.
This module leaves to the engine whatever it cannot read exactly as the engine does.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from switchyard.config.project_file import project_file, project_settings
from switchyard.config.stack_file import BOOLEANS, DATE, NULLS, Scalar, Written, entries, scalar_of
from switchyard.config.yaml_numbers import number

_SECRET = "secure"  # noqa: S105 - the key under which the engine keeps an encrypted value

ENGINE_NEEDED = "the engine reads this value in its own way"
EXACT = 2**53
"""Largest integer that the engine's numbers represent exactly."""

_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)")


@dataclass(frozen=True)
class Project:
    """The content of the project file, Pulumi.yaml.

    Attributes:
        name: name of the project.
        sets: keys of the configuration for which the project file sets a value.
    """

    name: str
    sets: frozenset[str] = frozenset()


def read_project(directory: Path) -> Project | None:
    """Reads the project file of the project that a directory belongs to; None if none can be read."""
    file = project_file(directory.resolve())
    return None if file is None else _project(file)


def stack_values(written: Written | None, project: Project | None) -> dict[str, Any] | None:
    """The values of a stack file by key, as the engine gives them to the program.

    Args:
        written: the stack file.
        project: the project, whose own values the stack's values would override.

    Returns:
        The values; None if only the engine can read them, because there is no file, it is partly encrypted, takes
        values from a Pulumi ESC environment or from the project, or has values that YAML converts.
    """
    if written is None or written.imports or project is None or project.sets.difference(written.nodes):
        return None
    try:
        return {key: _top(node) for key, node in written.nodes.items()}
    except (ValueError, RecursionError):
        return None


def _project(file: Path) -> Project | None:
    content = project_settings(file)
    if content is None or not isinstance(content.get("name"), str):
        return None
    config = content.get("config")
    declared = config.items() if isinstance(config, Mapping) else ()
    sets = {
        str(key)
        for key, entry in declared
        if not isinstance(entry, Mapping) or {"value", "default"}.intersection(entry)
    }
    return Project(content["name"], frozenset(sets))


def _top(node: yaml.Node) -> Any:
    """The value of a top-level key; text that is valid JSON is parsed, as the engine does it."""
    value = _value(node)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node)
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError(ENGINE_NEEDED)
    scalar = scalar_of(node)
    if scalar.plain and node.end_mark.index - node.start_mark.index != len(node.value):
        raise ValueError(ENGINE_NEEDED)  # a tag such as `!!str` is in front of it, or it has several lines
    return _scalar(scalar)


def _mapping(node: yaml.MappingNode) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, scalar, value in entries(node):
        if key == _SECRET or (scalar.plain and _scalar(scalar) != key):
            raise ValueError(ENGINE_NEEDED)
        values[key] = _value(value)
    return values


def _scalar(scalar: Scalar) -> Any:
    text = scalar.text
    if scalar.binary:
        raise ValueError(ENGINE_NEEDED)
    if not scalar.plain:
        return text
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return text.lower() == "true"
    if DATE.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        raise ValueError(ENGINE_NEEDED)
    read = number(text)
    if (isinstance(read, float) and read.is_integer()) or (read is not None and abs(read) > EXACT):
        raise ValueError(ENGINE_NEEDED)  # 2.0 arrives as 2, and a longer number with other digits
    return text if read is None else read
