"""What all models of the configuration have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]
Seconds = Annotated[int, Strict(), Field(ge=1, le=3600)]


class Model(BaseModel):
    """A frozen part of the configuration; keys are camelCase there, unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
