"""The end of a switch whose answer was lost, and which is written again."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import UnreachableError
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_journal import FakeJournal
from tests.support.fake_release import release
from tests.unit.release.switch.test_journal import BACK, NOW


def test_an_end_whose_answer_was_lost_is_written_once_above_a_release_that_runs_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    baking = release(phase=Phase.BAKE).entering(Phase.SWITCH, NOW).leaving("passed", NOW).entering(Phase.BAKE, NOW)
    killed = FakeJournal(RecordedReleases().writing(baking))
    killed.begin_now(BACK)  # killed before it changed the selector
    stays = FakeJournal(killed.store.releases)
    stays.begin_now(replace(BACK, act=Act.SWITCH, target=Colour.GREEN, patch=False))
    update = stays.store.update

    async def unanswered(change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        monkeypatch.setattr(stays.store, "update", update)
        await update(change)
        raise UnreachableError("no answer in 30 s")

    monkeypatch.setattr(stays.store, "update", unanswered)
    with pytest.raises(UnreachableError):
        asyncio.run(stays.end(None, succeeded=True))
    written = stays.store.releases
    assert written.current == baking
    asyncio.run(stays.end(None, succeeded=True))
    assert stays.store.releases == written
    assert [entry.result for entry in written.history] == [Result.SUCCEEDED, Result.FAILED]
    other = FakeJournal(written)
    other.begin_now(BACK)
    stays.store.releases = other.store.releases
    asyncio.run(stays.end(None, succeeded=True))
    assert stays.store.releases == other.store.releases, "a later command has taken its place since"
