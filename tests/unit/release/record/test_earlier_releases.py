"""What a record says of the releases before a command, also of one whose command was killed."""

from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.phases import Phase, Result
from switchyard.release.record.earlier_releases import abandoned, latest, superseded, unfinished_target, unreached
from switchyard.release.record.previous import Previous, previous
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import Releases
from tests.support.fake_release import release
from tests.support.observed import observed
from tests.support.release_records import START

BEFORE = release(id="id-0", source="green", target="blue", from_tag="v1.0.0", tag="v2.0.0", result=Result.SUCCEEDED)
"""The deploy by which blue serves v2.0.0, after green v1.0.0."""

SWITCH = release(kind="switch", phase=Phase.SWITCH).entering(Phase.SWITCH, START)
"""A switch from blue to green that has not written its end."""


@pytest.mark.parametrize(
    ("kind", "target", "result"),
    [("rollback", "blue", Result.ROLLED_BACK), ("switch", "blue", Result.FAILED), ("switch", "green", Result.FAILED)],
)
def test_a_release_whose_place_is_taken_enters_the_history(kind: str, target: str, result: Result) -> None:
    running = release(phase=Phase.BAKE)
    taking: ReleaseRecord = release(id="id-2", kind=kind, target=target)
    releases = superseded(Releases().writing(running), taking, "green", START)
    [ended] = releases.history
    assert (ended.id, ended.result) == (running.id, result)
    assert str(ended.detail).startswith(f"{kind} id-2 of ada")


@pytest.mark.parametrize(
    ("kind", "serving", "taking", "target", "result"),
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
def test_a_killed_switch_enters_the_history_by_what_serves(
    kind: str, serving: str, taking: str, target: str, result: Result
) -> None:
    releases = superseded(
        Releases().writing(replace(SWITCH, kind=kind)), release(id="id-2", kind=taking, target=target), serving, START
    )
    [ended] = releases.history
    assert (ended.id, ended.result, ended.ended) == (SWITCH.id, result, "2030-01-31T12:00:00Z")
    changed = "had changed the selector" if serving == "green" else "had not changed the selector from blue"
    assert ended.detail == f"its command {changed} and has not written its end; {taking} id-2 of ada took its place"


def test_a_switch_that_is_continued_is_not_ended() -> None:
    releases = Releases().writing(SWITCH)
    assert superseded(releases, SWITCH, "green", START) is releases


def test_a_killed_rollback_that_changed_nothing_condemns_no_version() -> None:
    other = RolledBack("green", "v0", "id-0", "2030-01-01T00:00:00Z", "ada")
    mark = RolledBack("blue", "v1.0.0", SWITCH.id, "2030-01-31T12:00:00Z", "ada")
    releases = replace(Releases().writing(replace(SWITCH, kind="rollback")), rolled_back=(mark, other))
    taking = release(id="id-2", kind="switch", source="green", target="blue")
    assert superseded(releases, taking, "blue", START).rolled_back == (other,)
    assert superseded(releases, taking, "green", START).rolled_back == (mark, other)


def test_a_killed_switch_that_changed_nothing_is_passed_over() -> None:
    releases = Releases().writing(BEFORE).writing(SWITCH)
    assert latest(releases, "blue") == BEFORE
    assert latest(releases, "green") == SWITCH
    assert latest(Releases().writing(SWITCH), "blue") is None


@pytest.mark.parametrize("result", [Result.RUNNING, Result.FAILED])
def test_a_rollback_that_changed_nothing_is_tried_again_with_its_version(result: Result) -> None:
    back = release(id="id-2", kind="rollback", source="blue", target="green", tag="v1.0.0", result=result)
    last = latest(Releases().writing(BEFORE).writing(back), "blue")
    assert previous(observed(Colour.BLUE), last, converged=True) == Previous(Colour.GREEN, "v1.0.0")
    # Somebody else has sent the traffic back meanwhile: the version that was taken away stays away.
    assert latest(Releases().writing(BEFORE).writing(back), "green") == back


def test_a_rollback_after_a_killed_switch_goes_to_the_version_before() -> None:
    last = latest(Releases().writing(BEFORE).writing(SWITCH), "blue")
    assert previous(observed(Colour.BLUE), last, converged=True) == Previous(Colour.GREEN, "v1.0.0")


@pytest.mark.parametrize(
    ("current", "serving", "is_abandoned"),
    [
        (SWITCH, "blue", True),
        (replace(SWITCH, kind="rollback"), "blue", True),
        (SWITCH, "green", False),
        (replace(SWITCH, result=Result.FAILED), "blue", False),
        (release(), "blue", False),
        (None, "blue", False),
    ],
)
def test_a_command_that_was_killed_before_the_selector_is_abandoned(
    current: ReleaseRecord | None, serving: str, *, is_abandoned: bool
) -> None:
    releases = Releases() if current is None else Releases().writing(current)
    assert abandoned(releases, serving) == (current if is_abandoned else None)


OF_GROUP = release(kind="switch", target="green", together=("api", "worker"))


@pytest.mark.parametrize(
    ("last", "target"),
    [
        (OF_GROUP, Colour.GREEN),
        (None, None),
        (replace(OF_GROUP, together=()), None),
        (replace(OF_GROUP, kind="rollback"), None),
        (replace(OF_GROUP, result=Result.SUCCEEDED), None),
    ],
)
def test_a_switch_that_was_killed_goes_on_to_the_same_colour(last: ReleaseRecord | None, target: Colour | None) -> None:
    assert unfinished_target(last) is target


@pytest.mark.parametrize(
    ("worker", "serving", "left"),
    [
        (OF_GROUP, Colour.BLUE, {"worker"}),  # killed between the two selectors
        (replace(OF_GROUP, result=Result.FAILED), Colour.BLUE, {"worker"}),  # the first one was not changed back
        (replace(OF_GROUP, together=("worker", "web")), Colour.BLUE, set()),
        (replace(OF_GROUP, result=Result.SUCCEEDED), Colour.BLUE, set()),
        (OF_GROUP, Colour.GREEN, set()),
        (None, Colour.BLUE, set()),
    ],
)
def test_a_rollback_leaves_what_a_killed_switch_of_all_has_not_reached(
    worker: ReleaseRecord | None, serving: Colour, left: set[str]
) -> None:
    assert unreached({"api": OF_GROUP, "worker": worker}, {"api": Colour.GREEN, "worker": serving}) == left
    assert unreached({"api": OF_GROUP, "worker": worker}, {"api": Colour.BLUE, "worker": serving}) <= {"api"}
    alone = replace(OF_GROUP, together=())
    assert unreached({"api": alone, "worker": alone}, {"api": Colour.GREEN, "worker": Colour.BLUE}) == set()
