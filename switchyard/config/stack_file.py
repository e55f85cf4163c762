"""Compares the stack file with the values that Pulumi's engine has read from it.

The engine reads the stack file as YAML and gives the program JSON: `2.0` arrives as 2, `010` as 8, `2024-11-20` as
`2024-11-20 00:00:00 +0000 UTC`, all without a warning. The rules of this conversion are those of gopkg.in/yaml.v3,
which the engine uses, as seen in the output of `pulumi config --json` of 3.250.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from switchyard.config.commands import below, set_command
from switchyard.config.errors import HIDDEN, HIDDEN_BELOW, Problem, shown
from switchyard.config.project_file import project_file, project_settings
from switchyard.config.yaml_numbers import is_same_number, number, plain_number

GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)? ([-+]\d{4}) \S+", re.ASCII)
"""Text into which the engine converts a date without quotes."""

CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"
"""Environment variable with the stack file that the engine reads in place of the project's."""

NULLS = {"", "~", "null", "Null", "NULL"}
BOOLEANS = {"true", "True", "TRUE", "false", "False", "FALSE"}
DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ ]+)[0-9].*)?")
_MERGE = "<<"
_BINARY = "tag:yaml.org,2002:binary"
_RESOLVED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null", "timestamp"))
"""YAML tags with which a value is converted even if it is in quotes."""


@dataclass(frozen=True)
class Scalar:
    """One value as the stack file has it.

    Attributes:
        text: the characters of the value, without quotes.
        line: line number in the file, from 1.
        plain: whether YAML decides the type of the value, because it has no quotes or a tag such as `!!int`.
        binary: whether the value has the tag `!!binary`.
    """

    text: str
    line: int
    plain: bool
    binary: bool = False


@dataclass(frozen=True)
class Written:
    """The values of a stack file.

    Attributes:
        name: name of the file.
        nodes: the YAML node of each key of the configuration, such as `switchyard:services`.
        imports: whether the stack also takes configuration from a Pulumi ESC environment.
    """

    name: str
    nodes: Mapping[str, yaml.Node]
    imports: bool = False

    def names(self, path: str) -> frozenset[str]:
        """The names of the values directly below a key of the configuration."""
        return frozenset(name for name, _ in _pairs(self.nodes.get(path)))

    def scalars(self, path: str) -> dict[str, Scalar]:
        """The scalar values at and under a key of the configuration, by path."""
        return dict(_scalars(path, self.nodes[path])) if path in self.nodes else {}


def read_stack_file(directory: Path, stack: str, namespace: str, file: Path | None = None) -> Written | None:
    """Reads a stack file; None if it cannot be read, which the engine reports itself.

    Args:
        directory: the project's directory, or one below it.
        stack: the stack's name, with or without organization and project.
        namespace: namespace of the configuration's keys.
        file: path of the stack file, if an option of the engine sets it; None for the project's own.
    """
    path = file or stack_file(directory.resolve(), stack)
    if path is None:
        return None
    try:
        # As bytes: the engine too reads UTF-16 with its mark at the beginning.
        document = next(yaml.compose_all(path.read_bytes(), Loader=yaml.BaseLoader), None)
        keys = dict(_pairs(document))
        pairs = list(_pairs(keys.get("config")))
        project = _project_name(directory.resolve()) or namespace
        nodes = {key if ":" in key else f"{project}:{key}": node for key, node in pairs}
        if len(nodes) < len(pairs):  # with and without its namespace; the engine takes one or the other
            return None
        written = Written(path.name, nodes, "environment" in keys)
        for key in nodes:
            written.scalars(key)
    except (OSError, UnicodeError, yaml.YAMLError, RecursionError):  # the last: an anchor that contains itself
        return None
    return written


def differences(path: str, value: object, written: Written | None) -> Iterator[Problem]:
    """Errors for values under a path that differ from the stack file, or that are clearly a conversion by YAML.

    A difference is an error only if a conversion by YAML explains it, because a stack may be configured from another
    file.
    """
    scalars = written.scalars(path) if written is not None else {}
    name = written.name if written is not None else "the stack file"
    yield from _different(path, value, scalars, name, hidden=False)
    if written is not None and path in written.nodes:
        yield from _different_keys(path, written.nodes[path], value, name)


def without_quotes(path: str, value: object, written: Written | None) -> dict[str, str]:
    """Text of the stack file by path, for values without quotes that YAML has converted.

    If YAML does not convert the text to the value, the value is from another file, and its path is left out.
    """
    if written is None:
        return {}
    values = dict(_values(path, value))
    return {
        at: scalar.text
        for at, scalar in written.scalars(path).items()
        if scalar.plain and at in values and _is_read_as(scalar.text, values[at])
    }


