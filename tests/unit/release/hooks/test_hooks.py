"""The hooks of a release: when each runs, what follows from it, and what is refused after one that is irreversible."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.config.models.hooks import Hook, HookPoint, Hooks, OnFailure
from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.release.deploy.runner import Ended
from switchyard.release.hooks.hooks import holding
from switchyard.release.hooks.refusals import refuse_gone
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.record.hook import HookOutcome, HookRecord
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.fake_release import CALL, EVERYWHERE, FIRST, PODS, FakeCommand, release
from tests.support.observed import observed

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
FAILED, UNKNOWN, PASSED = HookOutcome.FAILED, HookOutcome.UNKNOWN, HookOutcome.PASSED


def fake_command(outcomes: dict[str, HookOutcome] | None = None, hooks: Hooks = EVERYWHERE, **more: Any) -> FakeCommand:
    return FakeCommand(hooks=hooks, hook_outcomes=outcomes or {}, **more)


def single(point: HookPoint, **hook: Any) -> Hooks:
    return Hooks.model_validate({point.value: [{"name": "it", "http": CALL, **hook}]})


def current(command: FakeCommand) -> ReleaseRecord:
    written = command.world.releases.current
    assert written is not None
    return written


def test_each_hook_runs_at_its_point_in_order() -> None:
    command = fake_command()
    command.deploy()
    written = command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    ran = [(hook.point, hook.name, hook.outcome) for hook in written.hooks]
    assert ran == [
        ("beforeWarm", "expand", PASSED),
        ("beforeWarm", "tell", PASSED),
        ("beforeSwitch", "load", PASSED),
        ("afterSwitch", "purge", PASSED),
        ("beforeRetire", "contract", PASSED),
        ("beforeRetire", "done", PASSED),
    ]
    # The gates are passed again after the hooks before a switch, and the old colour is out of use before a contract.
    steps = ["warm", "prove", "prove", "switch", "drain", "watch", "check", "retire"]
    assert command.fake_steps.steps == steps
    assert all(hook.ended is not None for hook in written.hooks)
    assert {(context.from_tag, context.tag, context.colour) for context in command.calls.contexts} == {
        ("v1.0.0", "v2.0.1", "green")
    }


def test_a_rollback_tells_its_hooks_which_version_serves_again() -> None:
    command = fake_command(outcomes={}, hooks=EVERYWHERE)
    command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")
    command.deploy()
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert written.hooks[-1].name == "alert"
    context = command.calls.contexts[-1]
    assert (context.point, context.from_tag, context.tag, context.colour) == (
        HookPoint.ON_ROLLBACK,
        "v2.0.1",
        "v1.0.0",
        "blue",
    )
    assert "contract" not in command.world.sent


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
@pytest.mark.parametrize(
    ("name", "result", "phase", "serving", "held"),
    [
        ("expand", Result.REFUSED, Phase.WARM, "blue", False),
        ("load", Result.REFUSED, Phase.SWITCH, "blue", False),
        ("purge", Result.ROLLED_BACK, Phase.WATCH, "blue", False),
        ("contract", Result.RUNNING, Phase.RETIRE, "green", True),
        ("done", Result.RUNNING, Phase.RETIRE, "green", True),
        ("tell", Result.SUCCEEDED, Phase.RETIRE, "green", False),
    ],
)
def test_a_hook_that_does_not_pass_ends_holds_or_rolls_back_the_release(
    outcome: HookOutcome, name: str, result: Result, phase: Phase, serving: str, held: bool
) -> None:
    command = fake_command({name: outcome})
    command.deploy()
    written = command.expect(result, phase, serving, held=held)
    code = "SY-P090" if outcome is FAILED else "SY-P091"
    if name == "tell":
        assert code in command.warnings[0]
    else:
        assert code in str(written.detail)
        assert f"hook {name}" in str(written.detail)
    assert all(hook.outcome is not None for hook in written.hooks)


def test_what_a_hook_without_consequence_has_failed_with_is_in_the_phase() -> None:
    command = fake_command({"tell": FAILED})
    command.deploy()
    assert "hook tell at beforeWarm has failed" in str(current(command).phases[0].detail)
    assert "The release continues (onFailure: continue)" in command.warnings[0]


@pytest.mark.parametrize("act", ["resume", "retire"])
def test_an_operator_continues_a_release_that_a_hook_holds_and_the_hook_does_not_run_again(act: str) -> None:
    command = fake_command({"contract": FAILED})
    command.deploy()
    assert holding(current(command)) is not None
    command.act(act)
    written = command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert command.world.sent["contract"] == 1
    contract = written.hook("contract")
    assert contract is not None
    assert (contract.outcome, contract.accepted) == (FAILED, True)
    assert holding(written) is None


def test_a_hook_after_the_switch_can_hold_the_release() -> None:
    command = fake_command({"it": FAILED}, single(HookPoint.AFTER_SWITCH, onFailure="stop"))
    command.deploy()
    command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    command.act("resume")
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert command.world.sent == {"it": 1}


def test_the_contract_waits_until_the_old_colour_is_out_of_use() -> None:
    command = fake_command()
    command.fake_steps.in_use = True
    command.deploy()
    written = command.expect(Result.RUNNING, Phase.RETIRE, "green", held=True)
    assert "in use" in str(written.detail)
    assert "contract" not in command.world.sent
    command.fake_steps.in_use = False
    command.act("resume")
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_condemned_version_waits_for_no_hook() -> None:
    command = fake_command(hooks=single(HookPoint.AFTER_SWITCH))
    command.calls.endless = frozenset({"it"})
    command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")
    command.deploy()
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    [hook] = written.hooks
    assert (hook.outcome, "does not wait for hooks" in str(hook.detail)) == (UNKNOWN, True)


def test_a_version_that_is_condemned_before_its_watch_begins_no_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    command = fake_command(hooks=single(HookPoint.AFTER_SWITCH))
    monkeypatch.setattr(command.fake_steps, "is_condemned", lambda: True)
    command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")
    command.deploy()
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert not command.world.sent


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_a_rollback_is_done_whatever_becomes_of_its_hooks(outcome: HookOutcome) -> None:
    command = fake_command({"alert": outcome})
    command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")
    command.deploy()
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert str(written.detail).startswith("bad. ")
    assert "hook alert at onRollback" in str(written.detail)


@pytest.mark.parametrize("outcome", [PASSED, FAILED, UNKNOWN])
def test_after_an_irreversible_hook_an_abort_is_refused_with_what_to_type(outcome: HookOutcome) -> None:
    command = fake_command({"contract": outcome, "done": FAILED})
    command.deploy()
    before = command.expect(Result.RUNNING, Phase.RETIRE, "green", held=True)
    with pytest.raises(GateRefusedError, match="SY-P092") as error:
        command.act("abort")
    text = str(error.value)
    assert "hook contract of the release of v2.0.1" in text
    assert "backend serves green v2.0.1" in text
    assert "switchyard resume backend" in text
    assert "switchyard rollback backend --override REASON" in text
    assert current(command) == before
    assert command.world.pods == {"blue": PODS, "green": PODS}


GREEN = ColourState(Colour.GREEN, "v2.0.1", PODS, PODS)
BLUE = ColourState(Colour.BLUE, "v1.0.0", PODS, PODS)
CONTRACT = HookRecord("contract", "beforeRetire", "2030-01-31T12:30:00Z", irreversible=True)


def back(act: Act = Act.ROLLBACK, tag: str = "v1.0.0", *, patch: bool = True) -> Plan:
    return Plan(act, observed(Colour.GREEN, replace(BLUE, tag=tag), GREEN), Colour.BLUE, patch=patch)


RELEASED = release(hooks=(CONTRACT.ending(PASSED, START, None),), phase=Phase.RETIRE).ending(Result.SUCCEEDED, START)
REFUSED = release(id="id-2", source="green", target="blue", from_tag="v2.0.1", tag="v3").ending(Result.REFUSED, START)
FAILING = replace(REFUSED, result=Result.FAILED)
ROLLED_BACK = replace(REFUSED, result=Result.ROLLED_BACK)


@pytest.mark.parametrize("act", [Act.ROLLBACK, Act.SWITCH])
@pytest.mark.parametrize("later", [[], [REFUSED], [FAILING, REFUSED], [ROLLED_BACK]])
def test_nobody_goes_back_behind_an_irreversible_hook(act: Act, later: list[ReleaseRecord]) -> None:
    refusal = refuse_gone(back(act), [*later, RELEASED])
    text = str(refusal)
    assert f"backend: the {act} to blue v1.0.0 is refused (SY-P092)" in text
    assert "v1.0.0 no longer works after it" in text
    assert "backend serves green v2.0.1" in text
    assert "switchyard rollback backend --override REASON" in text


@pytest.mark.parametrize("outcome", [None, FAILED, UNKNOWN])
def test_a_hook_that_may_have_run_counts_as_one_that_ran(outcome: HookOutcome | None) -> None:
    hook = CONTRACT if outcome is None else CONTRACT.ending(outcome, START, None)
    assert refuse_gone(back(), [release(hooks=(hook,), phase=Phase.RETIRE)]) is not None


@pytest.mark.parametrize(
    ("plan", "releases"),
    [
        (back(), [release(hooks=(replace(CONTRACT, irreversible=False),))]),
        (back(tag="v1.5.0"), [RELEASED]),
        (back(patch=False), [RELEASED]),
        # Released again after the hook, the version has been proved against what it has left.
        (back(), [release(id="id-3", tag="v1.0.0").ending(Result.SUCCEEDED, START), RELEASED]),
        # An operator has gone back to it already, and it has served.
        (
            back(),
            [
                release(id="id-3", kind="rollback", target="blue", tag="v1.0.0").ending(Result.SUCCEEDED, START),
                RELEASED,
            ],
        ),
        (back(), [None]),
    ],
)
def test_other_versions_are_gone_back_to_as_before(plan: Plan, releases: list[ReleaseRecord | None]) -> None:
    assert refuse_gone(plan, releases) is None


def test_the_record_reads_the_hooks_that_it_has_written() -> None:
    written = FIRST.with_hook(HookRecord("tell", "beforeWarm", "2030-01-31T12:00:00Z")).with_hook(CONTRACT)
    written = written.with_hook(CONTRACT.ending(FAILED, START, "no"))
    document = json.loads(json.dumps(written.to_json()))
    assert ReleaseRecord.from_json(document) == written
    assert document["hooks"][1] == {
        "name": "contract",
        "point": "beforeRetire",
        "started": "2030-01-31T12:30:00Z",
        "ended": "2030-01-31T12:00:00Z",
        "outcome": "failed",
        "detail": "no",
        "irreversible": True,
    }
    later = {**document, "hooks": [{**document["hooks"][0], "later": 1}]}
    assert ReleaseRecord.from_json(later).to_json()["hooks"] == later["hooks"]


def test_a_record_of_an_earlier_program_has_no_hooks() -> None:
    document = FIRST.to_json()
    del document["hooks"], document["override"]
    read = ReleaseRecord.from_json(document)
    assert (read.hooks, read.override, read.irreversible) == ((), None, None)


def test_a_hook_that_is_taken_out_or_moved_does_not_run_again() -> None:
    hook = Hook(name="it", http=CALL, on_failure=OnFailure.STOP)
    command = fake_command(hooks=Hooks(before_warm=(hook,)))
    command.deploy(hold_after=Phase.WARM)
    moved = FakeCommand(command.world, hooks=Hooks(before_switch=(hook,)))
    moved.act("resume")
    moved.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert moved.world.sent == {"it": 1}
