"""Ports on the nodes: their range, a number in it, and a free one."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from switchyard.config.models.base import Int

FIRST, LAST = 30000, 32767
"""The range of node ports, unless the API server is configured otherwise."""

NodePort = Annotated[Int, Field(ge=FIRST, le=LAST)]
"""A fixed port on the nodes."""


def free_port(near: int, used: Collection[int]) -> int | None:
    """The first free port from a number upwards, then from the start of the range; None where none is free."""
    return next((number for number in (*range(near, LAST + 1), *range(FIRST, near)) if number not in used), None)
