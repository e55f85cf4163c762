"""The charts that the settings of a cluster have keys for."""

import inspect
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel

from switchyard.config.models.addons import Chart


def chart_fields(model: type[BaseModel]) -> list[str]:
    """Names of the fields of a model that take a chart, in Python's spelling."""
    return [name for name, field in model.model_fields.items() if _takes_chart(field.annotation)]


def _takes_chart(annotation: Any) -> bool:
    if isinstance(annotation, UnionType):
        return any(map(_takes_chart, get_args(annotation)))
    return inspect.isclass(annotation) and issubclass(annotation, Chart)
