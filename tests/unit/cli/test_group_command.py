"""The start of a group of releases: all of them begin, or none runs."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from switchyard.cli.group_command import GroupCommand
from switchyard.errors import ClusterError, RejectedError, UnreachableError
from switchyard.release.leased_journal import LeasedJournal
from switchyard.release.phases import Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_journal import NOW, FakeStore
from tests.support.observed import observed
from tests.support.release_records import record

KEYS = ("api", "web", "worker")


class Journal(LeasedJournal):
    """The journal of one service, on a record in memory.

    Args:
        key: key of the service.
        error: error of the first write; None without one.
        is_done: whether the API server has accepted that write.
    """

    def __init__(self, key: str, error: ClusterError | None, *, is_done: bool) -> None:
        super().__init__(None, "default", key, print)  # type: ignore[arg-type]
        self.store = FakeStore()
        self._store: Any = self.store
        self._update = self.store.update
        self._errors = [] if error is None else [error]
        self._is_done = is_done
        self.store.update = self._changed  # type: ignore[method-assign]

    async def _changed(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        if not self._errors:
            return await self._update(change)
        if self._is_done:
            await self._update(change)
        raise self._errors.pop()

    def now(self) -> Any:
        return NOW

    async def write(self, release: ReleaseRecord) -> None:
        self._unwritten = release.id if release.running else self._unwritten
        await self.update_own(release.id, lambda releases: releases.writing(release))


class Service:
    """One service of the group."""

    def __init__(self, key: str) -> None:
        self._key = key

    def new_record(self, *_: object) -> ReleaseRecord:
        return record(service=self._key)


@pytest.mark.parametrize(
    ("error", "is_done"), [(UnreachableError("no answer"), True), (RejectedError("exceeded quota"), False)]
)
def test_no_release_of_a_group_runs_if_one_record_cannot_be_written(error: ClusterError, *, is_done: bool) -> None:
    journals = {key: Journal(key, error if key == "web" else None, is_done=is_done) for key in KEYS}
    command = object.__new__(GroupCommand)
    services: Any = {key: Service(key) for key in KEYS}
    command._services = services
    with pytest.raises(type(error)):
        asyncio.run(command._begun(journals, {key: (RecordedReleases(), observed()) for key in KEYS}))  # type: ignore[arg-type]
    ended = {key: journal.store.releases.current for key, journal in journals.items()}
    assert ended["worker"] is None
    for key in ("api", "web"):
        release = ended[key]
        assert release is not None
        assert (release.result, release.detail) == (Result.FAILED, f"the others were not started: {error}")
