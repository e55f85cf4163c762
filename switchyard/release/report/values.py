"""Reads single values of a record, which may be missing or wrong. Pure functions."""

import math
from datetime import datetime, timedelta

from switchyard.kube.clock import from_text


def moment(text: object) -> datetime | None:
    """A moment of a record; None for anything else."""
    try:
        read = from_text(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def between(start: object, end: object) -> float | None:
    """Seconds between two moments of a record; None if one is missing, or their order is wrong."""
    began, ended = moment(start), moment(end)
    if began is None or ended is None or ended < began:
        return None
    return (ended - began).total_seconds()


def number(value: object) -> float | None:
    """A number of a record that is not negative; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        read = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return read if math.isfinite(read) and read >= 0 else None


def later(began: datetime | None, seconds: float | None) -> datetime | None:
    """The moment so many seconds after another one; None without one of them, or for no time that a calendar has."""
    try:
        return None if began is None or seconds is None else began + timedelta(seconds=seconds)
    except OverflowError:
        return None


def total(first: float | None, second: float | None) -> float | None:
    """The sum of two values; None without one of them."""
    return None if first is None or second is None else first + second
