"""The reference of the configuration, generated from the settings models: a page and a JSON schema.

`make reference` writes both. A test compares them with the models.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from switchyard.config import json_schema
from switchyard.config.json_schema import PAGE, Schema
from switchyard.config.kinds import KINDS
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.releases import RELEASES, Releases
from switchyard.config.models.service import ServiceSettings
from switchyard.config.types.rules import RULE_KEY
from switchyard.config.validation.services import SERVICES

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = "docs/switchyard.schema.json"

SINCE = "x-since"
"""Key of a field's `json_schema_extra` with the version that introduced the field, unless it is the first one."""

FIRST_VERSION = "0.1.0"
"""The version that introduced all keys without another version."""

_INTRODUCTION = f"""\
# Configuration

Every key of a stack file, `Pulumi.<stack>.yaml`. This page and [the JSON schema](switchyard.schema.json) are generated
from the settings models by `make reference`; do not edit them by hand.

Begin a stack file with this line, and an editor with a YAML language server (VS Code with the YAML extension, Neovim,
IntelliJ) completes keys, shows their descriptions and underlines wrong ones:

```yaml
# yaml-language-server: $schema={SCHEMA_FILE}
```

{{comment}}

- Keys are written in camelCase. A key that is not on this page is refused, and so is a value of another type: nothing
  is changed then, and all errors are reported together, each with its path, value, rule and remedy.
- Paths are those of `pulumi config set --path`: `pulumi config set --path switchyard:services.backend.active green`.
  `<name>` stands for a key of your own, `<n>` for the index of a list, which the command writes as `[0]`.
- Times are in seconds where the name ends in `Seconds`. Quantities are those of Kubernetes: `100m`, `256Mi`.
- Text that YAML would read as a number, a date or a boolean needs quotes: `tag: "2.0"`.
- Values under `{CLUSTER}`, `{SERVICES}` and `{RELEASES}` cannot be encrypted (`secure:`),
  because they go to the cluster and to the state as plain text. Name a Kubernetes Secret instead, with `secretEnv`.
  Keys of providers, such as `aws:region` and `aws:secretKey`, may stand beside them and may be encrypted.
- All keys exist since version {FIRST_VERSION}, unless an entry names a later one.
"""

_COMMENT = """\
`pulumi config set` and `pulumi config rm` keep the line, and other comments."""


@dataclass
class _Section:
    """The keys of one object.

    Attributes:
        schema: schema of the object.
        paths: where it stands in a stack file; the first one, which is the shortest, is its heading.
    """

    schema: Schema
    paths: list[str] = field(default_factory=list)


def page() -> str:
    """The text of the page."""
    own = json_schema.own_keys()
    parts = [_INTRODUCTION.format(comment=_COMMENT), "## Keys of the program\n"]
    parts += [_entry(key, schema, required=key in {CLUSTER, SERVICES}) for key, schema in own.items()]
    for title, model, path in _roots():
        parts.append(f"\n## {title}\n")
        parts += [text for section in _sections(model, path) for text in _section(section, path)]
    return "\n".join(parts).rstrip() + "\n"


