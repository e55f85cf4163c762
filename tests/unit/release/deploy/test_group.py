"""What services that are released together learn of each other, and do once for those that come."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.release.deploy.acts import Warming
from switchyard.release.deploy.group import ReleaseGroup
from switchyard.release.deploy.group_refusals import refuse_others_together
from switchyard.release.deploy.runner import Ended
from switchyard.release.deploy.warm_changes import ColourChange
from switchyard.release.engine.engine import Step
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.hook import HookOutcome, HookRecord
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import LeaseLostError, TransitionError
from tests.support.fake_group import KEYS, FakeGroupCommand
from tests.support.fake_release import PODS, KilledError
from tests.support.group_world import FakeEngine


@pytest.mark.parametrize("event", [Event.LOST, Event.FAILED, Event.NO_VERDICT])
def test_a_version_that_is_condemned_after_its_release_was_lost_rolls_the_others_back(event: Event) -> None:
    group = ReleaseGroup({"api": Phase.DRAIN, "worker": Phase.WATCH})
    group.leave("api", Ended(event, "taken by bob"))
    assert group.condemned("worker") is None
    group.condemn("api", "8 % failed")
    ended = group.condemned("worker")
    assert ended is not None
    assert ended.event is Event.BREACHED
    assert "api, which is rolled back: 8 % failed" in str(ended.detail)


def test_the_first_reason_to_go_back_stays() -> None:
    group = ReleaseGroup({"api": Phase.WATCH, "worker": Phase.WATCH})
    group.condemn("api", "8 % failed")
    group.condemn("api", "the old colour serves again")
    assert "8 % failed" in str(group.condemned("worker"))


@pytest.mark.parametrize("noticed", [True, False])
def test_configuration_and_state_do_not_follow_a_version_that_another_command_has_taken_back(
    monkeypatch: pytest.MonkeyPatch, noticed: bool
) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    api = command.members["api"]
    switch, drain = api.switch, api.drain

    def roll_back_by_another_command() -> None:
        command.worlds["api"].serving = "blue"
        api.lost = True

    async def switch_taken_back(record: ReleaseRecord) -> Ended:
        await switch(record)
        roll_back_by_another_command()
        raise LeaseLostError("taken by bob")

    async def drain_taken_back(record: ReleaseRecord) -> Ended:
        roll_back_by_another_command()
        return await drain(record)

    if noticed:
        monkeypatch.setattr(api, "switch", switch_taken_back)
    else:
        monkeypatch.setattr(api, "drain", drain_taken_back)
    outcomes = command.deploy()
    assert isinstance(outcomes["api"], LeaseLostError)
    assert command.moments.order[-1] == "converge worker"
    assert {key: world.configured for key, world in command.worlds.items()} == {"api": "blue", "worker": "green"}


def test_once_a_version_is_condemned_nothing_is_brought_to_the_new_ones() -> None:
    async def act(_: object) -> None:
        raise AssertionError

    async def meet() -> object:
        group = ReleaseGroup(dict.fromkeys(KEYS, Phase.DRAIN))
        waits = asyncio.create_task(group.meet_on_the_way("api", Phase.DRAIN, "green", act))
        await asyncio.sleep(0)
        assert not waits.done(), "it did not wait for the other one"
        group.condemn("worker", "8 % failed")
        return await waits

    assert asyncio.run(meet()) is None


def test_releases_that_end_in_different_ways_do_not_wait_for_each_other() -> None:
    async def act(values: Mapping[str, str]) -> Mapping[str, str]:
        return values

    async def meet() -> list[str]:
        group = ReleaseGroup(dict.fromkeys(KEYS, Phase.SWITCH))
        ways = (group.meet_those_that_come(key, way, key, act) for key, way in zip(KEYS, ("back", "away"), strict=True))
        return await asyncio.wait_for(asyncio.gather(*ways), 10)

    assert asyncio.run(meet()) == list(KEYS)


def killed_before_update(monkeypatch: pytest.MonkeyPatch) -> FakeGroupCommand:
    """Services whose deploy was killed after it had written the configuration."""

    def kill(_: FakeEngine) -> None:
        raise KilledError

    with monkeypatch.context() as during:
        command = FakeGroupCommand(during)
        during.setattr(FakeEngine, "up", kill)
        with pytest.raises(KilledError):
            command.deploy()
    assert command.engine.config == {f"{key}-green": {"replicas": PODS} for key in KEYS}
    assert command.engine.state == {}
    return command


def test_new_versions_that_the_state_does_not_have_are_withdrawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    killed = killed_before_update(monkeypatch)
    command = FakeGroupCommand(monkeypatch, killed.moments)
    command.engine = killed.engine
    command.act("abort")
    command.expect(Result.FAILED, Phase.WARM, "blue")
    assert (command.engine.previews, command.engine.updates) == (2, 1)
    assert command.engine.state == {f"{key}-green": {"replicas": 0} for key in KEYS}


def test_versions_that_serve_go_back_before_the_others_are_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.deploy(hold_after=Phase.PROVE)
    command.worlds["api"].serving = "green"  # the command has died between two selectors
    command.act("abort")
    assert command.serving == {"blue"}
    assert [command.record(key).result for key in KEYS] == [Result.ROLLED_BACK, Result.FAILED]
    assert command.worlds["worker"].pods["green"] == 0


def test_what_is_refused_when_pods_are_deleted_names_no_update_that_may_create_them() -> None:
    steps = [Step("urn:pulumi:test::shop::x::other", "update")]
    warming = Warming(ColourChange("api", Colour.GREEN, {"tag": "v2", "replicas": PODS}), "v2")
    removal = Warming(ColourChange("api", Colour.GREEN, {"replicas": 0}), "v2")
    assert "First: pulumi up. Then: switchyard deploy api v2" in warming.refusal_of_others(steps)
    together = str(refuse_others_together(dict.fromkeys(KEYS, "green"), steps, removes=True))
    for text in (removal.refusal_of_others(steps), together):
        assert "pulumi up" not in text
        assert "switchyard deploy" not in text
        assert "See the other changes: pulumi preview" in text


FAILED_HOOK = HookRecord(
    "contract", "beforeRetire", "2030-01-31T12:00:00Z", "2030-01-31T12:00:01Z", HookOutcome.FAILED, irreversible=True
)


@pytest.mark.parametrize("hooks", [(), (FAILED_HOOK,)])
def test_an_abort_that_one_service_stops_names_the_rollback_of_the_other(
    monkeypatch: pytest.MonkeyPatch, hooks: tuple[HookRecord, ...]
) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    command.deploy()
    worker = command.worlds["worker"]
    worker.releases = worker.releases.writing(
        replace(command.record("worker"), phase=Phase.RETIRE, held=True, hooks=hooks)
    )
    if not hooks:
        worker.pods["blue"] = 0  # it was retired, but for the record
    with pytest.raises(GateRefusedError if hooks else TransitionError) as error:
        command.act("abort")
    assert command.serving == {"green"}
    assert "switchyard resume worker" in str(error.value)
    assert ". To roll back api, and leave worker as it is: switchyard rollback api" in str(error.value)


def test_an_abort_that_all_services_stop_names_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    command.deploy()
    for key, world in command.worlds.items():
        world.releases = world.releases.writing(replace(command.record(key), phase=Phase.RETIRE, hooks=(FAILED_HOOK,)))
    with pytest.raises(GateRefusedError) as error:
        command.act("abort")
    assert "To roll back" not in str(error.value)
