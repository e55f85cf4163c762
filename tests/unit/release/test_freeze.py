"""What an open window means for each command of a release."""

import asyncio
from datetime import UTC, datetime

import pytest

from switchyard.config.models.releases import Freeze
from switchyard.errors import GateRefusedError
from switchyard.release.freeze import combined, is_stopped, pass_freeze
from switchyard.release.phases import Phase
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord

FREEZE = Freeze.model_validate(
    {"reason": "holidays", "by": "ada", "from": "2026-12-24T00:00:00Z", "until": "2026-12-27T00:00:00Z"}
)


class Clock:
    """An API server with a clock, which counts how often it is asked."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.asked = 0

    async def date(self) -> datetime:
        self.asked += 1
        return self.now


FROZEN = datetime(2026, 12, 25, tzinfo=UTC)
OPEN = datetime(2026, 12, 28, tzinfo=UTC)


def release(phase: Phase, override: str | None = None) -> ReleaseRecord:
    return ReleaseRecord(
        id="1",
        kind="deploy",
        service="backend",
        source="blue",
        target="green",
        from_tag="v1.0.0",
        tag="v2.0.0",
        actor="ada",
        host="laptop",
        started="2026-12-23T00:00:00Z",
        phase=phase,
        override=override,
    )


def passed(clock: Clock, override: str | None = None, freeze: Freeze = FREEZE) -> str | None:
    call = pass_freeze(clock, [freeze], "backend", "the deploy of v2", override, "switchyard deploy backend v2")  # type: ignore[arg-type]
    return asyncio.run(call)


@pytest.mark.parametrize("act", Act)
def test_a_new_release_a_drill_and_a_retirement_are_stopped_and_going_back_never_is(act: Act) -> None:
    stopped = {Act.DEPLOY, Act.SWITCH, Act.DRILL, Act.RETIRE}
    assert is_stopped(act, None, "blue") is (act in stopped)
    if act is not Act.RESUME:
        assert is_stopped(act, release(Phase.BAKE), "green") is (act in stopped)


@pytest.mark.parametrize(
    ("phase", "serving", "stopped"),
    [
        (Phase.WARM, "blue", True),
        (Phase.PROVE, "blue", True),
        (Phase.SWITCH, "blue", True),
        (Phase.SWITCH, "green", False),
        (Phase.DRAIN, "green", False),
        (Phase.WATCH, "green", False),
        (Phase.WATCH, "blue", False),
        (Phase.BAKE, "green", True),
        (Phase.BAKE, "blue", False),
        (Phase.RETIRE, "green", True),
        (Phase.RETIRE, "blue", False),
    ],
)
def test_a_release_that_began_before_goes_on_once_it_has_switched(phase: Phase, serving: str, stopped: bool) -> None:
    assert is_stopped(Act.RESUME, release(phase), serving) is stopped


@pytest.mark.parametrize("phase", [Phase.BAKE, Phase.RETIRE])
def test_a_release_whose_old_colour_serves_again_retires_nothing_and_may_end(phase: Phase) -> None:
    assert is_stopped(Act.RETIRE, release(phase), "green")
    assert not is_stopped(Act.RETIRE, release(phase), "blue")


def test_a_release_that_was_begun_all_the_same_goes_on() -> None:
    assert not is_stopped(Act.RESUME, release(Phase.WARM, override="a fix"), "blue")
    assert is_stopped(Act.RESUME, release(Phase.BAKE, override="a fix"), "green")


def test_a_frozen_command_is_refused_by_the_clock_of_the_api_server() -> None:
    with pytest.raises(GateRefusedError, match=r'SY-P100.*switchyard deploy backend v2 --override "REASON"'):
        passed(Clock(FROZEN))
    assert passed(Clock(OPEN)) is None


def test_an_override_goes_through_and_names_the_window() -> None:
    assert passed(Clock(FROZEN), "a fix") == "a fix (in the freeze: holidays (by ada), until 2026-12-27T00:00:00Z)"
    assert passed(Clock(OPEN), "a fix") is None


def test_the_clock_is_not_asked_for_a_service_without_windows() -> None:
    clock = Clock(FROZEN)
    assert passed(clock, freeze=FREEZE.model_copy(update={"services": ("worker",)})) is None
    assert clock.asked == 0
    passed(Clock(OPEN))


def test_two_overrides_of_one_release_are_both_kept() -> None:
    assert combined(None, None) is None
    assert combined("a", None) == "a"
    assert combined("a", "b") == "a; b"
