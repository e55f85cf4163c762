"""What becomes of a release that runs when a switch or a rollback begins, succeeds, fails, or is killed."""

from dataclasses import replace

import pytest

from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replaced_release import is_taken_back
from switchyard.release.record.replacing import beginning, ending, without_abandoned
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_release import release
from tests.support.release_records import START

BEFORE = release(id="id-0", source="green", target="blue", from_tag="v1.0.0", tag="v2.0.0", result=Result.SUCCEEDED)
"""The deploy by which blue serves v2.0.0, after green v1.0.0."""

SWITCH = release(kind="switch", phase=Phase.SWITCH).entering(Phase.SWITCH, START)
"""A switch from blue to green that has not written its end."""

BAKING = release(phase=Phase.BAKE).entering(Phase.SWITCH, START).leaving("passed", START).entering(Phase.BAKE, START)
"""A deploy by which green serves, and whose old colour is blue."""


def taking(kind: str = "switch", target: str = "blue", name: str = "id-2") -> ReleaseRecord:
    """A release that takes the place of another one."""
    return release(id=name, kind=kind, target=target, source={"blue": "green", "green": "blue"}[target])


def ended(releases: RecordedReleases, result: Result = Result.SUCCEEDED) -> RecordedReleases:
    """The releases after the end of the one that began last."""
    assert releases.current is not None
    return ending(releases, releases.current.ending(result, START), START)


@pytest.mark.parametrize(
    ("phase", "serving", "kind", "target", "result"),
    [
        (Phase.BAKE, "green", "rollback", "blue", Result.ROLLED_BACK),
        (Phase.WATCH, "green", "switch", "blue", Result.ROLLED_BACK),
        (Phase.WATCH, "green", "switch", "green", Result.FAILED),  # it serves without its watch
        (Phase.BAKE, "blue", "switch", "green", Result.ROLLED_BACK),  # an update has taken it back before
        (Phase.PROVE, "blue", "switch", "green", Result.FAILED),  # it has never served
    ],
)
def test_a_release_ends_once_the_one_that_takes_its_place_has_succeeded(
    phase: Phase, serving: str, kind: str, target: str, result: Result
) -> None:
    running = release(phase=phase)
    if phase is not Phase.PROVE:
        running = replace(BAKING, phase=phase)
    before = RecordedReleases(history=(BEFORE,)).writing(running)
    begun = beginning(before, taking(kind, target), serving, START)
    assert (begun.current, begun.history) == (replace(taking(kind, target), replaces=result), (running, BEFORE))
    after = ended(begun)
    assert [(entry.id, entry.result) for entry in after.history[:2]] == [("id-2", Result.SUCCEEDED), ("id-1", result)]
    assert after.history[1].detail == f"{kind} id-2 of ada took its place"
    assert after.current == after.history[0]
    assert "replaces" not in after.history[0].to_json()


@pytest.mark.parametrize("running", [BAKING, replace(BAKING, phase=Phase.WATCH, held=True), release(kind="drill")])
@pytest.mark.parametrize("kind", ["switch", "rollback"])
def test_a_release_runs_on_if_the_one_that_was_to_take_its_place_failed(running: ReleaseRecord, kind: str) -> None:
    before = RecordedReleases(history=(BEFORE,)).writing(running)
    after = ended(beginning(before, taking(kind), "green", START), Result.FAILED)
    assert after.current == running
    assert [(entry.id, entry.result) for entry in after.history] == [
        ("id-2", Result.FAILED),
        ("id-0", Result.SUCCEEDED),
    ]


@pytest.mark.parametrize("phase", [Phase.BAKE, Phase.RETIRE])
def test_a_release_that_bakes_runs_on_beside_a_switch_to_its_own_version(phase: Phase) -> None:
    baking = replace(BAKING, phase=phase)
    after = ended(beginning(RecordedReleases().writing(baking), taking(target="green"), "green", START))
    assert after.current == baking
    assert [(entry.id, entry.result) for entry in after.history] == [("id-2", Result.SUCCEEDED)]


