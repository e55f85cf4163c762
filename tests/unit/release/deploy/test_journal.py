"""What a release reads and writes of versions that were rolled back."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import RejectedError
from switchyard.kube.api import BoundedApi
from switchyard.kube.rolled_back import RECORD_VERSION, VERSION, RolledBack
from switchyard.manifests.labels import object_labels
from switchyard.release import retries
from switchyard.release.deploy.journal import LeasedDeployJournal, RollbackJournal, entering
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replacing import beginning
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_journal import FakeStore
from tests.support.fake_release import release
from tests.support.observed import observed

ALONE = RolledBack("green", "v2.0.1", "id-0", "2030-01-31T12:00:00Z", "ada", "8 % failed")
WITH_ANOTHER = RolledBack("green", "v2.0.1", "id-0", "2030-01-31T12:00:00Z", "ada", "worker goes back", "worker")
MARKED = RecordedReleases(rolled_back=(ALONE,))


class FakeApi:
    """An API server with a record that has one version that was rolled back."""

    def __init__(self, version: RolledBack) -> None:
        self.version = version

    async def find(self, *_: str) -> dict[str, Any]:
        marks = {"labels": object_labels("backend"), "annotations": {RECORD_VERSION: VERSION}}
        metadata = {"name": "backend-release", "resourceVersion": "1", **marks}
        return {"metadata": metadata, "data": {"rolledBack": json.dumps([self.version.to_json()])}}


@pytest.mark.parametrize(("version", "is_meant"), [(ALONE, False), (WITH_ANOTHER, True)])
def test_a_version_that_went_back_because_of_another_may_be_proved_again(version: RolledBack, is_meant: bool) -> None:
    journal = LeasedDeployJournal(cast("BoundedApi", FakeApi(version)), "shop", "backend", print)
    assert asyncio.run(journal.is_meant(release())) is is_meant
    assert not asyncio.run(journal.is_meant(release(tag="v3")))


def test_the_key_of_the_other_service_is_written_only_where_there_is_one() -> None:
    assert "because" not in ALONE.to_json()
    assert WITH_ANOTHER.to_json()["because"] == "worker"


@pytest.mark.parametrize("phase", Phase)
def test_a_version_is_rolled_back_no_more_once_it_serves(phase: Phase) -> None:
    before = RecordedReleases(rolled_back=(WITH_ANOTHER,))
    after = entering(before, release(phase=phase))
    assert after.rolled_back == (() if phase in {Phase.DRAIN, Phase.BAKE} else (WITH_ANOTHER,))


def rolled_back_after(record: ReleaseRecord, monkeypatch: pytest.MonkeyPatch) -> tuple[RolledBack, ...]:
    """The versions that count as rolled back once the journal has written a release whose version was one of them."""
    journal, store = LeasedDeployJournal(cast("BoundedApi", None), "shop", "backend", print), FakeStore(MARKED)

    async def confirm() -> None:
        pass

    monkeypatch.setattr(journal, "_store", store)
    monkeypatch.setattr(journal, "confirm", confirm)
    monkeypatch.setattr(journal, "begin_sending", lambda: None)
    asyncio.run(journal.write(record))
    return store.releases.rolled_back


@pytest.mark.parametrize("result", Result)
def test_a_version_whose_release_succeeds_is_rolled_back_no_more(
    monkeypatch: pytest.MonkeyPatch, result: Result
) -> None:
    left = rolled_back_after(release(phase=Phase.RETIRE, result=result), monkeypatch)
    assert left == (() if result is Result.SUCCEEDED else (ALONE,))


def test_a_failed_abort_of_a_release_that_bakes_leaves_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rolled_back_after(release(phase=Phase.BAKE, held=True), monkeypatch) == (ALONE,)


@pytest.mark.parametrize("marks", [True, False])
def test_a_version_is_marked_only_if_it_is_condemned(monkeypatch: pytest.MonkeyPatch, marks: bool) -> None:
    leased, marked = LeasedDeployJournal(cast("BoundedApi", None), "shop", "backend", print), list[object]()

    async def mark(*arguments: object) -> None:
        marked.append(arguments)

    monkeypatch.setattr(leased, "mark_rolled_back", mark)
    monkeypatch.setattr(leased, "now", lambda: datetime(2030, 1, 31, 12, 0, tzinfo=UTC))
    journal = RollbackJournal(leased, release(), "worker", marks=marks)
    plan = Plan(Act.ROLLBACK, observed(Colour.GREEN), Colour.BLUE)
    assert asyncio.run(journal.begin(plan, "8 % failed")) == "2030-01-31T12:00:00Z"
    assert marked == ([(release(), "8 % failed", "worker")] if marks else [])


@pytest.mark.parametrize("failures", [1, 99])
def test_a_record_that_cannot_be_written_delays_no_rollback(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    leased, attempts = LeasedDeployJournal(cast("BoundedApi", None), "shop", "backend", print), list[str]()

    async def mark(*_: object) -> None:
        attempts.append("mark")
        if len(attempts) <= failures:
            raise RejectedError("the API server does not take configmaps/backend-release: it is immutable")

    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(leased, "mark_rolled_back", mark)
    monkeypatch.setattr(leased, "now", lambda: datetime(2030, 1, 31, 12, 0, tzinfo=UTC))
    journal = RollbackJournal(leased, release())
    asyncio.run(journal.begin(Plan(Act.ROLLBACK, observed(Colour.GREEN), Colour.BLUE), "8 % failed"))
    asyncio.run(journal.end(None, succeeded=False))
    assert attempts == ["mark"]
    asyncio.run(journal.end(None, succeeded=True))
    asyncio.run(journal.end(None, succeeded=True))
    assert len(attempts) == (2 if failures == 1 else 3), "what is written is not written again"


@pytest.mark.parametrize("held", [True, False])
def test_a_release_is_the_latest_again_after_a_switch_that_was_killed(
    monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    baking = release(phase=Phase.BAKE)
    switch = release(id="id-2", kind="switch", source="green", target="blue")
    journal = LeasedDeployJournal(cast("BoundedApi", None), "shop", "backend", print)
    store = FakeStore(beginning(RecordedReleases().writing(baking), switch, "green", datetime(2030, 1, 31, tzinfo=UTC)))
    before, confirmed = store.releases, list[str]()

    async def confirm() -> None:
        confirmed.append("confirm")

    async def ask_time() -> datetime:
        return datetime(2030, 1, 31, 12, 0, tzinfo=UTC)

    monkeypatch.setattr(journal, "_store", store)
    monkeypatch.setattr(journal, "_lease", object() if held else None)
    monkeypatch.setattr(journal, "confirm", confirm)
    monkeypatch.setattr(journal, "ask_time", ask_time)
    releases = asyncio.run(journal.without_abandoned("green"))
    assert releases.current == baking
    assert [(ended.id, ended.result) for ended in releases.history] == [("id-2", Result.FAILED)]
    assert (store.releases == releases) is held, "only under the Lease it is known that its command is gone"
    assert (store.releases is before) is not held
    assert confirmed == (["confirm"] if held else [])
    assert asyncio.run(journal.without_abandoned("blue")) == store.releases
