"""The runner of a release: every outcome of every phase, and the acts of an operator."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from switchyard.errors import (
    AccessDeniedError,
    ApiStatusError,
    ClusterError,
    EngineError,
    GateRefusedError,
    UnreachableError,
)
from switchyard.release import retries
from switchyard.release.deploy import Ended
from switchyard.release.phases import Event, Phase, Result, Side
from switchyard.release.record import ReleaseRecord
from switchyard.release.standing import Live, standing
from switchyard.release_errors import LeaseLostError, TransitionError
from tests.support.played_release import FIRST, PODS, Play


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that does not answer is asked once; tests that have it come back ask again."""
    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def test_a_release_goes_through_its_phases_and_each_ends_with_a_line() -> None:
    play = Play()
    play.deploy()
    written = play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert [phase.phase for phase in play.lines] == list(Phase)
    assert [phase.phase for phase in written.phases] == list(Phase)
    assert {phase.outcome for phase in written.phases} == {"passed"}
    assert play.world.pods == {"blue": 0, "green": PODS}


def test_a_release_that_bakes_waits_for_its_time_and_is_retired_before_on_demand() -> None:
    play = Play(bake_seconds=3600)
    play.deploy()
    play.expect(Result.RUNNING, Phase.BAKE, "green")
    assert play.world.pods == {"blue": PODS, "green": PODS}
    play.act("resume")
    assert len(play.expect(Result.RUNNING, Phase.BAKE, "green").phases) == len(Phase) - 1
    play.world.time += timedelta(seconds=3600)
    play.act("resume")
    play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")

    early = Play(bake_seconds=3600)
    early.deploy()
    early.act("retire")
    early.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


REFUSED, FAILED = GateRefusedError("no"), EngineError("no")
ENDS = [
    (Phase.WARM, REFUSED, Result.REFUSED, Phase.WARM, "blue", False),
    (Phase.WARM, FAILED, Result.FAILED, Phase.WARM, "blue", False),
    (Phase.WARM, ClusterError("no"), Result.FAILED, Phase.WARM, "blue", False),
    (Phase.WARM, Ended(Event.FAILED, "no"), Result.FAILED, Phase.WARM, "blue", False),
    (Phase.PROVE, REFUSED, Result.REFUSED, Phase.PROVE, "blue", False),
    (Phase.PROVE, ClusterError("no"), Result.FAILED, Phase.PROVE, "blue", False),
    (Phase.SWITCH, REFUSED, Result.REFUSED, Phase.SWITCH, "blue", False),
    (Phase.SWITCH, UnreachableError("no"), Result.FAILED, Phase.SWITCH, "blue", False),
    (Phase.DRAIN, Ended(Event.FAILED, "no"), Result.SUCCEEDED, Phase.RETIRE, "green", False),
    (Phase.DRAIN, REFUSED, Result.SUCCEEDED, Phase.RETIRE, "green", False),
    (Phase.WATCH, Ended(Event.BREACHED, "no"), Result.ROLLED_BACK, Phase.WATCH, "blue", False),
    (Phase.WATCH, Ended(Event.NO_VERDICT, "no"), Result.RUNNING, Phase.WATCH, "green", True),
    (Phase.WATCH, ClusterError("no"), Result.RUNNING, Phase.WATCH, "green", True),
    (Phase.RETIRE, REFUSED, Result.RUNNING, Phase.RETIRE, "green", True),
    (Phase.RETIRE, FAILED, Result.RUNNING, Phase.RETIRE, "green", True),
]


@pytest.mark.parametrize(("phase", "outcome", "result", "ends_in", "serving", "held"), ENDS)
def test_each_outcome_of_each_phase_ends_or_holds_the_release(
    phase: Phase, outcome: Ended | Exception, result: Result, ends_in: Phase, serving: str, held: bool
) -> None:
    play = Play(outcomes={phase: outcome})
    play.deploy()
    written = play.expect(result, ends_in, serving, held=held)
    if result is not Result.SUCCEEDED:
        assert "no" in str(written.detail)
        assert written.phases[-1].detail == "no"
    if held:  # nothing is a dead end
        play.outcomes.clear()
        play.act("resume")
        play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SWITCH, Phase.DRAIN, Phase.WATCH])
@pytest.mark.parametrize(("act", "serving"), [("resume", "green"), ("abort", None)])
def test_a_release_is_held_after_the_phase_that_was_asked_for(phase: Phase, act: str, serving: str | None) -> None:
    play = Play()
    play.deploy(hold_after=phase)
    written = play.world.releases.current
    assert written is not None
    assert (written.held, written.detail) == (True, f"held after {phase}")
    assert play.lines[-1].phase is phase
    play.act(act)
    if serving is None:
        ended = Result.FAILED if phase in {Phase.WARM, Phase.PROVE} else Result.ROLLED_BACK
        written = play.world.releases.current
        assert written is not None
        assert (written.result, play.world.serving) == (ended, "blue")
        assert str(written.detail).startswith("aborted by ada")
        assert play.world.marked == (ended is Result.ROLLED_BACK)
    else:
        play.expect(Result.SUCCEEDED, Phase.RETIRE, serving)