@pytest.mark.parametrize(
    ("kind", "serving", "by", "target", "result"),
    [
        ("switch", "blue", "rollback", "green", Result.FAILED),
        ("switch", "blue", "switch", "blue", Result.FAILED),
        ("switch", "blue", "switch", "green", Result.FAILED),  # the same command again
        ("switch", "green", "rollback", "blue", Result.ROLLED_BACK),
        ("switch", "green", "switch", "blue", Result.SUCCEEDED),
        ("rollback", "blue", "rollback", "green", Result.FAILED),
        ("rollback", "blue", "switch", "blue", Result.FAILED),
        ("rollback", "green", "switch", "blue", Result.SUCCEEDED),
    ],
)
def test_a_killed_switch_ends_by_what_serves(kind: str, serving: str, by: str, target: str, result: Result) -> None:
    killed = replace(SWITCH, kind=kind)
    begun = beginning(RecordedReleases().writing(killed), taking(by, target), serving, START)
    [entry] = begun.history
    assert entry.result is (Result.RUNNING if serving == "green" else Result.FAILED), "what is done is not undone yet"
    entry = ended(begun).history[1]
    assert (entry.id, entry.result, entry.ended) == (SWITCH.id, result, "2030-01-31T12:00:00Z")
    changed = "had changed the selector" if serving == "green" else "had not changed the selector from blue"
    assert entry.detail == f"its command {changed} and has not written its end; {by} id-2 of ada took its place"


def test_a_killed_switch_whose_rollback_failed_still_serves() -> None:
    after = ended(beginning(RecordedReleases().writing(SWITCH), taking("rollback"), "green", START), Result.FAILED)
    assert after.current == SWITCH
    assert [(entry.id, entry.result) for entry in after.history] == [("id-2", Result.FAILED)]


@pytest.mark.parametrize("result", [Result.SUCCEEDED, Result.FAILED])
def test_a_release_runs_on_after_a_switch_that_was_killed_before_the_selector(result: Result) -> None:
    killed = beginning(RecordedReleases().writing(BAKING), taking(name="id-2"), "green", START)
    begun = beginning(killed, taking("rollback", name="id-3"), "green", START)
    assert [(entry.id, entry.result) for entry in begun.history] == [("id-1", Result.RUNNING), ("id-2", Result.FAILED)]
    after = ended(begun, result)
    [deploy] = [entry for entry in (after.current, *after.history) if entry is not None and entry.id == "id-1"]
    assert deploy.result is (Result.ROLLED_BACK if result is Result.SUCCEEDED else Result.RUNNING)
    assert after.current is not None
    assert after.current.id == ("id-3" if result is Result.SUCCEEDED else "id-1")


def test_an_operator_who_stays_after_a_killed_switch_keeps_the_release_that_bakes() -> None:
    killed = beginning(RecordedReleases().writing(BAKING), taking(name="id-2"), "green", START)
    after = ended(beginning(killed, taking(target="green", name="id-3"), "green", START))
    assert after.current == BAKING
    assert [(entry.id, entry.result) for entry in after.history] == [
        ("id-3", Result.SUCCEEDED),
        ("id-2", Result.FAILED),
    ]


def test_a_release_continues_beneath_a_switch_that_was_killed_before_the_selector() -> None:
    killed = beginning(RecordedReleases().writing(BAKING), taking(), "green", START)
    after = without_abandoned(killed, "green", START)
    assert after.current == BAKING
    [entry] = after.history
    assert (entry.id, entry.result) == ("id-2", Result.FAILED)
    assert entry.detail == "its command had not changed the selector from green and has not written its end"
    assert without_abandoned(killed, "blue", START) is killed, "it has changed the selector"
    alone = RecordedReleases(history=(BEFORE,)).writing(SWITCH)
    assert without_abandoned(alone, "blue", START) is alone, "an operator decides about it"


