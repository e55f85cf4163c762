"""Computes which freeze windows are open at a moment: pure functions of the settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from switchyard.config.models.releases import Freeze, WeeklyWindow
from switchyard.config.types.moments import moment, week_time
from switchyard.kube.clock import to_text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAYS = 7
_WEEK_MINUTES = _DAYS * 24 * 60


@dataclass(frozen=True)
class OpenWindow:
    """An open freeze window.

    Attributes:
        reason: reason for the freeze.
        by: who decided on the freeze.
        until: time at which the window closes.
        local: text of `until` in the window's time zone; empty if that is UTC.
    """

    reason: str
    by: str
    until: datetime
    local: str = ""

    @property
    def until_text(self) -> str:
        """The time at which the window closes, in UTC and in its time zone."""
        return f"{to_text(self.until)} ({self.local})" if self.local else to_text(self.until)

    def to_json(self) -> dict[str, str]:
        """The window as `switchyard status --json` prints it. Scripts rely on its keys."""
        return {"reason": self.reason, "by": self.by, "until": to_text(self.until)}

    def __str__(self) -> str:
        return f"{self.reason} (by {self.by}), until {self.until_text}"


def freezes_of(freezes: Iterable[Freeze], key: str) -> tuple[Freeze, ...]:
    """The windows of one service.

    Args:
        freezes: the windows of the stack.
        key: key of the service.
    """
    return tuple(freeze for freeze in freezes if freeze.services is None or key in freeze.services)


def open_window(freezes: Iterable[Freeze], now: datetime) -> OpenWindow | None:
    """The open window at a moment: the one that closes last, or None.

    Args:
        freezes: the windows of a service.
        now: the moment, by the API server's clock.
    """
    windows = [window for freeze in freezes if (window := _opened(freeze, now)) is not None]
    return max(windows, key=lambda window: window.until, default=None)


def _opened(freeze: Freeze, now: datetime) -> OpenWindow | None:
    if freeze.weekly is not None:
        return _opened_in_week(freeze, freeze.weekly, now)
    if freeze.start is None or freeze.until is None:
        raise ValueError("a window has a beginning and an end, or is weekly")  # the settings have checked it
    until = moment(freeze.until)
    if not moment(freeze.start) <= now < until:
        return None
    local = "" if until.utcoffset() == timedelta() else until.isoformat(timespec="seconds")
    return OpenWindow(freeze.reason, freeze.by, until.astimezone(UTC), local)


def _opened_in_week(freeze: Freeze, weekly: WeeklyWindow, now: datetime) -> OpenWindow | None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - no other window needs it

    zone = ZoneInfo(weekly.timezone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    for week in (monday - timedelta(days=_DAYS), monday):
        opens = _wall_clock(week, weekly.start)
        closes = opens + timedelta(minutes=(_minutes(weekly.until) - _minutes(weekly.start)) % _WEEK_MINUTES)
        until = max(_moments(closes, zone))
        if min(_moments(opens, zone)) <= now < until:
            local = f"{until.astimezone(zone):%a %Y-%m-%d %H:%M} {weekly.timezone}"
            return OpenWindow(freeze.reason, freeze.by, until, local)
    return None


def _wall_clock(monday: date, text: str) -> datetime:
    """The local date and time of a weekday and time of day in the week of a date."""
    weekday, hour, minute = week_time(text)
    return datetime.combine(monday + timedelta(days=weekday), time(hour, minute))


def _minutes(text: str) -> int:
    weekday, hour, minute = week_time(text)
    return (weekday * 24 + hour) * 60 + minute


def _moments(wall_clock: datetime, zone: "ZoneInfo") -> tuple[datetime, datetime]:
    """The moments of a local time: two if it occurs twice, and the edges of the gap if it does not occur.

    A window opens at the first moment and closes at the last one, so that it is never shorter than written.
    """
    first, second = (wall_clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second