def _values(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _values(below(path, str(key)), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _values(below(path, index), inner)
    else:
        yield path, value


def _is_read_as(text: str, value: object) -> bool:
    """Whether YAML reads a text without quotes as this value."""
    if value is None:
        return text in NULLS
    if isinstance(value, bool):
        return text in BOOLEANS and text.lower() == str(value).lower()
    if isinstance(value, int | float):
        read = number(text)
        return read is not None and float(read) == float(value)
    return text == value or (GO_TIME.fullmatch(str(value)) is not None and DATE.fullmatch(text) is not None)


def _different(
    path: str, value: object, scalars: Mapping[str, Scalar], name: str, *, hidden: bool
) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            at = below(path, str(key))
            if GO_TIME.fullmatch(str(key)):
                rule = "is what YAML makes of a date without quotes, and not what was written"
                yield Problem(at, "a key", rule, "Write the key in quotes in the stack file.")
            yield from _different(at, inner, scalars, name, hidden=hidden or str(key) in HIDDEN_BELOW)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _different(below(path, index), inner, scalars, name, hidden=hidden)
    elif isinstance(value, str):
        yield from _different_text(path, value, scalars.get(path), name, hidden=hidden)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not hidden:
        # What is hidden is text, so that a number in its place is refused by its type.
        if (scalar := scalars.get(path)) is None:
            return
        read = number(scalar.text) if scalar.plain else None
        if read is not None and float(read) == float(value) and not is_same_number(scalar.text, value):
            rule = f"YAML reads this as the number {value}, line {scalar.line} of {name}"
            right = plain_number(path, scalar.text, value)
            remedy = f"Write the number that you mean in plain digits. {set_command(path, right)}"
            yield Problem(path, scalar.text, rule, remedy)


def _different_text(path: str, value: str, scalar: Scalar | None, name: str, *, hidden: bool) -> Iterator[Problem]:
    location = f"line {scalar.line} of {name}" if scalar is not None else name
    if GO_TIME.fullmatch(value) is not None:
        known = scalar is not None and DATE.fullmatch(scalar.text) is not None and scalar.text != value
        # Without the file one date is as likely as another: 2024-11-20, 2024-11-20T00:00:00Z.
        as_written = scalar.text if scalar is not None and known else None
        rule = "is what YAML makes of a date without quotes, and not what was written"
        remedy = f"Put it in quotes, {location}. {set_command(path, None if hidden else as_written, text=True)}"
        yield Problem(path, HIDDEN if hidden else shown(value), rule, remedy)
    elif scalar is not None and scalar.binary and scalar.text != value:
        rule = f"{location} marks it !!binary, and YAML decodes it"
        remedy = f"Write it as text in quotes. {set_command(path, None if hidden else value, text=True)}"
        yield Problem(path, HIDDEN if hidden else shown(value), rule, remedy)


def _different_keys(path: str, node: yaml.Node, value: object, name: str) -> Iterator[Problem]:
    """Errors for keys without quotes that YAML reads as a number, a date or null."""
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        for index, (item, inner) in enumerate(zip(node.value, value, strict=False)):
            yield from _different_keys(below(path, index), item, inner, name)
    if not isinstance(node, yaml.MappingNode) or not isinstance(value, Mapping):
        return
    for key, scalar, inner in entries(node):
        if key in value:
            yield from _different_keys(below(path, key), inner, value[key], name)
        elif scalar.plain and _as_key(key) in value:
            rule = f"line {scalar.line} of {name}: YAML takes this key without quotes for {_kind(key)}"
            yield Problem(below(path, key), "a key", rule, "Put the key in quotes in the stack file.")


def _as_key(text: str) -> str | None:
    """The text into which the engine converts a key without quotes; None if it does not convert it, or for a date."""
    if text in NULLS:
        return "<nil>"
    if text in BOOLEANS:
        return text.lower()
    read = number(text)
    return None if read is None else f"{read:g}" if isinstance(read, float) else str(read)


def _kind(text: str) -> str:
    if text in NULLS:
        return "nothing"
    if text in BOOLEANS:
        return "true or false"
    return "a number"


def local_name(stack: str) -> str:
    """The name of a stack without its organization and project, with which the engine accepts it too."""
    return stack.rpartition("/")[2]


def stack_file(directory: Path, stack: str) -> Path | None:
    """The file of a stack, by the directory of its project or one below it; None where there is none.

    The engine takes another file from its option `--config-file`, which the environment may set as well.
    """
    if named := os.environ.get(CONFIG_FILE):
        return directory / named
    project = project_file(directory)
    if project is None or (settings := project_settings(project)) is None:
        return None
    folder = project.parent / str(settings.get("stackConfigDir") or ".")
    candidates = (folder / f"Pulumi.{local_name(stack)}.{ending}" for ending in ("yaml", "yml"))
    return next((path for path in candidates if path.is_file()), None)


def _project_name(directory: Path) -> str | None:
    """The name of the project, which is the namespace of keys without one."""
    project = project_file(directory)
    name = ((project and project_settings(project)) or {}).get("name")
    return name if isinstance(name, str) else None


def _pairs(node: Any) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((key, value) for key, _, value in entries(node))


def entries(node: yaml.MappingNode) -> Iterator[tuple[str, Scalar, yaml.Node]]:
    """Keys and values, with those of ``<<`` below the mapping's own, as YAML merges them.

    Raises:
        yaml.YAMLError: a key is there twice, with which the engine refuses the file.
    """
    pairs = [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    own = {key.value: (scalar_of(key), value) for key, value in pairs}
    if len(own) < len(pairs):
        raise yaml.YAMLError("a key is there twice")
    merged: dict[str, tuple[Scalar, yaml.Node]] = {}
    if _MERGE in own and own[_MERGE][0].plain:
        source = own.pop(_MERGE)[1]
        for origin in source.value if isinstance(source, yaml.SequenceNode) else [source]:
            if isinstance(origin, yaml.MappingNode):
                merged = {key: (scalar, value) for key, scalar, value in entries(origin)} | merged
    for key, (scalar, value) in (merged | own).items():
        yield key, scalar, value


def scalar_of(node: yaml.ScalarNode) -> Scalar:
    """One value of the stack file."""
    plain = node.style is None or node.tag in _RESOLVED
    return Scalar(node.value, node.start_mark.line + 1, plain, node.tag == _BINARY)


def _scalars(path: str, node: yaml.Node) -> Iterator[tuple[str, Scalar]]:
    if isinstance(node, yaml.ScalarNode):
        yield path, scalar_of(node)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _scalars(below(path, index), item)
    elif isinstance(node, yaml.MappingNode):
        for key, _, value in entries(node):
            yield from _scalars(below(path, key), value)
