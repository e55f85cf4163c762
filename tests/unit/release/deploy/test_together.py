"""Several services released together: in step, all or none, whatever becomes of one of them, and killed anywhere."""

import asyncio
from dataclasses import replace

import pytest

from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.release.deploy.acts import Patch
from switchyard.release.deploy.group import shared
from switchyard.release.deploy.group_acts import GroupActs
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release_errors import LeaseLostError, TransitionError
from tests.support.fake_group import KEYS, FakeGroupCommand
from tests.support.fake_release import PODS, KilledError, Outcomes
from tests.support.group_world import Moments

BREACHED = Ended(Event.BREACHED, "8 % failed")
REFUSED, FAILED = GateRefusedError("no"), UnreachableError("no")


def test_services_go_through_their_phases_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch, with_hooks=True)
    command.deploy()
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    phases = [line.phase for _, line in command.lines]
    assert phases[:8] == [phase for phase in list(Phase)[:4] for _ in KEYS]
    assert {key for key, _ in command.lines[:2]} == set(KEYS)
    assert all(command.record(key).together == KEYS for key in KEYS)
    assert command.moments.order[:2] == ["patch api green", "patch worker green"]
    assert all(world.pods == {"blue": 0, "green": PODS} for world in command.worlds.values())


def test_one_preview_and_one_update_warm_all_versions_and_one_refresh_converges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    command.deploy()
    command.expect(Result.RUNNING, Phase.BAKE, "green")
    assert (command.engine.previews, command.engine.updates) == (1, 1)
    assert command.moments.order[2:] == ["converge api worker"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SWITCH])
@pytest.mark.parametrize(("outcome", "result"), [(REFUSED, Result.REFUSED), (FAILED, Result.FAILED)])
def test_what_does_not_pass_for_one_before_the_switch_switches_none(
    monkeypatch: pytest.MonkeyPatch, key: str, phase: Phase, outcome: Exception, result: Result
) -> None:
    command = FakeGroupCommand(monkeypatch)
    if phase is Phase.SWITCH:
        command.patch_errors[key].append(outcome)
    else:
        command.outcomes[key][phase] = outcome
    command.deploy()
    assert command.serving == {"blue"}
    assert {command.record(other).phase for other in KEYS} == {phase}
    assert not any(command.record(other).running for other in KEYS)
    assert command.record(key).result is (Result.FAILED if phase is Phase.SWITCH else result)
    other = next(other for other in KEYS if other != key)
    if phase is Phase.SWITCH:
        assert "All serve as before: api blue v1, worker blue v1" in str(command.record(other).detail)
        assert "(SY-P134)" in str(command.record(other).detail)
    else:
        assert f"released together with {key}, which " in str(command.record(other).detail)
        assert "(SY-P137)" in str(command.record(other).detail)
    if phase is Phase.WARM:
        assert command.engine.previews == 0, "something was touched"


def test_a_service_that_cannot_be_changed_back_at_once_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switchyard.release.retries.SECONDS", 0)
    command = FakeGroupCommand(monkeypatch)
    command.patch_errors["api"].extend([None, FAILED])
    command.patch_errors["worker"].append(FAILED)
    command.deploy()
    assert command.serving == {"blue"}
    assert [command.record(key).result for key in KEYS] == [Result.ROLLED_BACK, Result.FAILED]
    assert "(SY-P135)" in str(command.record("worker").detail)
    assert "To go back: switchyard abort api" in str(command.record("worker").detail)


