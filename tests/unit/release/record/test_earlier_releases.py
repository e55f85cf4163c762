"""What a record says of the releases before a command, also of one whose command was killed."""

from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.release.phases import Phase, Result
from switchyard.release.record.earlier_releases import (
    abandoned,
    latest,
    latest_begun,
    left_open,
    unfinished_target,
    unreached,
)
from switchyard.release.record.previous import Previous, previous
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_release import release
from tests.support.observed import observed
from tests.support.release_records import START

BEFORE = release(id="id-0", source="green", target="blue", from_tag="v1.0.0", tag="v2.0.0", result=Result.SUCCEEDED)
"""The deploy by which blue serves v2.0.0, after green v1.0.0."""

SWITCH = release(kind="switch", phase=Phase.SWITCH).entering(Phase.SWITCH, START)
"""A switch from blue to green that has not written its end."""


def test_a_killed_switch_that_changed_nothing_is_passed_over() -> None:
    releases = RecordedReleases().writing(BEFORE).writing(SWITCH)
    assert latest(releases, "blue") == BEFORE
    assert latest(releases, "green") == SWITCH
    assert latest(RecordedReleases().writing(SWITCH), "blue") is None


@pytest.mark.parametrize("result", [Result.RUNNING, Result.FAILED])
def test_a_rollback_that_changed_nothing_is_tried_again_with_its_version(result: Result) -> None:
    back = release(id="id-2", kind="rollback", source="blue", target="green", tag="v1.0.0", result=result)
    last = latest(RecordedReleases().writing(BEFORE).writing(back), "blue")
    assert previous(observed(Colour.BLUE), last, converged=True) == Previous(Colour.GREEN, "v1.0.0")
    # Somebody else has sent the traffic back meanwhile: the version that was taken away stays away.
    assert latest(RecordedReleases().writing(BEFORE).writing(back), "green") == back


def test_a_rollback_after_a_killed_switch_goes_to_the_version_before() -> None:
    last = latest(RecordedReleases().writing(BEFORE).writing(SWITCH), "blue")
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
    releases = RecordedReleases() if current is None else RecordedReleases().writing(current)
    assert abandoned(releases, serving) == (current if is_abandoned else None)


@pytest.mark.parametrize(
    ("current", "serving", "is_open"),
    [
        (release(phase=Phase.WATCH), "green", True),
        (release(phase=Phase.BAKE), "green", False),  # it goes on: its old colour is retired later
        (release(phase=Phase.RETIRE), "green", False),
        (release(phase=Phase.WARM), "blue", False),
        (SWITCH, "green", True),
        (SWITCH, "blue", True),
        (replace(SWITCH, result=Result.SUCCEEDED), "green", False),
        (None, "blue", False),
    ],
)
def test_a_switch_to_what_serves_ends_no_release_that_bakes(
    current: ReleaseRecord | None, serving: str, *, is_open: bool
) -> None:
    releases = RecordedReleases() if current is None else RecordedReleases().writing(current)
    assert left_open(releases, serving) == (current if is_open else None)


def test_a_switch_that_failed_began_after_the_release_that_runs_on() -> None:
    deploy, failed = release(), release(id="id-2", kind="switch", result=Result.FAILED)
    assert latest_begun(RecordedReleases(current=deploy, history=(failed, BEFORE))) == failed
    assert latest_begun(RecordedReleases(current=replace(deploy, id="id-3"), history=(failed,))).id == "id-3"  # type: ignore[union-attr]
    assert latest_begun(RecordedReleases()) is None


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
