"""Rules on single values, which validation, the reference page and the JSON schema share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema

DECIMAL = r"[0-9]+(?:\.[0-9]+)?"
"""Pattern of the text of a decimal number."""

RULE_KEY = "x-rule"
"""Key of a JSON schema that holds the rule in words, until the reference page has read it."""


@dataclass(frozen=True, eq=False)
class Matching:
    """A validator that accepts a text which the whole pattern matches, and refuses others with the rule.

    Attributes:
        pattern: a regular expression of Python.
        rule: the rule, and behind `` | `` what to do about a value that breaks it.
    """

    pattern: str
    rule: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def check(self, text: str) -> str:
        """Returns the text.

        Raises:
            ValueError: the pattern does not match it; the message is the rule.
        """
        if self._compiled.fullmatch(text) is None:
            raise ValueError(self.rule)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | described(self.rule, self.pattern)


@dataclass(frozen=True, eq=False)
class Checked:
    """A validator of a value whose rule is code, with the rule in words and the JSON schema of what it takes.

    Attributes:
        check: returns the value, or raises a ValueError with the rule that it breaks.
        rule: the whole rule that the check enforces, in words.
        schema: JSON schema of the value, in place of the one of its type; None keeps that one.
        before: whether the check is run before the type's own validation.
    """

    check: Callable[[Any], Any]
    rule: str
    schema: dict[str, Any] | None = None
    before: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        validator = (
            core_schema.no_info_before_validator_function
            if self.before
            else core_schema.no_info_after_validator_function
        )
        return validator(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return (handler(schema) if self.schema is None else self.schema) | described(self.rule)


@dataclass(frozen=True, eq=False)
class NumericText:
    """Accepts a number, also as text: `pulumi config set --path` stores 0.95 as text.

    Attributes:
        check: returns the value, or raises a ValueError for a value that is neither.
    """

    check: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": f"^{DECIMAL}$"}]}


def described(rule: str, pattern: str | None = None) -> dict[str, Any]:
    """The part of a JSON schema that a rule gives: the rule in words, and its pattern where an editor can use it."""
    words = rule.partition(" | ")[0].removeprefix("must be ")
    # \w is ASCII in most editors and Unicode in Python, so an editor would underline valid text.
    if pattern is None or r"\w" in pattern:
        return {RULE_KEY: words}
    anchored = pattern.replace(r"\Z", "$")
    return {RULE_KEY: words, "pattern": f"^(?:{anchored})$"}


def broken_rule(kind: Any, text: str) -> str | None:
    """The rule of a type of text that a word of the command line breaks; None if it breaks none.

    Args:
        kind: the type, for example `Tag`.
        text: the word.
    """
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ").partition(" | ")[0]
    return None