def test_a_patch_whose_answer_was_lost_counts_by_what_serves() -> None:
    play = Play(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    play.played.lost_answer = True
    play.deploy()
    play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")

    unknown = Play(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    unknown.played.lost_answer = unknown.played.unreachable = True
    ended = unknown.deploy()
    assert "is not known" in str(ended.detail)
    unknown.expect(Result.RUNNING, Phase.SWITCH, "green")
    unknown.played.unreachable = False
    unknown.outcomes.clear()
    unknown.act("resume")
    unknown.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_rollback_that_fails_holds_the_release_and_abort_tries_again() -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    play.played.rollback_error = UnreachableError("no answer")
    play.deploy()
    written = play.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    assert "8 % failed. The rollback is not done: no answer" in str(written.detail)
    play.played.rollback_error = None
    play.act("abort")
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


class Away:
    """An API server that starts anew: it refuses as many calls as there are errors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, play: Play, call: str, *errors: Exception) -> None:
        self.errors, self._call, self._play = list(errors), getattr(play.played, call), play
        monkeypatch.setattr(play.played, call, self)
        monkeypatch.setattr(retries, "SECONDS", 60)

    async def __call__(self, record: ReleaseRecord, *more: Any) -> Any:
        watched = bool(record.phases) and record.phases[-1].outcome == Event.BREACHED
        if watched and self.errors:
            raise self.errors.pop(0)
        return await self._call(record, *more)


def test_an_api_server_that_refuses_the_record_stops_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    away = Away(monkeypatch, play, "write", ApiStatusError("patch", "configmaps/backend-release", 409, "changed"))
    play.deploy()
    assert away.errors == []
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


@pytest.mark.parametrize("call", ["roll_back", "write"])
def test_a_condemned_version_is_rolled_back_as_soon_as_the_api_server_is_back(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    errors = (UnreachableError("connection refused"), ApiStatusError("get", "services/backend", 503, "starting"))
    away = Away(monkeypatch, play, call, *(errors if call == "roll_back" else errors[:1]))
    play.deploy()
    assert away.errors == [], "the API server has answered at once"
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


def test_a_rollback_that_the_api_server_denies_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    denied = AccessDeniedError("patch", "services/backend", 403, "no")
    away = Away(monkeypatch, play, "roll_back", denied, denied)
    play.deploy()
    assert away.errors == [denied]
    play.expect(Result.RUNNING, Phase.WATCH, "green", held=True)


@pytest.mark.parametrize(("away", "result", "serving"), [(3, Result.ROLLED_BACK, "blue"), (99, None, "green")])
def test_an_api_server_that_is_away_when_a_version_is_condemned_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, away: int, result: Result | None, serving: str
) -> None:
    monkeypatch.setattr(retries, "SECONDS", 60)
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    write, missed = play.played.write, 0

    async def written(record: ReleaseRecord) -> None:
        nonlocal missed
        if record.phases and record.phases[-1].outcome == Event.BREACHED and missed < away:
            missed += 1
            raise UnreachableError("no answer")
        await write(record)

    monkeypatch.setattr(play.played, "write", written)
    if result is None:
        monkeypatch.setattr(retries, "SECONDS", -1)
        with pytest.raises(UnreachableError):
            play.deploy()
        assert (missed, play.world.serving) == (1, serving)
    else:
        play.deploy()
        play.expect(result, Phase.WATCH, serving)
        assert missed == away


def test_a_condemned_version_is_rolled_back_by_resume_without_another_watch() -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    play.played.rollback_error = UnreachableError("no answer")
    play.deploy()
    play.played.rollback_error, play.played.steps = None, []
    play.act("resume")
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert play.played.steps == ["roll back"]


def test_a_colour_that_serves_again_is_not_retired() -> None:
    for act in ("resume", "retire", "abort"):
        play = Play(bake_seconds=3600)
        play.deploy()
        play.world.serving = "blue"  # by hand, or by `pulumi up`
        play.act(act)
        play.expect(Result.ROLLED_BACK, Phase.BAKE, "blue")


def test_a_condemned_version_is_not_held_after_its_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "worse")})
    monkeypatch.setattr(play.played, "is_condemned", lambda: True)
    play.deploy(hold_after=Phase.SWITCH)
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


def test_what_does_not_fit_the_phase_is_refused_and_changes_nothing() -> None:
    play = Play()
    play.deploy(hold_after=Phase.DRAIN)
    before = play.world.releases
    with pytest.raises(TransitionError, match="retire does not fit"):
        play.act("retire")
    assert play.world.releases is before


def test_a_command_without_its_lease_changes_nothing_more() -> None:
    play = Play()
    play.played.lost = True
    with pytest.raises(LeaseLostError):
        play.deploy()
    assert play.played.steps == []


def test_the_cluster_decides_where_a_release_stands() -> None:
    switched = standing(FIRST, Live("green", {"green", "blue"}))
    assert (switched.state.phase, switched.taken_back) == (Phase.SWITCH, False)


def test_a_release_that_has_not_switched_is_proved_again_when_it_is_resumed() -> None:
    stands = standing(replace(FIRST, phase=Phase.SWITCH), Live(FIRST.source, {"green", "blue"}))
    assert (stands.state.phase, stands.state.serving) == (Phase.PROVE, Side.OLD)


def test_an_abort_while_the_old_version_is_being_retired_names_the_rollback() -> None:
    play = Play(bake_seconds=3600)
    play.deploy()
    current = play.world.releases.current
    assert current is not None
    play.world.releases = play.world.releases.writing(replace(current, phase=Phase.RETIRE))
    play.world.pods["blue"] = 0
    with pytest.raises(TransitionError, match="what fits: resume") as raised:
        play.act("abort")
    assert "Nothing was changed. To continue: switchyard resume backend" in str(raised.value)
    assert "switchyard rollback backend" in str(raised.value)
    assert "roll back" not in play.played.steps