def schema_text() -> str:
    """The text of the JSON schema."""
    return json.dumps(json_schema.stack_file(), indent=2, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """The generated files: the text of each by its path."""
    return {PROJECT / PAGE: page(), PROJECT / SCHEMA_FILE: schema_text()}


def _roots() -> Iterator[tuple[str, str, str]]:
    for model in KINDS.values():
        yield model.heading, model.__name__, CLUSTER
    yield "A service", ServiceSettings.__name__, f"{SERVICES}.<service>"
    yield "The releases of all services", Releases.__name__, RELEASES


def _sections(model: str, path: str) -> list[_Section]:
    """The objects under a path, each once, with all of the paths at which it stands."""
    definitions = json_schema.definitions()
    sections: dict[str, _Section] = {}

    def visit(name: str, at: str) -> None:
        section = sections.setdefault(name, _Section(definitions[name]))
        section.paths.append(at)
        for key, schema in definitions[name]["properties"].items():
            for suffix, inner in _objects(schema, definitions):
                visit(inner, f"{at}.{key}{suffix}")

    visit(model, path)
    for section in sections.values():
        section.paths.sort(key=lambda at: at.count("."))
    return list(sections.values())


def _objects(schema: Schema, definitions: dict[str, Schema]) -> Iterator[tuple[str, str]]:
    """The names of the objects in the value of a key, each with the path from the key to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if "properties" in definitions[name]:
            yield "", name
    for option in schema.get("anyOf", ()):
        yield from _objects(option, definitions)
    for key, suffix in (("items", ".<n>"), ("additionalProperties", ".<name>")):
        if isinstance(schema.get(key), dict):
            yield from ((suffix + inner_suffix, name) for inner_suffix, name in _objects(schema[key], definitions))


def _section(section: _Section, root: str) -> Iterator[str]:
    path, *others = section.paths
    if path != root:
        yield f"\n### `{path}`\n"
    yield f"{' '.join(section.schema['description'].split())}\n"
    if others:
        yield f"The same keys: {', '.join(f'`{other}`' for other in others)}.\n"
    required = section.schema.get("required", ())
    for key, schema in section.schema["properties"].items():
        yield _entry(f"{path}.{key}", schema, required=key in required)


def _entry(path: str, schema: Schema, *, required: bool) -> str:
    """One key: its path, type, default, rule, example and version."""
    kind = _kind(schema)
    facts = [f"- **`{path}`** ({kind}{', required' if required else ''}): {_description(path, schema)}"]
    if "default" in schema:
        facts.append(f"Default: `{_yaml(schema['default'])}`.")
    facts += [f"Rule: {rule}." for rule in _rules(schema)]
    if "examples" in schema:
        facts.append(f"Example: {' or '.join(f'`{_yaml(example)}`' for example in schema['examples'])}.")
    if SINCE in schema:
        facts.append(f"Since {schema[SINCE]}.")
    return " ".join(facts)


def _description(path: str, schema: Schema) -> str:
    """The description of a value; pydantic leaves out one that repeats its model's.

    Raises:
        ValueError: it has none; the text names the key.
    """
    if "description" not in schema and "$ref" not in schema:
        raise ValueError(f"{path} has no description: give the field one in switchyard/config/models/")
    return str(schema["description"] if "description" in schema else _referenced(schema)["description"])


def _referenced(schema: Schema) -> Schema:
    return json_schema.definitions()[schema["$ref"].rpartition("/")[2]]


def _kind(schema: Schema) -> str:
    """The type of a value, in words."""
    if "$ref" in schema:
        definition = _referenced(schema)
        return "object" if "properties" in definition else _kind(definition)
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(option) for option in schema["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null") + (" or null" if "null" in kinds else "")
    if "enum" in schema:
        return _kind_of_options(schema["enum"])
    if "allOf" in schema and "type" not in schema:
        return "object"
    match schema.get("type"):
        case "array":
            return f"list of {_plural(schema['items'])}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"map of {_plural(schema['additionalProperties'])} by name"
        case None:
            return "boolean" if schema.get("const") is True else "string"
        case kind:
            return str(kind)


def _kind_of_options(options: list[object]) -> str:
    if isinstance(options[0], bool):
        return "boolean"
    return "integer" if isinstance(options[0], int) else "string"


def _plural(schema: Schema) -> str:
    return " or ".join(f"{kind}s" for kind in _kind(schema).split(" or "))


def _rules(schema: Schema, subject: str = "") -> Iterator[str]:
    """The rules on a value, on the entries of a list or a map, and on the keys of a map."""
    if "$ref" in schema:
        definition = _referenced(schema)
        if "properties" not in definition:
            yield from _rules(definition, subject)
    elif RULE_KEY in schema:
        yield f"{subject}{schema[RULE_KEY]}"
    else:
        yield from _bounds(schema, subject)
        for option in schema.get("anyOf", ()):
            yield from _rules(option, subject)
    if isinstance(schema.get("propertyNames"), dict):
        yield from _rules(schema["propertyNames"], "each key is ")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _rules(schema[key], "each entry is ")


def _bounds(schema: Schema, subject: str) -> Iterator[str]:
    if "enum" in schema:
        yield f"{subject}one of {', '.join(f'`{_yaml(option)}`' for option in dict.fromkeys(schema['enum']))}"
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        yield f"{subject}above {schema['exclusiveMinimum']}" + ("" if highest is None else f", at most {highest}")
    elif lowest is not None:
        yield f"{subject}at least {lowest}" if highest is None else f"{subject}from {lowest} to {highest}"
    if "minLength" in schema:
        yield f"{subject}not empty"
    if "minItems" in schema:
        yield f"{subject}at least {schema['minItems']} entries" if schema["minItems"] > 1 else f"{subject}not empty"
    if "maxItems" in schema:
        yield f"{subject}at most {schema['maxItems']} entries"


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def main() -> None:
    """Writes the page and the JSON schema."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
