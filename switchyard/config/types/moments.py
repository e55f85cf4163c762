"""Moments, times of the week and time zones, as a configuration has them."""

import re
from datetime import UTC, datetime
from typing import Annotated

from switchyard.config.types.rules import Checked

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""Weekdays in the order of `datetime.weekday`."""

_MOMENT = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[-+]\d\d:\d\d)"
_WEEK_TIME = rf"(?:{'|'.join(WEEKDAYS)}) (?:[01]\d|2[0-3]):[0-5]\d"
_ZONE = r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*"


def moment(text: str) -> datetime:
    """The moment that RFC 3339 names. Raises ``ValueError`` for other text."""
    return datetime.fromisoformat(text.upper())


def _moment(text: str) -> str:
    rule = "must be a moment of RFC 3339 with its zone, in quotes | Example: 2026-11-27T00:00:00Z"
    if re.fullmatch(_MOMENT, text, re.ASCII) is None:
        raise ValueError(rule)
    try:
        moment(text).astimezone(UTC)  # the last hours of the year 9999 may be beyond the calendar
    except (OverflowError, ValueError):
        raise ValueError(rule) from None
    return text


def _week_time(text: str) -> str:
    if re.fullmatch(_WEEK_TIME, text, re.ASCII) is None:
        raise ValueError(f"must be a weekday ({', '.join(WEEKDAYS)}) and a time of day | For example Fri 16:00")
    return text


def week_time(text: str) -> tuple[int, int, int]:
    """The weekday, from 0 for Monday, the hour and the minute of a time of the week."""
    weekday, time = text.split(" ")
    hour, minute = time.split(":")
    return WEEKDAYS.index(weekday), int(hour), int(minute)


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 (only a stack with a weekly window needs it)

    try:
        if re.fullmatch(_ZONE, name, re.ASCII) is None:
            raise ValueError(name)
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # KeyError: no such zone; OSError: a folder of zones, such as Europe
        raise ValueError("must be a time zone of the IANA database | Example: Europe/Berlin") from None
    return name


Moment = Annotated[
    str,
    Checked(_moment, "a moment of RFC 3339 with its zone, in quotes", {"type": "string", "pattern": f"^{_MOMENT}$"}),
]
WeekTime = Annotated[
    str,
    Checked(
        _week_time, "a weekday and a time of day, such as Fri 16:00", {"type": "string", "pattern": f"^{_WEEK_TIME}$"}
    ),
]
TimeZone = Annotated[str, Checked(_zone, "a time zone of the IANA database, such as Europe/Berlin")]