def test_an_interrupt_between_two_selectors_changes_the_first_one_back(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.patch_errors["worker"].append(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        command.deploy()
    assert command.moments.order == ["patch api green", "patch api blue"]
    assert {command.record(key).phase for key in KEYS} == {Phase.SWITCH}
    command.act("resume")
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_version_whose_pods_fail_while_it_waits_for_the_others_switches_none(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    original = GroupActs.patch

    async def patch(acts: GroupActs, patch: Patch) -> float | None:
        if acts is command.members["api"].acts:
            command.worlds["api"].pods["green"] = 0  # they were proved a moment before
        return await original(acts, patch)

    monkeypatch.setattr(GroupActs, "patch", patch)
    command.deploy()
    assert command.moments.order == []
    assert command.serving == {"blue"}
    assert "api: no ready pods" in str(command.record("worker").detail)


def test_a_preview_with_other_changes_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.engine.others = ["a-change"]
    command.deploy()
    command.expect(Result.REFUSED, Phase.WARM, "blue")
    assert command.engine.updates == 0
    assert all(world.pods["green"] == 0 for world in command.worlds.values())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("hooks", [False, True])
def test_a_version_that_is_condemned_takes_all_back(monkeypatch: pytest.MonkeyPatch, key: str, hooks: bool) -> None:
    command = FakeGroupCommand(monkeypatch, with_hooks=hooks)
    command.outcomes[key][Phase.WATCH] = BREACHED
    command.members[next(other for other in KEYS if other != key)].watch_turns = 1000
    command.deploy()
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert str(command.record(key).detail).startswith("8 % failed")
    other = next(other for other in KEYS if other != key)
    reason = f"released together with {key}, which is rolled back: 8 % failed (SY-P137)"
    assert str(command.record(other).detail).startswith(reason)
    assert all(world.marked and world.configured == "blue" for world in command.worlds.values())
    assert (command.members[key].because, command.members[other].because) == (None, key)
    assert command.moments.order[-1] in {"converge api worker", "converge worker api"}


def test_a_version_without_a_verdict_holds_all_and_a_later_breach_takes_all_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.outcomes["api"][Phase.WATCH] = Ended(Event.NO_VERDICT, "no requests")
    command.deploy()
    command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    assert "watch is done. released together with api, which is undecided: no requests" in str(
        command.record("worker").detail
    )
    command.outcomes["api"][Phase.WATCH] = BREACHED
    command.act("resume")
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SWITCH, Phase.DRAIN, Phase.WATCH])
@pytest.mark.parametrize("act", ["resume", "abort"])
def test_a_group_that_is_held_goes_on_or_back_as_one(monkeypatch: pytest.MonkeyPatch, phase: Phase, act: str) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.deploy(hold_after=phase)
    assert all(command.record(key).held and command.record(key).running for key in KEYS)
    command.act(act)
    if act == "resume":
        command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    else:
        assert command.serving == {"blue"}
        result = Result.FAILED if phase in {Phase.WARM, Phase.PROVE} else Result.ROLLED_BACK
        assert {command.record(key).result for key in KEYS} == {result}


def test_each_service_bakes_and_is_retired_by_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds={"api": 0, "worker": 3600})
    command.deploy()
    assert [command.record(key).result for key in KEYS] == [Result.SUCCEEDED, Result.RUNNING]
    assert command.record("worker").phase is Phase.BAKE


def test_a_rollback_of_one_that_fails_does_not_stop_that_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.outcomes["api"][Phase.WATCH] = BREACHED
    monkeypatch.setattr("switchyard.release.retries.SECONDS", 0)
    command.members["api"].rollback_error = UnreachableError("no answer")
    command.deploy()
    assert command.worlds["worker"].serving == "blue"
    assert (command.record("api").held, command.record("api").running) == (True, True)
    assert "The rollback is not done: no answer" in str(command.record("api").detail)
    command.members["api"].rollback_error = None
    command.act("abort")
    assert command.serving == {"blue"}


def test_a_lease_that_is_lost_ends_all_before_the_switch_and_holds_the_others_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for phase, result, held in ((Phase.PROVE, Result.FAILED, False), (Phase.WATCH, Result.RUNNING, True)):
        command = FakeGroupCommand(monkeypatch)
        command.outcomes["api"][phase] = LeaseLostError("taken by bob")
        outcomes = command.deploy()
        assert isinstance(outcomes["api"], LeaseLostError)
        other = command.record("worker")
        assert (other.result, other.held) == (result, held), other
        assert "which this command no longer releases: taken by bob" in str(other.detail)


def test_a_service_that_serves_its_old_version_again_rolls_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.deploy(hold_after=Phase.DRAIN)
    command.worlds["api"].serving = "blue"  # by hand
    command.act("resume")
    assert command.serving == {"blue"}
    assert {command.record(key).result for key in KEYS} == {Result.ROLLED_BACK}


