"""A record that several versions of the program have written leaves no release running that has been replaced."""

from dataclasses import replace
from typing import Any

import pytest

from switchyard.release.phases import Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replaced_release import settled
from switchyard.release.record.replacing import beginning, ending
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_release import release
from tests.support.release_records import START

BAKING = release(phase=Phase.BAKE).entering(Phase.SWITCH, START).leaving("passed", START).entering(Phase.BAKE, START)
WATCHED = replace(BAKING, phase=Phase.WATCH)
PROVED = release(phase=Phase.PROVE)
KILLED = release(kind="switch", phase=Phase.SWITCH).entering(Phase.SWITCH, START)
"""A switch from blue to green that has changed the selector, and has not written its end."""

END = "2030-01-31T13:00:00Z"


def later(kind: str = "switch", target: str = "blue", **changes: Any) -> ReleaseRecord:
    """A later release, as a version of the program leaves it that does not know `replaces`."""
    sides = {"source": {"blue": "green", "green": "blue"}[target], "target": target}
    ended = {"result": Result.SUCCEEDED, "ended": END}
    return release(**{"id": "id-2", "kind": kind, **sides, **ended, **changes})


@pytest.mark.parametrize(
    ("left", "by", "result"),
    [
        (BAKING, later(), Result.ROLLED_BACK),
        (WATCHED, later("rollback"), Result.ROLLED_BACK),
        (BAKING, later(replaces=Result.FAILED), Result.FAILED),  # ended by the earlier version, which keeps the key
        (WATCHED, later(target="green"), Result.FAILED),  # it serves without its watch
        (PROVED, later(target="green"), Result.FAILED),
        (PROVED, later(), Result.FAILED),
        (BAKING, later(result=Result.ROLLED_BACK), Result.ROLLED_BACK),  # a switch that was rolled back itself
        (BAKING, later("deploy"), Result.SUCCEEDED),
        (WATCHED, later("deploy", result=Result.REFUSED), Result.FAILED),
        (KILLED, later("rollback"), Result.ROLLED_BACK),
        (KILLED, later(), Result.SUCCEEDED),
        (KILLED, later("deploy"), Result.SUCCEEDED),
        (release(kind="drill"), later("deploy"), Result.FAILED),
    ],
)
def test_a_release_that_was_left_running_has_ended_by_the_one_that_took_its_place(
    left: ReleaseRecord, by: ReleaseRecord, result: Result
) -> None:
    first = release(id="id-0", result=Result.SUCCEEDED)
    current, history = settled(by, (by, left, first))
    assert (current, history[0], history[2]) == (by, by, first)
    assert (history[1].id, history[1].result, history[1].ended, history[1].replaced_by) == ("id-1", result, END, "id-2")
    assert str(history[1].detail).endswith(f"{by.kind} id-2 of ada took its place")
    assert settled(current, history) == (current, history)


@pytest.mark.parametrize(
    "others",
    [
        (later(result=Result.FAILED),),
        (later("rollback", result=Result.FAILED), later(id="id-3", result=Result.FAILED)),
        (later("drill"),),
        (later(target="green"),),  # a switch to the version of a deploy that bakes
        (later(replaces=Result.RUNNING),),
    ],
)
def test_a_release_runs_on_that_no_later_one_has_replaced(others: tuple[ReleaseRecord, ...]) -> None:
    assert settled(others[-1], (*reversed(others), BAKING)) == (BAKING, tuple(reversed(others)))


def test_only_the_first_that_took_its_place_decides() -> None:
    back, again = later(), later(id="id-3", target="green")
    _, history = settled(again, (again, back, WATCHED))
    assert (history[2].result, history[2].replaced_by) == (Result.ROLLED_BACK, "id-2")


@pytest.mark.parametrize(("left", "replaces"), [(BAKING, Result.ROLLED_BACK), (PROVED, Result.FAILED)])
def test_a_switch_that_an_earlier_version_has_continued_replaces_the_release_before_it(
    left: ReleaseRecord, replaces: Result
) -> None:
    running = later(result=Result.RUNNING, ended=None)
    current, history = settled(running, (left,))
    assert (current, history) == (replace(running, replaces=replaces), (left,))
    assert current is not None
    after = ending(RecordedReleases(current, history), current.ending(Result.SUCCEEDED, START), START)
    assert [entry.result for entry in after.history] == [Result.SUCCEEDED, replaces]
    failed = ending(RecordedReleases(current, history), current.ending(Result.FAILED, START), START)
    assert (failed.current, [entry.result for entry in failed.history]) == (left, [Result.FAILED])


def test_a_deploy_that_runs_has_replaced_what_is_left_running_before_it() -> None:
    deploy = later("deploy", result=Result.RUNNING, ended=None)
    current, history = settled(deploy, (BAKING,))
    assert (current, history[0].result, history[0].replaced_by) == (deploy, Result.SUCCEEDED, "id-2")


@pytest.mark.parametrize("serving", ["green", "blue"])
def test_a_record_of_this_version_is_left_as_it_is(serving: str) -> None:
    ended = release(id="id-0", result=Result.SUCCEEDED)
    begun = beginning(RecordedReleases(history=(ended,)).writing(WATCHED), later(result=Result.RUNNING), serving, START)
    for releases in (RecordedReleases(), RecordedReleases().writing(WATCHED), begun):
        assert settled(releases.current, releases.history) == (releases.current, releases.history)
    assert begun.current is not None
    for result in (Result.SUCCEEDED, Result.FAILED):
        after = ending(begun, begun.current.ending(result, START), START)
        assert settled(after.current, after.history) == (after.current, after.history)
