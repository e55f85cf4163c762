"""Errors in the configuration. A message has one line for each, with the rule and a remedy."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from switchyard.codes import Code
from switchyard.config.areas import area
from switchyard.config.commands import below, remove_command, remove_value, set_command, set_value
from switchyard.config.examples import FILE_MODES, Loc, example, file_mode, known_keys, takes, type_at, typing_error
from switchyard.errors import ExitCode, SwitchyardError

__all__ = ["HIDDEN", "HIDDEN_BELOW", "Problem", "SettingsError", "from_pydantic", "set_command", "shape", "shown"]

SHOWN = 60
"""Number of characters of a value that a message shows."""

HIDDEN_BELOW = frozenset({"env", "secretEnv", "headers", "command", "args", "exec", "podPatch"})
"""Values at and under these keys are never shown, whatever their shape: people put secrets there."""

SHOWN_PROBLEMS = 50
"""Number of errors that one message shows."""

LONGEST_KEY = 317
"""Length of the longest valid key, in characters: that of an annotation with its prefix."""

HIDDEN = "(not shown)"
"""Text in place of a value that a message must not show."""

USER_OR_PARAMETERS = re.compile(r"(?<=://)\S+(?=@)|(?<=\?)\S+(?='$)")
"""User, password and parameters of a URL, which may be secret, so messages do not show them."""

EXAMPLE = "For example:"
"""Precedes a command whose value is only an example."""

SYMBOLS = {"greater_than_equal": ">=", "less_than_equal": "<=", "greater_than": ">", "less_than": "<"}
"""Symbols of bounds, by the names of pydantic's errors."""


@dataclass(frozen=True, order=True)
class Problem:
    """An error in the configuration.

    Attributes:
        path: path of the wrong value, for example ``switchyard:services.backend.active``.
        value: the wrong value, as a message shows it.
        rule: what is allowed instead.
        remedy: what to do, with a command if there is one.
        own_code: the code of the rule; None uses the code of the area that the path is in.
    """

    path: str
    value: str
    rule: str
    remedy: str
    own_code: Code | None = field(default=None, compare=False)

    @property
    def code(self) -> Code:
        """The code of the message, which has a section in the runbook."""
        return self.own_code or area(self.path)

    def __str__(self) -> str:
        # A line break or a character without width in a key would break the line, or hide the error.
        path = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in self.path)
        return f"{path}: {self.value}: {self.rule}. {self.remedy}"


class SettingsError(SwitchyardError):
    """The configuration has errors. The text has a line for each, by path, up to `SHOWN_PROBLEMS`, and a hint."""

    code = Code.SETTINGS_INVALID
    exit_code = ExitCode.USAGE

    def __init__(self, problems: Iterable[Problem], hint: str = "") -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        heading = f"{count} error{'s' if count > 1 else ''} in the configuration, nothing was changed:"
        lines = [f"  {problem.code} {problem}" for problem in self.problems[:SHOWN_PROBLEMS]]
        if count > SHOWN_PROBLEMS:
            lines.append(f"  ... and {count - SHOWN_PROBLEMS} more, which are shown when these are corrected.")
        super().__init__("\n".join([heading, *lines, *([hint] if hint else [])]))


