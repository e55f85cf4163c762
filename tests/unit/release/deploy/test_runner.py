"""The runner of a release: every outcome of every phase, and the acts of an operator."""

from dataclasses import replace
from datetime import timedelta

import pytest

from switchyard.errors import (
    ClusterError,
    EngineError,
    GateRefusedError,
    UnreachableError,
)
from switchyard.release import retries
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result, Side, apply
from switchyard.release.record.standing import Live, standing
from switchyard.release_errors import LeaseLostError, TransitionError
from tests.support.fake_release import FIRST, PODS, FakeCommand


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that does not answer is asked once; tests that have it come back ask again."""
    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def test_a_release_goes_through_its_phases_and_each_ends_with_a_line() -> None:
    command = FakeCommand()
    command.deploy()
    written = command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert [phase.phase for phase in command.lines] == list(Phase)
    assert [phase.phase for phase in written.phases] == list(Phase)
    assert {phase.outcome for phase in written.phases} == {"passed"}
    assert command.world.pods == {"blue": 0, "green": PODS}


def test_a_release_that_bakes_waits_for_its_time_and_is_retired_before_on_demand() -> None:
    command = FakeCommand(bake_seconds=3600)
    command.deploy()
    command.expect(Result.RUNNING, Phase.BAKE, "green")
    assert command.world.pods == {"blue": PODS, "green": PODS}
    command.act("resume")
    assert len(command.expect(Result.RUNNING, Phase.BAKE, "green").phases) == len(Phase) - 1
    command.world.time += timedelta(seconds=3600)
    command.act("resume")
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")

    early = FakeCommand(bake_seconds=3600)
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
    command = FakeCommand(outcomes={phase: outcome})
    command.deploy()
    written = command.expect(result, ends_in, serving, held=held)
    if result is not Result.SUCCEEDED:
        assert "no" in str(written.detail)
        assert written.phases[-1].detail == "no"
    if held:  # nothing is a dead end
        command.outcomes.clear()
        command.act("resume")
        command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SWITCH, Phase.DRAIN, Phase.WATCH])
@pytest.mark.parametrize(("act", "serving"), [("resume", "green"), ("abort", None)])
def test_a_release_is_held_after_the_phase_that_was_asked_for(phase: Phase, act: str, serving: str | None) -> None:
    command = FakeCommand()
    command.deploy(hold_after=phase)
    written = command.world.releases.current
    assert written is not None
    assert (written.held, written.detail) == (True, f"held after {phase}")
    assert command.lines[-1].phase is phase
    command.act(act)
    if serving is None:
        ended = Result.FAILED if phase in {Phase.WARM, Phase.PROVE} else Result.ROLLED_BACK
        written = command.world.releases.current
        assert written is not None
        assert (written.result, command.world.serving) == (ended, "blue")
        assert str(written.detail).startswith("aborted by ada")
        assert command.world.marked == (ended is Result.ROLLED_BACK)
    else:
        command.expect(Result.SUCCEEDED, Phase.RETIRE, serving)


@pytest.mark.parametrize("act", ["resume", "retire"])
def test_a_release_held_after_its_watch_keeps_the_old_colour_until_an_operator_continues(act: str) -> None:
    command = FakeCommand(bake_seconds=3600)
    command.deploy(hold_after=Phase.WATCH)
    command.expect(Result.RUNNING, Phase.BAKE, "green", held=True)
    command.act(act)
    if act == "resume":  # the bake, whose end `retire --due` waits for
        command.expect(Result.RUNNING, Phase.BAKE, "green", held=False)
    else:
        command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_patch_whose_answer_was_lost_counts_by_what_serves() -> None:
    command = FakeCommand(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    command.fake_steps.lost_answer = True
    command.deploy()
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")

    unknown = FakeCommand(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    unknown.fake_steps.lost_answer = unknown.fake_steps.unreachable = True
    ended = unknown.deploy()
    assert "is not known" in str(ended.detail)
    unknown.expect(Result.RUNNING, Phase.SWITCH, "green")
    unknown.fake_steps.unreachable = False
    unknown.outcomes.clear()
    unknown.act("resume")
    unknown.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_service_that_was_deleted_while_it_was_patched_leaves_the_release_to_an_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def live() -> Live:
        raise GateRefusedError("Service backend does not exist")

    command = FakeCommand(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    monkeypatch.setattr(command.fake_steps, "live", live)
    assert "whether the Service was changed is not known: no answer" in str(command.deploy().detail)
    command.expect(Result.RUNNING, Phase.SWITCH, "blue")


def test_a_colour_that_serves_again_is_not_retired() -> None:
    for act in ("resume", "retire", "abort"):
        command = FakeCommand(bake_seconds=3600)
        command.deploy()
        command.world.serving = "blue"  # by hand, or by `pulumi up`
        command.act(act)
        command.expect(Result.ROLLED_BACK, Phase.BAKE, "blue")


def test_a_condemned_version_is_not_held_after_its_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "worse")})
    monkeypatch.setattr(command.fake_steps, "is_condemned", lambda: True)
    command.deploy(hold_after=Phase.SWITCH)
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


def test_what_does_not_fit_the_phase_is_refused_and_changes_nothing() -> None:
    command = FakeCommand()
    command.deploy(hold_after=Phase.DRAIN)
    before = command.world.releases
    with pytest.raises(TransitionError) as refused:
        command.act("retire")
    assert command.world.releases is before
    assert str(refused.value) == (
        "backend: the release of v2.0.1 in green is in phase watch, and only one whose watch has passed is retired. "
        "Nothing was changed. To continue: switchyard resume backend. To abort it: switchyard abort backend"
    )


def test_a_command_without_its_lease_changes_nothing_more() -> None:
    command = FakeCommand()
    command.fake_steps.lost = True
    with pytest.raises(LeaseLostError):
        command.deploy()
    assert command.fake_steps.steps == []


def test_the_cluster_decides_where_a_release_stands() -> None:
    switched = standing(FIRST, Live("green", {"green", "blue"}))
    assert (switched.state.phase, switched.is_rolled_back) == (Phase.SWITCH, False)


def test_a_release_whose_load_balancer_may_send_to_the_new_version_is_rolled_back_by_an_abort() -> None:
    record = replace(FIRST, phase=Phase.SWITCH)
    split = standing(record, Live(FIRST.source, {"green", "blue"}, split=True))
    assert (split.state.phase, split.state.serving, split.is_rolled_back) == (Phase.SWITCH, Side.NEW, False)
    assert apply(split.state, Event.ABORT).result is Result.ROLLED_BACK
    proved = standing(replace(FIRST, phase=Phase.PROVE), Live(FIRST.source, {"green", "blue"}, split=True))
    assert apply(proved.state, Event.ABORT).result is Result.FAILED, "nothing of the release routes to the new version"


def test_a_release_that_has_not_switched_is_proved_again_when_it_is_resumed() -> None:
    stands = standing(replace(FIRST, phase=Phase.SWITCH), Live(FIRST.source, {"green", "blue"}))
    assert (stands.state.phase, stands.state.serving) == (Phase.PROVE, Side.OLD)


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SWITCH])
def test_a_release_whose_abort_has_begun_is_warmed_again_when_it_is_resumed(phase: Phase) -> None:
    live = Live(FIRST.source, {"green", "blue"}, unconfigured={FIRST.target})
    assert standing(replace(FIRST, phase=phase), live).state.phase is Phase.WARM


def test_a_version_that_serves_is_not_warmed_again_whatever_the_configuration_has() -> None:
    live = Live(FIRST.target, {"green", "blue"}, unconfigured={FIRST.target})
    assert standing(replace(FIRST, phase=Phase.SWITCH), live).state.phase is Phase.SWITCH


def test_an_abort_while_the_old_version_is_being_retired_names_the_rollback() -> None:
    command = FakeCommand(bake_seconds=3600)
    command.deploy()
    current = command.world.releases.current
    assert current is not None
    command.world.releases = command.world.releases.writing(replace(current, phase=Phase.RETIRE))
    command.world.pods["blue"] = 0
    with pytest.raises(TransitionError, match="what fits: resume") as raised:
        command.act("abort")
    assert "Nothing was changed. To continue: switchyard resume backend" in str(raised.value)
    assert "switchyard rollback backend" in str(raised.value)
    assert "roll back" not in command.fake_steps.steps
