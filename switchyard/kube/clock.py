"""The time by the API server's clock, so that the clock of an operator's machine may be wrong."""

import time
from datetime import UTC, datetime, timedelta
from typing import Self

from switchyard.kube.api import BoundedApi

# Counts on while the machine sleeps, as CLOCK_MONOTONIC does on macOS and does not on Linux: see clock_gettime(2).
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ServerClock:
    """The API server's clock, read once and advanced by a steady clock of this machine.

    Args:
        date: the time of the API server when it was read, in whole seconds.
    """

    def __init__(self, date: datetime) -> None:
        self._date = date
        self._asked = time.clock_gettime(_CLOCK)

    @classmethod
    async def ask(cls, api: BoundedApi) -> Self:
        """Asks an API server for the time. Raises `switchyard.errors.ClusterError`."""
        return cls(await api.date())

    def now(self) -> datetime:
        """The present time, which may be up to a second late."""
        return self._date + timedelta(seconds=time.clock_gettime(_CLOCK) - self._asked)


def to_text(moment: datetime) -> str:
    """A moment in RFC 3339, in whole seconds of UTC, for example ``2030-01-31T12:00:00Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The moment that RFC 3339 names. Raises ``ValueError`` for other text."""
    return datetime.fromisoformat(text)
