"""A configuration that the drain of a release could not update, or that somebody has changed since."""

from dataclasses import replace
from datetime import timedelta

import pytest

from switchyard.errors import GateRefusedError
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import LeaseLostError
from tests.support.fake_release import FakeCommand


async def undrained(_: ReleaseRecord) -> Ended:
    """A drain that cannot update the configuration."""
    return Ended(Event.PASSED, "the state cannot be reached")


def has_never_been_configured(command: FakeCommand) -> None:
    """Has a release that bakes whose drain could not update the configuration."""
    current = command.world.releases.current
    assert current is not None
    command.world.configured = "blue"
    command.world.releases = command.world.releases.writing(replace(current, configured=False))


@pytest.mark.parametrize(("act", "ends"), [("resume", Phase.BAKE), ("retire", Phase.RETIRE)])
def test_a_configuration_without_the_new_colour_is_updated_when_a_release_that_bakes_goes_on(
    act: str, ends: Phase
) -> None:
    command = FakeCommand(bake_seconds=3600)
    command.deploy()
    assert "converge" not in command.fake_steps.steps, "the drain has done so"
    has_never_been_configured(command)
    again = FakeCommand(command.world, bake_seconds=3600)
    again.act(act)
    assert (again.world.configured, again.fake_steps.steps[0]) == ("green", "converge")
    assert again.warnings == ["configuration and state are updated"]
    again.expect(Result.RUNNING if ends is Phase.BAKE else Result.SUCCEEDED, ends, "green")


def test_a_configuration_that_the_drain_could_not_update_is_updated_after_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = FakeCommand()
    monkeypatch.setattr(command.fake_steps, "drain", undrained)
    command.deploy()
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert command.world.configured == "green"
    assert command.fake_steps.steps == ["warm", "prove", "switch", "watch", "converge", "retire"]


@pytest.mark.parametrize("act", ["resume", "retire"])
def test_a_configuration_that_an_operator_has_changed_since_the_drain_is_left_as_it_is(act: str) -> None:
    command = FakeCommand(bake_seconds=3600)
    command.deploy()
    command.world.configured = "blue"  # the operator's rollback, before `pulumi up`
    command.world.time += timedelta(seconds=3600)
    again = FakeCommand(command.world, {Phase.RETIRE: GateRefusedError("changed by an operator")}, bake_seconds=3600)
    again.act(act)
    again.expect(Result.RUNNING, Phase.RETIRE, "green", held=True)
    assert (again.world.configured, again.warnings, again.fake_steps.steps) == ("blue", [], ["retire"])


@pytest.mark.parametrize("act", ["resume", "retire"])
@pytest.mark.parametrize("state", ["bakes", "held in retire", "killed in retire"])
def test_a_rollback_may_take_the_lease_while_the_configuration_is_updated_before_the_retirement(
    monkeypatch: pytest.MonkeyPatch, act: str, state: str
) -> None:
    bakes = state == "bakes"
    command = FakeCommand(
        outcomes={} if bakes else {Phase.RETIRE: GateRefusedError("no")}, bake_seconds=3600 if bakes else 0
    )
    command.deploy()
    has_never_been_configured(command)
    if state == "killed in retire":
        held = command.expect(Result.RUNNING, Phase.RETIRE, "green", held=True)
        phases = (*held.phases[:-1], replace(held.phases[-1], ended=None, outcome=None, detail=None))
        command.world.releases = command.world.releases.writing(replace(held, held=False, detail=None, phases=phases))
    again = FakeCommand(command.world, bake_seconds=0)
    steps, order = again.fake_steps, list[str]()
    enter, converge = steps.enter, steps.converge

    async def entered(record: ReleaseRecord) -> None:
        order.append(record.phase)
        await enter(record)

    async def converged(record: ReleaseRecord) -> str:
        order.append("converge")
        return await converge(record)

    monkeypatch.setattr(steps, "enter", entered)
    monkeypatch.setattr(steps, "converge", converged)
    again.act(act)
    assert order[:2] == [Phase.BAKE, "converge"]
    assert order[-1] is Phase.RETIRE
    again.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_release_that_is_rolled_back_while_it_updates_the_configuration_does_not_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = FakeCommand(bake_seconds=3600)

    async def rolled_back(_: ReleaseRecord) -> str:
        command.world.serving, command.fake_steps.lost = "blue", True  # `switchyard rollback` took the Lease
        return "the other update has not ended"

    monkeypatch.setattr(command.fake_steps, "drain", undrained)
    monkeypatch.setattr(command.fake_steps, "converge", rolled_back)
    with pytest.raises(LeaseLostError):
        command.deploy()
    assert command.world.serving == "blue"


@pytest.mark.parametrize("is_updated", [True, False])
def test_the_record_says_whether_the_drain_has_updated_the_configuration(
    monkeypatch: pytest.MonkeyPatch, *, is_updated: bool
) -> None:
    command = FakeCommand()
    if not is_updated:
        monkeypatch.setattr(command.fake_steps, "drain", undrained)
    command.deploy(hold_after=Phase.DRAIN)
    assert command.expect(Result.RUNNING, Phase.WATCH, "green", held=True).configured == is_updated
