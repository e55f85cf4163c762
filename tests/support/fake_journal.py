"""The journal of a switch or a rollback whose Lease is held, on a record in memory."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from switchyard.release.plan import Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release_errors import LeaseLostError

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@dataclass
class FakeStore:
    """The record of a service."""

    releases: RecordedReleases = field(default_factory=RecordedReleases)
    reads: int = 0

    async def read(self) -> RecordedReleases:
        self.reads += 1
        return self.releases

    async def update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        self.releases = change(self.releases)
        return self.releases


class FakeJournal(LeasedSwitchJournal):
    """A journal whose Lease is held."""

    def __init__(self, releases: RecordedReleases, override: str | None = None) -> None:
        super().__init__(None, "default", "backend", print)  # type: ignore[arg-type]
        self.store = FakeStore(releases)
        self._store: Any = self.store
        self.override = override
        self.lost: LeaseLostError | None = None

    def now(self) -> datetime:
        return NOW

    async def confirm(self) -> None:
        if self.lost is not None:
            raise self.lost

    def begin_now(self, plan: Plan) -> ReleaseRecord:
        asyncio.run(self.begin(plan, "why"))
        return self.record
