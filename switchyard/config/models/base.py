"""Base class and common types of the settings models."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

from switchyard.config.types.rules import DECIMAL, NumericText

_DECIMAL = re.compile(DECIMAL)


def _decimal(value: Any) -> Any:
    # `pulumi config set --path` stores 0.95 as text, and pydantic would take true for 1 and 1_0 for 10.
    if isinstance(value, bool) or (isinstance(value, str) and _DECIMAL.fullmatch(value) is None):
        raise ValueError("must be a number")
    return value


Int = Annotated[int, Strict()]
Number = Annotated[float, NumericText(_decimal)]
Bool = Annotated[bool, Strict()]
Seconds = Annotated[int, Strict(), Field(ge=1, le=3600)]


class Model(BaseModel):
    """Base of all settings models: frozen, with keys in camelCase, and unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )
    indivisible: ClassVar[bool] = False
    """Whether the model is invalid without any of its keys, even those that have a default."""


def redefined(model: type[Model], name: str, default: object) -> Any:
    """A field of a base class with another default and the same description.

    Args:
        model: the base class.
        name: name of the field in Python.
        default: the default in the subclass.
    """
    return Field(default=default, description=model.model_fields[name].description)