def test_a_switch_that_was_killed_after_the_selector_has_ended_the_release_before_it() -> None:
    killed = beginning(RecordedReleases().writing(BAKING), taking(name="id-2"), "green", START)
    back = beginning(killed, taking("rollback", "green", name="id-3"), "blue", START)
    for result, switch in ((Result.SUCCEEDED, Result.ROLLED_BACK), (Result.FAILED, Result.RUNNING)):
        after = ended(back, result)
        results = {entry.id: entry.result for entry in (after.current, *after.history) if entry is not None}
        assert results == {"id-3": result, "id-2": switch, "id-1": Result.ROLLED_BACK}
        assert is_taken_back(next(entry for entry in after.history if entry.id == "id-1"), taking(name="id-2"))


def test_a_switch_to_the_version_of_a_release_that_was_killed_leaves_it_to_run_on() -> None:
    killed = beginning(RecordedReleases().writing(BAKING), taking(target="green", name="id-2"), "green", START)
    after = ended(beginning(killed, taking(name="id-3"), "green", START), Result.FAILED)
    assert after.current == BAKING
    assert [(entry.id, entry.result) for entry in after.history] == [
        ("id-3", Result.FAILED),
        ("id-2", Result.SUCCEEDED),
    ]


def test_a_switch_that_is_continued_keeps_what_it_replaces() -> None:
    killed = beginning(RecordedReleases().writing(BAKING), taking(), "green", START)
    assert killed.current is not None
    again = replace(killed.current, host="other")
    continued = beginning(killed, again, "blue", START)
    assert (continued.current, continued.history) == (again, killed.history)
    assert ReleaseRecord.from_json(again.to_json()) == again
    assert ended(continued).history[1].result is Result.ROLLED_BACK


def test_a_rollback_that_changed_nothing_condemns_no_version() -> None:
    other = RolledBack("green", "v0", "id-0", "2030-01-01T00:00:00Z", "ada")
    mark = RolledBack("blue", "v1.0.0", SWITCH.id, "2030-01-31T12:00:00Z", "ada")
    releases = replace(RecordedReleases().writing(replace(SWITCH, kind="rollback")), rolled_back=(mark, other))
    assert beginning(releases, taking(), "blue", START).rolled_back == (other,)
    assert beginning(releases, taking(), "green", START).rolled_back == (mark, other)
    assert ended(releases, Result.FAILED).rolled_back == (other,)


def test_a_rollback_that_failed_leaves_an_earlier_mark_of_the_version() -> None:
    early = RolledBack("green", "v2", "id-0", "2030-01-01T00:00:00Z", "ada", "5xx")
    late = replace(early, release="id-2", at="2030-01-31T12:00:00Z")
    releases = RecordedReleases().rolling_back(early).writing(taking("rollback")).rolling_back(late).rolling_back(late)
    assert releases.rolled_back == (late, early)
    assert ended(releases, Result.FAILED).rolled_back == (early,)
    assert releases.permitting("v2").rolled_back == ()


def test_only_a_switch_that_took_a_deploy_back_is_its_rollback() -> None:
    back = taking()
    deploy = ended(beginning(RecordedReleases().writing(BAKING), back, "green", START)).history[1]
    assert (is_taken_back(deploy, back), deploy.replaced_by, deploy.to_json()["replacedBy"]) == (True, "id-2", "id-2")
    assert is_taken_back(replace(deploy, detail="a text"), back)
    assert not is_taken_back(replace(deploy, replaced_by="id-3"), back)
    assert not is_taken_back(deploy, replace(back, id="id-3"))
    earlier = replace(deploy, replaced_by=None)  # of an earlier version of the program, with the text alone
    assert is_taken_back(earlier, back)
    assert not is_taken_back(earlier, replace(back, id="id-3"))
    assert ReleaseRecord.from_json(deploy.to_json()) == deploy
    assert "replacedBy" not in release().to_json()
    assert not is_taken_back(replace(deploy, result=Result.FAILED), back)
    assert not is_taken_back(deploy, replace(back, kind="rollback"))
