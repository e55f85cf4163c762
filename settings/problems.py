"""Mistakes in the configuration, as lines that an engineer can act on."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

SHOWN = 60
"""Characters of a value that a line shows."""

HIDDEN_BELOW = frozenset({"env", "secretEnv", "headers", "command", "args", "exec", "podPatch"})
"""Values at and under these keys are never shown, whatever their shape: people put secrets there."""

HIDDEN = "(not shown)"
"""What a line has in the place of a value that it must not show."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake.

    Attributes:
        path: where it is, for example ``switchyard:services.backend.active``.
        value: what stands there, as text for people.
        rule: what is allowed instead.
        remedy: what to do about it.
    """

    path: str
    value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value}: {self.rule}. {self.remedy}"


class SettingsError(Exception):
    """The configuration has mistakes; the text has a line for each, ordered by path."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        heading = f"{count} mistake{'s' if count > 1 else ''} in the configuration, nothing was changed:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


def set_command(path: str, example: str) -> str:
    """The command that sets a value, as a remedy."""
    return f"Set it: pulumi config set --path '{path}' {example}"


def shown(value: Any) -> str:
    """A value as a line shows it: quoted if it is text, and cut short; of a list or a mapping that it is one.

    What is in a list or a mapping may be anything, a secret of the environment too.
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def shape(value: Any) -> str:
    """What a value is that should be a mapping; of a text not what it says, which may be half-written YAML or JSON."""
    return "text" if isinstance(value, str) else shown(value)


def from_pydantic(path: str, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Puts pydantic's findings about one model into this project's words.

    Args:
        path: of the value that the model was made from.
        model: the model.
        error: what pydantic found.
    """
    problems = []
    for details in error.errors(include_url=False):
        loc = tuple(key for key in details["loc"] if key != "[key]")
        problems.append(_problem(".".join([path, *_shown_keys(loc)]), model, loc, details))
    return problems


def _shown_keys(loc: tuple[int | str, ...]) -> Iterator[str]:
    """The keys of a location. Who writes ``TOKEN=value`` for a key under ``env`` has put the value into it."""
    hidden = False
    for key in loc:
        name, equals, _ = str(key).partition("=") if hidden else (str(key), "", "")
        yield f"{name}{equals}…" if equals else name
        hidden = hidden or key in HIDDEN_BELOW


def _problem(path: str, model: type[BaseModel], loc: tuple[int | str, ...], details: Mapping[str, Any]) -> Problem:
    kind, context = details["type"], details.get("ctx", {})
    value = shown(details["input"]) if HIDDEN_BELOW.isdisjoint(loc) else HIDDEN
    match kind:
        case "extra_forbidden":
            known = _known_keys(model, loc[:-1])
            close = difflib.get_close_matches(str(loc[-1]), known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(known) or 'none'}."
            return Problem(path, "unknown key", "only known keys are allowed", hint)
        case "missing":
            return Problem(path, "missing", "the key has no default", set_command(path, "VALUE"))
        case "enum" | "literal_error":
            allowed = context["expected"].replace("'", "").replace(" or ", ", ")
            first = allowed.split(", ")[0]
            return Problem(path, value, f"allowed: {allowed}", set_command(path, first))
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            symbol = {
                "greater_than_equal": ">=",
                "less_than_equal": "<=",
                "greater_than": ">",
                "less_than": "<",
            }
            bound = next(iter(context.values()))
            return Problem(path, value, f"must be {symbol[kind]} {bound}", set_command(path, str(bound)))
        case "int_type" | "int_parsing" | "int_from_float":
            return Problem(path, value, "must be a whole number, without quotes", set_command(path, "NUMBER"))
        case "bool_type" | "bool_parsing":
            return Problem(path, value, "must be true or false, without quotes", set_command(path, "true"))
        case "string_type":
            return Problem(path, value, "must be text", "Put it in quotes in the stack file.")
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            value = shape(details["input"]) if value != HIDDEN else value
            return Problem(path, value, "must be a mapping of keys to values", "Indent its keys in the stack file.")
        case "value_error":
            rule, _, remedy = str(context["error"]).partition(" | ")
            return Problem(path, value, rule, remedy or "Mend it in the stack file.")
        case _:
            return Problem(path, value, details["msg"], "Mend it in the stack file.")


def _known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the (nested) model at a location takes."""
    current: Any = model
    for key in loc:
        current = _unwrapped(current)
        if _is_model(current):
            annotations = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = annotations.get(str(key))
        else:  # of a list or a mapping of models, one
            current = next(filter(_is_model, get_args(current)), None)
    current = _unwrapped(current)
    return [field.alias or name for name, field in current.model_fields.items()] if _is_model(current) else []


def _unwrapped(annotation: Any) -> Any:
    """Of an optional model, the model."""
    options = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else ()
    return next(filter(_is_model, options), annotation)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