def act_if_possible(command: FakeGroupCommand, act: str) -> None:
    try:
        command.act(act)
    except (GateRefusedError, TransitionError):
        assert act == "abort"
        assert Phase.RETIRE in {command.record(key).phase for key in KEYS}
        assert command.serving == {"green"}


SITUATIONS: dict[str, dict[str, Outcomes]] = {
    "good": {},
    "condemned": {"worker": {Phase.WATCH: BREACHED}},
    "refused": {"worker": {Phase.PROVE: REFUSED}},
}


@pytest.mark.parametrize(("situation", "hooks"), [*((situation, False) for situation in SITUATIONS), ("good", True)])
def test_a_command_killed_at_every_moment_leaves_full_colours_and_goes_on_or_back_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], situation: str, hooks: bool
) -> None:
    def group(kill: int | None) -> FakeGroupCommand:
        command = FakeGroupCommand(monkeypatch, Moments(kill), with_hooks=hooks)
        for key, outcomes in SITUATIONS[situation].items():
            command.outcomes[key].update(outcomes)
        return command

    whole = group(None)
    whole.deploy()
    for moment in range(whole.moments.count):
        for act in ("resume", "abort"):
            command = group(moment)
            with pytest.raises(KilledError):
                command.deploy()
            command.moments.kill = None
            complete = all(record is not None for record in command.records.values())
            for again in (act if complete else "abort", "resume", "resume"):
                if any(record is not None and record.running for record in command.records.values()):
                    act_if_possible(command, again)
            for key, record in command.records.items():
                assert record is None or not record.running, record
                assert command.worlds[key].pods[command.worlds[key].serving] == PODS
            if command.records["api"] is not None:
                ended = {key: record.result for key, record in command.records.items() if record is not None}
                # Once an old version is retired, each is released on its own.
                assert len(command.serving) == 1 or Result.SUCCEEDED in ended.values(), (moment, act, ended)
                assert all(world.configured == world.serving for world in command.worlds.values())
    with capsys.disabled():
        print(f"\ntwo services, {situation}{' with hooks' * hooks}: {whole.moments.count} moments", end=" ")


PASSED, NO_VERDICT = Ended(Event.PASSED, "own"), Ended(Event.NO_VERDICT, "own")


@pytest.mark.parametrize(
    ("own", "phase", "other", "new", "event"),
    [
        (PASSED, Phase.PROVE, None, False, Event.PASSED),
        (PASSED, Phase.PROVE, Event.REFUSED, False, Event.REFUSED),
        (PASSED, Phase.PROVE, Event.LOST, False, Event.FAILED),
        (PASSED, Phase.PROVE, Event.BREACHED, False, Event.FAILED),
        (PASSED, Phase.SWITCH, Event.FAILED, False, Event.BREACHED),
        (Ended(Event.FAILED, "own"), Phase.SWITCH, None, True, Event.BREACHED),
        (Ended(Event.FAILED, "own"), Phase.SWITCH, Event.FAILED, False, Event.FAILED),
        (PASSED, Phase.WATCH, Event.BREACHED, True, Event.BREACHED),
        (NO_VERDICT, Phase.WATCH, Event.BREACHED, True, Event.BREACHED),
        (PASSED, Phase.WATCH, Event.NO_VERDICT, True, Event.NO_VERDICT),
        (PASSED, Phase.WATCH, Event.LOST, True, Event.NO_VERDICT),
        (PASSED, Phase.SWITCH, Event.LOST, False, Event.PASSED),
    ],
)
def test_the_outcome_of_one_is_shared(own: Ended, phase: Phase, other: Event | None, new: bool, event: Event) -> None:
    ended = shared(own, phase, None if other is None else ("api", Ended(other, "why")), new=new)
    assert ended.event is event
    assert ended.event is own.event or own.event is Event.FAILED or "released together with api" in str(ended.detail)


def test_a_group_updates_after_its_watch_what_its_drain_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    command.deploy(hold_after=Phase.DRAIN)
    for key, world in command.worlds.items():
        world.configured = "blue"
        world.releases = world.releases.writing(replace(command.record(key), configured=False))
    command.act("resume")
    command.expect(Result.RUNNING, Phase.BAKE, "green")
    assert {world.configured for world in command.worlds.values()} == {"green"}
