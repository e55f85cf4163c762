"""Waiting for the Lease of another command: as long as it lives, and with a line about whom."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from switchyard.errors import ApiStatusError, UnreachableError
from switchyard.kube.api import BoundedApi
from switchyard.manifests.labels import object_labels
from switchyard.release import leased_journal
from switchyard.release.leased_journal import LeasedJournal
from switchyard.release.phases import Result
from switchyard.release.record.lease_holder import HOLDER, Holder
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import ForeignRecordError, LeaseLostError, RecordUnreadableError, RecordUnusableError
from tests.support.fake_journal import FakeStore
from tests.support.fake_release import release

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def lease(phase: str, holder: str = "grace@desk/7/n") -> dict[str, Any]:
    return {
        "metadata": {
            "name": "backend-release",
            "labels": object_labels("backend"),
            "annotations": {HOLDER: json.dumps({"act": "deploy", "phase": phase})},
            "creationTimestamp": "2030-01-31T12:00:00Z",
            "resourceVersion": "1",
        },
        "spec": {"holderIdentity": holder, "renewTime": "2030-01-31T12:00:00.000000Z"},
    }


@dataclass
class Busy:
    """An API server on which another command holds the Lease for some reads.

    Attributes:
        answers: what each read finds, or raises; after the last one the Lease is free.
        written: holders of the writes.
    """

    answers: list[dict[str, Any] | Exception] = field(default_factory=list)
    reads: int = 0
    written: list[str] = field(default_factory=list)

    async def date(self) -> datetime:
        return START

    async def find(self, *_: Any) -> dict[str, Any] | None:
        self.reads += 1
        answer = self.answers.pop(0) if self.answers else lease("", "")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask(self, *_: Any, content: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(content)
        self.written.append(document["spec"]["holderIdentity"])
        return document


def held(server: Busy, *, wait: bool, first: bool = False) -> tuple[list[str], bool]:
    """Takes the Lease; returns what was said, and whether another command was waited for."""
    lines: list[str] = []
    record = LeasedJournal(cast("BoundedApi", server), "shop", "backend", lines.append, wait=wait)

    async def hold() -> None:
        if first:
            await record.wait_until_free()
            assert server.written == [], "waiting takes nothing"
        async with record.holding(Holder("deploy", user="ada")):
            assert server.written[0].startswith("ada@")

    asyncio.run(hold())
    return lines, record.waited


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leased_journal, "POLL_SECONDS", 0)


def test_a_command_that_lives_is_waited_for_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leased_journal, "WAIT_SECONDS", -1)  # the time of a command that does not wait is over
    lines, waited = held(Busy([lease("warm")] * 30), wait=True)
    assert lines == [
        "backend: waits until this command has ended: grace@desk (process 7) runs deploy, in phase warm, for 0 s. "
        "Ctrl-C ends the wait."
    ]
    assert waited


def test_each_phase_of_the_other_command_is_said_once() -> None:
    lines, _ = held(Busy([lease("warm"), lease("warm"), lease("watch"), lease("watch")]), wait=True, first=True)
    assert ["in phase warm" in line for line in lines] == [True, False]
    assert "in phase watch" in lines[1]


def test_an_api_server_that_is_away_does_not_end_the_wait() -> None:
    away = UnreachableError("no answer")
    lines, _ = held(Busy([lease("warm"), away, away, lease("warm")]), wait=True)
    assert len(lines) == 3
    assert "is read again: no answer" in lines[1]
    with pytest.raises(UnreachableError):
        held(Busy([away]), wait=False)


@pytest.mark.parametrize("status", [429, 503])
def test_an_api_server_that_is_busy_does_not_end_the_wait(status: int) -> None:
    busy = ApiStatusError("get", "leases/backend-release", status, "try again")
    lines, waited = held(Busy([lease("warm"), busy, lease("warm")]), wait=True)
    assert f"is read again: the API server answered {status}" in lines[1]
    assert waited
    with pytest.raises(ApiStatusError):
        held(Busy([ApiStatusError("get", "leases/backend-release", 400, "no")]), wait=True)


def test_a_free_lease_is_taken_and_nothing_is_said() -> None:
    for wait in (True, False):
        assert held(Busy(), wait=wait, first=True) == ([], False)


def test_who_does_not_wait_reads_no_lease_before() -> None:
    server = Busy()
    record = LeasedJournal(cast("BoundedApi", server), "shop", "backend", print)
    asyncio.run(record.wait_until_free())
    assert server.reads == 0


def test_ctrl_c_ends_the_wait_and_takes_nothing() -> None:
    server = Busy([lease("warm")] * 10_000)
    lines: list[str] = []
    record = LeasedJournal(cast("BoundedApi", server), "shop", "backend", lines.append, wait=True)

    async def interrupted() -> None:
        async def hold() -> None:
            async with record.holding(Holder("deploy")):
                raise AssertionError("it holds a Lease that another command holds")

        task = asyncio.create_task(hold())
        while not lines:
            await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert server.written == []


@pytest.mark.parametrize("phase", ["watch", ""])
def test_a_rollback_knows_whether_it_interrupts_a_command_that_may_be_writing(phase: str) -> None:
    lines: list[str] = []
    record = LeasedJournal(cast("BoundedApi", Busy([lease(phase)])), "shop", "backend", lines.append)

    async def hold() -> None:
        async with record.holding(Holder("rollback"), urgent=True):
            assert record.interrupts is bool(phase)

    asyncio.run(hold())
    assert any("interrupts another command" in line for line in lines) is bool(phase)


OWN, OTHER = release(id="id-2"), release(id="id-1", result=Result.SUCCEEDED)


def updated(store: FakeStore, *, is_new: bool = False) -> None:
    """Writes the release of this command to a record."""
    record = LeasedJournal(cast("BoundedApi", None), "shop", "backend", print)
    record._store = cast("Any", store)
    record._unwritten = OWN.id if is_new else None
    asyncio.run(record.update_own(OWN.id, lambda releases: releases.writing(OWN)))


@pytest.mark.parametrize(
    ("current", "is_new", "is_written"),
    [
        (None, False, True),  # somebody has deleted the record
        (OWN, False, True),
        (OTHER, True, True),  # the release before
        (OTHER, False, False),
        (release(id="id-3", kind="rollback", result=Result.SUCCEEDED), False, False),
        (release(id="id-1", kind="rollback"), True, False),
    ],
)
def test_a_command_that_was_suspended_leaves_the_record_of_a_later_release(
    current: ReleaseRecord | None, *, is_new: bool, is_written: bool
) -> None:
    before = RecordedReleases() if current is None else RecordedReleases().writing(current)
    store = FakeStore(before)
    if is_written:
        updated(store, is_new=is_new)
        assert store.releases.current == OWN
    else:
        with pytest.raises(LeaseLostError, match="another command has taken Lease backend-release in namespace shop"):
            updated(store, is_new=is_new)
        assert store.releases is before


@pytest.mark.parametrize("ended", ["2030-01-31T12:00:00Z", "2030-01-31T12:00:09Z"])
def test_an_end_that_somebody_else_has_written_is_not_taken_for_its_own(ended: str) -> None:
    own = replace(OWN, result=Result.SUCCEEDED, ended="2030-01-31T12:00:00Z")
    store = FakeStore(RecordedReleases().writing(OWN))
    record = LeasedJournal(cast("BoundedApi", None), "shop", "backend", print)
    record._store = cast("Any", store)
    asyncio.run(record.update_own(OWN.id, lambda releases: releases.writing(own)))
    other = RecordedReleases().writing(replace(own, ended=ended)).writing(release(id="id-3", kind="rollback"))
    store.releases = other
    if ended == own.ended:
        asyncio.run(record.update_own(OWN.id, lambda releases: releases.writing(own)))
    else:
        with pytest.raises(LeaseLostError):
            asyncio.run(record.update_own(OWN.id, lambda releases: releases.writing(own)))
    assert store.releases == other


def test_an_end_that_is_written_late_is_known_after_a_second_attempt() -> None:
    deploy = release(id="id-1")
    store = FakeStore(RecordedReleases(replace(OWN, kind="switch"), (deploy,)))
    record = LeasedJournal(cast("BoundedApi", None), "shop", "backend", print)
    record._store = cast("Any", store)
    before, sent = store.releases, list[RecordedReleases]()

    def ending(at: str) -> None:
        ended = replace(OWN, kind="switch", result=Result.FAILED, ended=at)
        asyncio.run(record.update_own(OWN.id, lambda _: RecordedReleases(deploy, (ended,))))
        sent.append(store.releases)

    ending("2030-01-31T12:00:00Z")
    store.releases = before  # the API server has not answered in time
    ending("2030-01-31T12:00:31Z")
    store.releases = sent[0]  # it has written the first attempt after all, and so has refused the second one
    ending("2030-01-31T12:00:32Z")
    assert store.releases is sent[0]


def test_the_end_of_a_killed_switch_is_not_taken_for_that_of_the_deploy_beneath_it() -> None:
    killed = replace(OWN, kind="switch", result=Result.FAILED, ended="2030-01-31T12:00:00Z")
    deploy = release(id="id-1")
    store = FakeStore(RecordedReleases(replace(killed, result=Result.RUNNING, ended=None), (deploy,)))
    record = LeasedJournal(cast("BoundedApi", None), "shop", "backend", print)
    record._store = cast("Any", store)
    asyncio.run(record.update_own(killed.id, lambda _: RecordedReleases(deploy, (killed,))))
    rollback = RecordedReleases(release(id="id-3", kind="rollback", replaces=Result.ROLLED_BACK), (deploy, killed))
    store.releases = rollback
    with pytest.raises(LeaseLostError):
        asyncio.run(record.update_own(deploy.id, lambda releases: releases.writing(deploy)))
    assert store.releases is rollback


@pytest.mark.parametrize("error", [RecordUnreadableError, ForeignRecordError])
def test_a_record_that_was_broken_during_a_release_counts_as_one_that_cannot_be_written(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeStore(RecordedReleases().writing(OWN))

    async def read() -> RecordedReleases:
        raise error("key current cannot be read. Nothing was changed. Correct the key")

    async def update(_: object) -> RecordedReleases:
        return await read()

    monkeypatch.setattr(store, "update", update)
    with pytest.raises(RecordUnusableError) as raised:
        updated(store)
    assert str(raised.value) == "key current cannot be read. Correct the key"
