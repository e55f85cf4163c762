"""What a switch or a rollback writes: why it overrides a refusal, and hooks that are not run twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, GateRefusedError
from switchyard.gates.rules.refusal import Refusal
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.record.hook import HookOutcome, HookRecord
from switchyard.release.record.previous import Previous, previous
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import LeaseLostError
from tests.support.fake_journal import FakeJournal
from tests.support.fake_release import release
from tests.support.observed import observed

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
BLUE, GREEN = ColourState(Colour.BLUE, "v1.0.0", 3, 3), ColourState(Colour.GREEN, "v2.0.1", 3, 3)
CONTRACT = HookRecord("contract", "beforeRetire", "2030-01-31T12:30:00Z", irreversible=True)
BEGUN = release(hooks=(CONTRACT,), phase=Phase.RETIRE)
RELEASED = replace(BEGUN, hooks=(CONTRACT.ending(HookOutcome.PASSED, NOW, None),)).ending(Result.SUCCEEDED, NOW)
GO = Plan(Act.SWITCH, observed(Colour.BLUE, BLUE, GREEN), Colour.GREEN)
BACK = Plan(Act.ROLLBACK, observed(Colour.GREEN, BLUE, GREEN), Colour.BLUE)


@pytest.mark.parametrize("current", [BEGUN, RELEASED])
def test_a_rollback_behind_an_irreversible_hook_is_refused_before_anything_is_written(current: ReleaseRecord) -> None:
    releases = RecordedReleases().writing(current)
    journal = FakeJournal(releases)
    for call in (journal.check(BACK), journal.begin(BACK, "why")):
        with pytest.raises(GateRefusedError, match="SY-P092"):
            asyncio.run(call)
    assert journal.store.releases is releases


def test_an_operator_who_knows_better_says_why_and_the_record_has_it() -> None:
    journal = FakeJournal(RecordedReleases().writing(RELEASED), "v1.0.0 ignores the new column")
    asyncio.run(journal.check(BACK))
    record = journal.begin_now(BACK)
    assert (record.override, record.to_json()["override"]) == ("v1.0.0 ignores the new column",) * 2
    assert ReleaseRecord.from_json(record.to_json()).override == record.override


def test_an_override_that_overrides_nothing_is_not_in_the_record() -> None:
    assert FakeJournal(RecordedReleases(), "why not").begin_now(BACK).override is None


def test_a_rollback_reads_the_record_once_before_it_takes_the_lease() -> None:
    journal = FakeJournal(RecordedReleases().writing(release().ending(Result.SUCCEEDED, NOW)))
    asyncio.run(journal.last(Colour.GREEN))
    asyncio.run(journal.check(BACK))
    assert journal.store.reads == 1


def test_a_rollback_that_was_killed_and_is_run_again_does_not_run_its_hooks_again() -> None:
    journal = FakeJournal(RecordedReleases())
    record = journal.begin_now(BACK)
    alert = HookRecord("alert", "onRollback", "2030-01-31T12:00:00Z")
    asyncio.run(journal.write_hooks(record.with_hook(alert)))
    assert journal.store.releases.current == journal.record

    again = FakeJournal(journal.store.releases)
    continued = again.begin_now(replace(BACK, observation=observed(Colour.BLUE, BLUE, GREEN), patch=False))
    assert (continued.id, continued.hooks) == (record.id, (alert,))
    other = FakeJournal(journal.store.releases).begin_now(BACK)  # the selector was changed in between
    assert other.id != record.id
    assert other.hooks == ()


def test_a_rollback_that_was_killed_is_continued_although_another_command_was_tried_after_it() -> None:
    journal = FakeJournal(RecordedReleases())
    record = journal.begin_now(BACK)
    alert = HookRecord("alert", "onRollback", "2030-01-31T12:00:00Z")
    asyncio.run(journal.write_hooks(record.with_hook(alert)))
    other = FakeJournal(journal.store.releases)
    other.begin_now(GO)  # killed before it changed the selector
    again = FakeJournal(other.store.releases)
    continued = again.begin_now(replace(BACK, observation=observed(Colour.BLUE, BLUE, GREEN), patch=False))
    assert (continued.id, continued.hooks) == (record.id, (alert,))
    asyncio.run(again.end(None, succeeded=True))
    assert [(ended.id, ended.result) for ended in again.store.releases.history] == [
        (record.id, Result.SUCCEEDED),
        (other.record.id, Result.FAILED),
    ]


def test_hooks_of_a_rollback_are_in_the_history() -> None:
    journal = FakeJournal(RecordedReleases())
    record = journal.begin_now(BACK)
    alert = HookRecord("alert", "onRollback", "2030-01-31T12:00:00Z").ending(HookOutcome.FAILED, NOW, "no")
    asyncio.run(journal.write_hooks(record.with_hook(alert)))
    asyncio.run(journal.end(None, succeeded=True))
    [ended] = journal.store.releases.history
    assert (ended.result, ended.hooks) == (Result.SUCCEEDED, (alert,))


def interrupted(switch: FakeJournal) -> FakeJournal:
    """A rollback that has taken the Lease of a switch, and has begun in the same record."""
    back = FakeJournal(switch.store.releases)
    back.begin_now(BACK)
    switch.store.releases = back.store.releases
    switch.lost = LeaseLostError("another command has taken the Lease")
    return back


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_switch_that_a_rollback_has_interrupted_leaves_the_record_of_the_rollback(*, succeeded: bool) -> None:
    switch = FakeJournal(RecordedReleases())
    switch.begin_now(GO)
    back = interrupted(switch)
    with pytest.raises(LeaseLostError):
        asyncio.run(switch.end(None, succeeded=succeeded))
    assert switch.store.releases.current == back.record
    [version] = switch.store.releases.rolled_back
    assert (version.colour, version.tag) == ("green", "v2.0.1"), "a robot may bring the version back"


@pytest.mark.parametrize("interrupts", [True, False])
def test_a_rollback_does_not_fail_by_the_last_write_of_the_command_that_it_interrupts(
    monkeypatch: pytest.MonkeyPatch, *, interrupts: bool
) -> None:
    back = FakeJournal(RecordedReleases().writing(release()))
    back.interrupts = interrupts
    update = back.store.update

    async def conflicting(change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        monkeypatch.setattr(back.store, "update", update)
        change(back.store.releases)
        back.store.releases = RecordedReleases().writing(release(phase=Phase.WATCH))
        raise ApiStatusError("patch", "configmaps/backend-release", 409, "the object has been modified")

    monkeypatch.setattr(back.store, "update", conflicting)
    if not interrupts:
        with pytest.raises(ApiStatusError):
            back.begin_now(BACK)
        return
    assert back.begin_now(BACK) == back.store.releases.current
    assert back.store.releases.history == (release(phase=Phase.WATCH),)
    assert len(back.store.releases.rolled_back) == 1


def test_a_switch_that_a_rollback_interrupts_while_it_passes_its_gates_begins_no_release() -> None:
    switch = FakeJournal(RecordedReleases().writing(release().ending(Result.SUCCEEDED, NOW)))
    back = interrupted(switch)
    with pytest.raises(LeaseLostError):
        switch.begin_now(GO)
    assert switch.store.releases.current == back.record


DEPLOYED = release().entering(Phase.SWITCH, NOW).leaving("passed", NOW).ending(Result.SUCCEEDED, NOW)
"""A release by which green v2.0.1 serves, after blue v1.0.0."""


def failed_switch(releases: RecordedReleases) -> RecordedReleases:
    """The record after a switch back to blue whose selector could not be changed."""
    journal = FakeJournal(releases)
    journal.begin_now(replace(BACK, act=Act.SWITCH))
    asyncio.run(journal.end(None, succeeded=False, detail="together with worker, which was not changed"))
    return journal.store.releases


@pytest.mark.parametrize("running", [True, False])
def test_a_switch_that_failed_leaves_a_rollback_to_the_version_before(*, running: bool) -> None:
    before = replace(DEPLOYED, result=Result.RUNNING, ended=None, phase=Phase.WATCH) if running else DEPLOYED
    releases = failed_switch(RecordedReleases().writing(before))
    assert (releases.history[0].kind, releases.history[0].result) == ("switch", Result.FAILED)
    assert releases.current == (before if running else releases.history[0])
    last = asyncio.run(FakeJournal(releases).last(Colour.GREEN))
    assert previous(BACK.observation, last, converged=True) == Previous(Colour.BLUE, "v1.0.0")


def test_a_switch_that_failed_says_nothing_where_no_other_release_is_recorded() -> None:
    last = asyncio.run(FakeJournal(failed_switch(RecordedReleases())).last(Colour.GREEN))
    assert last is None
    assert isinstance(previous(BACK.observation, last, converged=True), Refusal)


def test_a_release_that_never_switched_is_no_version_before() -> None:
    refused = release(id="id-2", target="blue", source="green").ending(Result.REFUSED, NOW)
    last = asyncio.run(FakeJournal(RecordedReleases().writing(DEPLOYED).writing(refused)).last(Colour.GREEN))
    assert last == DEPLOYED


GREEN_BEFORE = release(source="green", target="blue", from_tag="v2.0.1", tag="v1.0.0").ending(Result.SUCCEEDED, NOW)
"""A release by which blue v1.0.0 serves, after green v2.0.1."""


@pytest.mark.parametrize("act", [Act.SWITCH, Act.ROLLBACK])
def test_an_operator_stays_with_what_serves_after_a_killed_command(act: Act) -> None:
    killed = FakeJournal(RecordedReleases().writing(GREEN_BEFORE))
    first = killed.begin_now(replace(GO, act=act))
    stay = FakeJournal(killed.store.releases)
    assert asyncio.run(stay.left_open(Colour.BLUE)) == first
    record = stay.begin_now(replace(GO, target=Colour.BLUE, patch=False))
    asyncio.run(stay.end(None, succeeded=True))
    releases = stay.store.releases
    assert [(ended.id, ended.result) for ended in releases.history[:2]] == [
        (record.id, Result.SUCCEEDED),
        (first.id, Result.FAILED),
    ]
    assert (record.source, record.from_tag) == ("green", "v2.0.1"), "a rollback goes to the version before"
    assert releases.rolled_back == (), "the version that serves is not condemned"


def test_a_rollback_after_a_killed_switch_is_recorded_beside_it() -> None:
    killed = FakeJournal(RecordedReleases().writing(GREEN_BEFORE))
    first = killed.begin_now(GO)
    back = FakeJournal(killed.store.releases)
    last = asyncio.run(back.last(Colour.BLUE))
    assert previous(GO.observation, last, converged=True) == Previous(Colour.GREEN, "v2.0.1")
    record = back.begin_now(replace(GO, act=Act.ROLLBACK))
    asyncio.run(back.end(None, succeeded=True))
    assert [ended.id for ended in back.store.releases.history] == [record.id, first.id, GREEN_BEFORE.id]
    [version] = back.store.releases.rolled_back
    assert (version.colour, version.tag) == ("blue", "v1.0.0")


@pytest.mark.parametrize("failed", [True, False])
def test_a_version_that_goes_back_with_others_is_condemned_although_it_never_served(*, failed: bool) -> None:
    switch = FakeJournal(RecordedReleases().writing(GREEN_BEFORE))
    switch.together = ("backend", "worker")
    switch.begin_now(GO)
    if failed:
        asyncio.run(switch.end(None, succeeded=False, detail="together with backend, worker"))
    back = FakeJournal(switch.store.releases)
    record = back.begin_now(replace(GO, act=Act.ROLLBACK, target=Colour.BLUE, patch=False))
    assert (record.source, record.from_tag, record.target) == ("green", "v2.0.1", "blue")
    [version] = back.store.releases.rolled_back
    assert (version.colour, version.tag) == ("green", "v2.0.1")


STAY = replace(GO, target=Colour.BLUE, patch=False)
"""A switch to blue, which serves already, so that it only updates configuration and state."""


def rolled_back() -> RecordedReleases:
    """The record after a rollback from green v2.0.1 to blue v1.0.0."""
    journal = FakeJournal(RecordedReleases().writing(DEPLOYED))
    journal.begin_now(BACK)
    asyncio.run(journal.end(None, succeeded=True))
    return journal.store.releases


@pytest.mark.parametrize("plan", [STAY, replace(STAY, act=Act.ROLLBACK)], ids=["switch", "rollback"])
def test_a_command_that_only_updates_the_configuration_is_no_release(plan: Plan) -> None:
    journal = FakeJournal(rolled_back())
    before = journal.store.releases
    asyncio.run(journal.begin(plan, None))
    assert not journal.begun
    asyncio.run(journal.end(None, succeeded=True))
    assert journal.store.releases is before
    last = asyncio.run(FakeJournal(before).last(Colour.BLUE))
    assert isinstance(previous(observed(Colour.BLUE, BLUE, GREEN), last, converged=True), Refusal)


def test_a_switch_to_what_serves_leaves_a_release_that_bakes() -> None:
    baking = DEPLOYED.entering(Phase.BAKE, NOW)
    journal = FakeJournal(RecordedReleases().writing(replace(baking, result=Result.RUNNING, ended=None)))
    before = journal.store.releases
    asyncio.run(journal.begin(replace(BACK, act=Act.SWITCH, target=Colour.GREEN, patch=False), None))
    asyncio.run(journal.end(None, succeeded=True))
    assert journal.store.releases is before


def test_a_switch_to_a_condemned_version_that_serves_permits_it() -> None:
    by_hand = FakeJournal(rolled_back())  # the selector was changed to green by hand
    record = by_hand.begin_now(replace(BACK, act=Act.SWITCH, target=Colour.GREEN, patch=False))
    asyncio.run(by_hand.end(None, succeeded=True))
    assert (by_hand.store.releases.rolled_back, record.target) == ((), "green")


def test_a_rollback_does_not_go_to_a_version_that_was_rolled_back() -> None:
    switched = release(id="id-2", kind="switch", source="green", target="blue", from_tag="v2.0.1", tag="v1.0.0")
    releases = rolled_back().writing(switched.ending(Result.SUCCEEDED, NOW))  # as an earlier version has recorded it
    journal = FakeJournal(releases)
    last = asyncio.run(journal.last(Colour.BLUE))
    assert previous(GO.observation, last, converged=True) == Previous(Colour.GREEN, "v2.0.1")
    for call in (journal.check(replace(GO, act=Act.ROLLBACK)), journal.begin(replace(GO, act=Act.ROLLBACK), None)):
        with pytest.raises(GateRefusedError, match="SY-P023") as refused:
            asyncio.run(call)
        assert "green v2.0.1 was rolled back at 2030-01-31T12:00:00Z" in str(refused.value)
        assert "switchyard switch backend green" in str(refused.value)
        assert "switchyard rollback backend --override REASON" in str(refused.value)
        assert "switchyard abort" not in str(refused.value)  # no deploy runs
    assert journal.store.releases is releases
    asyncio.run(journal.check(GO))  # an operator may
