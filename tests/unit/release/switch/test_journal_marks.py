"""What a rollback does about versions that were rolled back before: its refusal, and the marks in the record."""

import asyncio
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.record.previous import Previous, previous
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import LeaseLostError
from tests.support.fake_journal import FakeJournal
from tests.support.fake_release import release
from tests.support.observed import observed
from tests.support.weighted_service import weighted
from tests.unit.release.switch.test_journal import (
    BACK,
    BLUE,
    GREEN,
    NOW,
    RELEASED,
    rolled_back,
)

BLUE_MARK = RolledBack("blue", "v1.0.0", "id-0", "2030-01-30T12:00:00Z", "ada", "8 % failed")
GREEN_MARK = RolledBack("green", "v2.0.1", "id-1", "2030-01-31T12:00:00Z", "ada", "8 % failed")


def refusal(releases: RecordedReleases) -> str:
    """The refusal of a rollback to blue, by the check and under the Lease."""
    journal = FakeJournal(releases)
    with pytest.raises(GateRefusedError) as checked:
        asyncio.run(journal.check(BACK))
    with pytest.raises(GateRefusedError) as begun:
        asyncio.run(journal.begin(BACK, None))
    assert str(checked.value) == str(begun.value)
    assert journal.store.releases is releases
    return str(begun.value)


@pytest.mark.parametrize("succeeded", [True, False])
def test_an_operator_rolls_back_to_a_version_that_was_rolled_back_with_a_reason(*, succeeded: bool) -> None:
    journal = FakeJournal(RecordedReleases(rolled_back=(BLUE_MARK,)), "v1.0.0 was never bad")
    asyncio.run(journal.check(BACK))
    record = journal.begin_now(BACK)
    assert (record.override, record.to_json()["override"]) == ("v1.0.0 was never bad",) * 2
    asyncio.run(journal.end(None, succeeded=succeeded))
    marked = [(version.colour, version.tag) for version in journal.store.releases.rolled_back]
    assert marked == ([("green", "v2.0.1")] if succeeded else [("blue", "v1.0.0")]), "what serves is not marked"


def test_a_version_that_serves_for_a_drill_is_not_marked_after_a_rollback_that_was_killed() -> None:
    drill = release(kind="drill", phase=Phase.SWITCH).entering(Phase.SWITCH, NOW)
    killed = FakeJournal(RecordedReleases().writing(drill))
    killed.begin_now(BACK)
    again = FakeJournal(killed.store.releases)
    again.begin_now(BACK)
    assert again.store.releases.rolled_back == ()


def test_a_rollback_to_the_same_tag_in_the_other_colour_leaves_the_mark_of_what_it_leaves() -> None:
    same = replace(BACK, observation=observed(Colour.GREEN, BLUE, replace(GREEN, tag="v1.0.0")))
    journal = FakeJournal(RecordedReleases())
    journal.begin_now(same)
    asyncio.run(journal.end(None, succeeded=True))
    assert [(version.colour, version.tag) for version in journal.store.releases.rolled_back] == [("green", "v1.0.0")]


@pytest.mark.parametrize(
    ("current", "named"),
    [(release(phase=Phase.WATCH), True), (release(phase=Phase.RETIRE), False), (release(kind="switch"), False)],
)
def test_the_abort_of_a_deploy_that_runs_is_named_where_it_is_possible(current: ReleaseRecord, *, named: bool) -> None:
    text = refusal(RecordedReleases(rolled_back=(BLUE_MARK,)).writing(current))
    assert "blue v1.0.0 was rolled back at 2030-01-30T12:00:00Z" in text
    assert ("switchyard abort backend" in text) is named
    assert "switchyard rollback backend --override REASON" in text


@pytest.mark.parametrize("kind", ["switch", "rollback"])
def test_the_abort_of_a_deploy_is_named_beneath_a_command_that_was_killed(kind: str) -> None:
    killed = release(id="id-2", kind=kind, source="green", target="blue", replaces=Result.ROLLED_BACK)
    deploy = release(phase=Phase.WATCH)
    assert "switchyard abort backend" in refusal(RecordedReleases(killed, (deploy,), (BLUE_MARK,)))


def test_an_irreversible_hook_is_named_before_an_earlier_rollback() -> None:
    assert "SY-P092" in refusal(RecordedReleases(rolled_back=(BLUE_MARK,)).writing(RELEASED))


def test_a_rollback_is_not_recorded_again_after_a_deploy_that_was_refused() -> None:
    refused = release(id="id-9", tag="v3").ending(Result.REFUSED, NOW)
    journal = FakeJournal(rolled_back().writing(refused))
    before = journal.store.releases
    assert before.current == refused
    on_blue = observed(Colour.BLUE, BLUE, GREEN)
    last = asyncio.run(journal.last(Colour.BLUE))
    assert previous(on_blue, last, converged=False) == Previous(Colour.BLUE, patch=False)
    asyncio.run(journal.begin(Plan(Act.ROLLBACK, on_blue, Colour.BLUE, patch=False), None))
    asyncio.run(journal.end(None, succeeded=True))
    assert not journal.begun
    assert journal.store.releases is before


@pytest.mark.parametrize("marks", [(), (GREEN_MARK,)], ids=["not marked", "marked by the deploy"])
def test_the_completion_of_a_rollback_by_a_deploy_names_and_marks_the_bad_version(
    marks: tuple[RolledBack, ...],
) -> None:
    deploy = release(phase=Phase.SWITCH).entering(Phase.SWITCH, NOW).leaving("passed", NOW)
    deploy = deploy.entering(Phase.WATCH, NOW).leaving("breached", NOW)
    half = replace(weighted(Colour.BLUE, routed=Colour.GREEN), colours=BACK.observation.colours)
    plan = Plan(Act.ROLLBACK, half, Colour.BLUE)
    journal = FakeJournal(RecordedReleases(rolled_back=marks).writing(deploy))
    record = journal.begin_now(plan)
    assert (record.source, record.from_tag, record.target, record.tag) == ("green", "v2.0.1", "blue", "v1.0.0")
    [version] = journal.store.releases.rolled_back
    assert (version.colour, version.tag) == ("green", "v2.0.1")
    done = FakeJournal(journal.store.releases)
    done._record = record
    asyncio.run(done.end(None, succeeded=True))
    assert [ended.result for ended in done.store.releases.history] == [Result.SUCCEEDED, Result.ROLLED_BACK]
    asyncio.run(journal.end(None, succeeded=False))  # an Ingress was changed by somebody else
    assert journal.store.releases.rolled_back == marks, "the mark of the deploy stays"
    assert journal.store.releases.current == deploy
    again = FakeJournal(journal.store.releases).begin_now(plan)
    assert (again.source, again.from_tag) == ("green", "v2.0.1")


def test_a_switch_that_begins_after_its_lease_was_taken_leaves_the_rollback_as_it_was() -> None:
    back = FakeJournal(RecordedReleases())
    back.begin_now(BACK)
    before = back.store.releases
    switch = FakeJournal(before)  # it confirmed its Lease just before the rollback took it
    switch.begin_now(replace(BACK, act=Act.SWITCH, target=Colour.GREEN, observation=observed(Colour.BLUE, BLUE, GREEN)))
    switch.lost = LeaseLostError("another command has taken the Lease")
    asyncio.run(switch.end(None, succeeded=False, detail="another command has taken the Lease"))
    after = switch.store.releases
    assert after.current == before.current
    assert [(ended.kind, ended.result) for ended in after.history] == [("switch", Result.FAILED)]
    assert after.rolled_back == before.rolled_back