def shown(value: Any) -> str:
    """A value as a message shows it: text is quoted and truncated, lists and mappings are only named.

    The content of lists and mappings is not shown, because it may include secrets of the environment.
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    if "://" in text:
        text = USER_OR_PARAMETERS.sub("…", text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def shape(value: Any) -> str:
    """A value that should be a mapping, as a message shows it. Text is not shown, because it may be incomplete YAML."""
    return "text" if isinstance(value, str) else shown(value)


def from_pydantic(
    path: str, model: type[BaseModel], error: ValidationError, written: Mapping[str, str] | None = None
) -> list[Problem]:
    """The errors that pydantic reports for a model, as problems.

    Args:
        path: path of the value that was validated.
        model: the model.
        error: all errors of the value.
        written: by path, the text of the stack file for values that YAML has converted.
    """
    errors = error.errors(include_url=False)
    # Pydantic counts the valid entries of a list alone: one with wrong entries is not too short as well.
    above_others = {details["loc"][:length] for details in errors for length in range(len(details["loc"]))}
    return [
        _problem(path, model, details, written or {})
        for details in errors
        if details["type"] != "too_short" or details["loc"] not in above_others
    ]


def _shown_keys(loc: Loc) -> Iterator[int | str]:
    """The keys of a location, without the value in a key under ``env`` that is written as ``TOKEN=value``."""
    hidden = False
    for key in loc:
        if isinstance(key, str) and len(key) > LONGEST_KEY:
            yield f"{key[: SHOWN - 1]}…" if not hidden else "…"
            continue
        name, equals, _ = str(key).partition("=") if hidden else (str(key), "", "")
        yield f"{name}{equals}…" if equals else key
        hidden = hidden or key in HIDDEN_BELOW


def _problem(root: str, model: type[BaseModel], details: Mapping[str, Any], written: Mapping[str, str]) -> Problem:
    loc: Loc = tuple(key for key in details["loc"] if key != "[key]")
    keys = tuple(_shown_keys(loc))
    path = below(root, *keys)
    hidden = not HIDDEN_BELOW.isdisjoint(loc)
    raw = details["input"] if details["type"] != "missing" else None
    text = written.get(path)
    location = ErrorLocation(path, model, loc, None if hidden else text or raw)
    value, rule, remedy = _parts_of_line(location, details)
    is_key = details["loc"][-1:] == ("[key]",)
    if is_key:
        hint = _parts(details)[1].replace("Rename it.", "").strip()
        remedy = f"{hint} Rename it in the stack file, or remove it: {remove_value(path)}".strip()
    if keys != loc:  # a command would have to name the key, and with it what must not be shown
        remedy = "Rename the key in the stack file."
    if hidden:
        value = "unknown key" if details["type"] == "extra_forbidden" else HIDDEN
        value = "missing" if details["type"] == "missing" else value
    elif text is not None and raw is not None and not is_key and text.lower() != str(raw).lower():
        value += f", written {text}"
    unknown = details["type"] == "extra_forbidden"
    return Problem(path, value, rule, remedy, Code.UNKNOWN_KEY if unknown else Code.WRONG_VALUE)


@dataclass(frozen=True)
class ErrorLocation:
    """Location of a value in the configuration, and the model that it belongs to.

    Attributes:
        path: path of the value as messages show it.
        model: the outermost model.
        loc: keys of the value, below the outermost model.
        value: the value at the location; None if it must not be shown.
    """

    path: str
    model: type[BaseModel]
    loc: Loc
    value: object

    def set(self, rule: str = "", words: str = "Set it:", siblings: Iterable[str] = ()) -> str:
        """A remedy that sets a valid value, or, if none is known, one that removes the value.

        Args:
            rule: the rule for the value, which may have an example.
            words: text before the command.
            siblings: keys beside the value that contradict the valid value; the remedy removes them.
        """
        right = example(self.model, self.loc, self.value, rule)
        if right is None:
            return remove_command(self.path)
        parent = self.path.removesuffix(f".{self.loc[-1]}")
        others = [remove_value(below(parent, key)) for key in siblings]
        if others and right == self.value:
            return f"Remove what contradicts it: {' && '.join(others)}"
        return f"{words} {' && '.join([set_value(self.path, right, text=isinstance(right, str)), *others])}"

    def remove(self) -> str:
        """A remedy that removes the value; empty for a value that must be there."""
        _, field = type_at(self.model, self.loc)
        return "" if field is not None and field.is_required() else remove_command(self.path)


def _parts_of_line(location: ErrorLocation, details: Mapping[str, Any]) -> tuple[str, str, str]:
    """Value, rule and remedy of an error of pydantic."""
    kind, context = details["type"], details.get("ctx", {})
    value = shown(details["input"])
    match kind:
        case "extra_forbidden":
            return _unknown_key(location)
        case "missing":
            return "missing", "the key has no default", _choose(location)
        case "enum" | "literal_error":
            allowed = context["expected"].replace("'", "").replace(" or ", ", ")
            if allowed in {"True", "False"}:
                allowed = allowed.lower()
            return value, f"allowed: {allowed}", _choose(location)
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            bound = next(iter(context.values()))
            return value, f"must be {SYMBOLS[kind]} {bound}", _bounded(location, bound)
        case "value_error":
            rule, hint = _parts(details)
            sentence = "" if re.fullmatch(r"Example: \S+\.", hint) else hint  # the command says the same
            siblings = getattr(context.get("error"), "siblings", ())
            return value, rule, f"{sentence} {location.set(hint, words=EXAMPLE, siblings=siblings)}".strip()
        case _:
            return _mistyped(location, kind, details)


def _parts(details: Mapping[str, Any]) -> tuple[str, str]:
    """The rule of a validator of this project, and its hint as a sentence."""
    rule, _, hint = str(details.get("ctx", {}).get("error", "")).partition(" | ")
    return rule, f"{hint.rstrip('.')}." if hint else ""


def _mistyped(location: ErrorLocation, kind: str, details: Mapping[str, Any]) -> tuple[str, str, str]:
    """Value, rule and remedy for a value of a wrong type."""
    raw = details["input"]
    match kind:
        case "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            return shown(raw), "must be a whole number, without quotes", location.set()
        case "float_type" | "float_parsing":
            return shown(raw), "must be a number", location.set()
        case "bool_type" | "bool_parsing":
            return shown(raw), "must be true or false, without quotes", location.set()
        case "string_type":
            read_as = "a boolean" if isinstance(raw, bool) else "a number"
            reason = f", and without quotes YAML read it as {read_as}" if isinstance(raw, int | float) else ""
            return shown(raw), f"must be text{reason}", _as_text(location, raw)
        case "string_too_short":
            return shown(raw), "must not be empty", location.set(words=EXAMPLE)
        case "too_short" | "too_long":
            count = details["ctx"].get("min_length") or details["ctx"]["max_length"]
            entries = f"{'at least' if kind == 'too_short' else 'at most'} {count} entr{'y' if count == 1 else 'ies'}"
            return shape(raw), f"must have {entries}", f"Write it so in the stack file. {location.remove()}".strip()
        case "tuple_type" | "list_type":
            return shape(raw), "must be a list", f"Write it as a list. {remove_command(location.path)}"
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            remedy = f"Write its keys below it in the stack file. {remove_command(location.path)}"
            return shape(raw), "must be a mapping of keys to values", remedy
        case _:
            return shown(raw), details["msg"], location.set()


def _bounded(location: ErrorLocation, bound: float) -> str:
    """A remedy that sets the bound, the nearest valid value, if the bound itself is allowed."""
    if location.loc[-1] in FILE_MODES and (mode := file_mode(str(location.value))) is not None:
        return set_command(location.path, mode)
    right = bound if takes(location.model, location.loc, bound) else example(location.model, location.loc)
    return remove_command(location.path) if right is None else set_command(location.path, right)


def _choose(location: ErrorLocation) -> str:
    if location.loc == ("active",):
        # Which colour serves is in the cluster, not in the settings, and the wrong one would be a switch.
        either = f"{set_value(location.path, 'blue')}, or: {set_value(location.path, 'green')}"
        return f"Set it to the colour that serves: {either}"
    if location.loc == ("tag",):  # an example would be deployed if that version exists
        return set_command(location.path, None)
    return location.set()


def _unknown_key(location: ErrorLocation) -> tuple[str, str, str]:
    key, known = str(location.loc[-1]), known_keys(location.model, location.loc[:-1])
    close = typing_error(key, known)
    hint = f"Did you mean {close}?" if close else f"Known keys: {', '.join(known) or 'none'}."
    value = "unknown key" if key.isascii() and key == key.strip() else f"unknown key {key!a}"
    return value, "only known keys are allowed", f"{hint} {remove_command(location.path)}"


def _as_text(location: ErrorLocation, raw: object) -> str:
    if isinstance(raw, Mapping | list | tuple):
        return remove_command(location.path)
    if not HIDDEN_BELOW.isdisjoint(location.loc) or (isinstance(raw, int | float) and location.value is raw):
        # How a number or a boolean was written is known only from the stack file.
        return f"Put it in quotes in the stack file, or let this ask for it: {set_value(location.path, None)}"
    if raw is None:
        return f"Write a text in quotes. {remove_command(location.path)}"
    return location.set(words="Set what you mean, as text:")
