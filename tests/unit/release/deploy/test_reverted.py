"""A selector that somebody else changes back during a release, as `pulumi up` of a previous configuration does."""

import asyncio
from typing import Any

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import exit_code
from switchyard.config.models.hooks import Hook
from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.release import retries
from switchyard.release.deploy.runner import Ended
from switchyard.release.hooks.hooks import HookResult
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import LeaseLostError
from tests.support.fake_group import KEYS, FakeGroupCommand
from tests.support.fake_release import PODS, FakeCommand, FakeSteps
from tests.support.hooks_everywhere import EVERYWHERE

VERDICTS = [
    Ended(Event.PASSED, "0 of 601 requests failed"),
    Ended(Event.BREACHED, "0 of 0 pods are ready for 10 s"),
    Ended(Event.NO_VERDICT, "no requests"),
]


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def revert_while_watching(monkeypatch: pytest.MonkeyPatch, steps: FakeSteps) -> None:
    watch = steps.watch

    async def watched(*arguments: Any) -> Ended:
        steps.world.serving = "blue"
        return await watch(*arguments)

    monkeypatch.setattr(steps, "watch", watched)


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.event)
def test_a_verdict_about_a_version_that_no_longer_serves_does_not_count(
    monkeypatch: pytest.MonkeyPatch, verdict: Ended
) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: verdict})
    revert_while_watching(monkeypatch, command.fake_steps)
    command.deploy()
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert str(written.detail).startswith("the old colour serves again")
    assert written.phases[-1].outcome == "reverted"
    assert exit_code(written, DeployRequest(Act.DEPLOY, "backend", "v2.0.1")) == 1
    assert not command.world.marked, "the version may not be deployed again"
    assert command.world.configured == "blue"


def test_a_change_during_a_hook_that_outlasts_the_watch_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(hooks=EVERYWHERE)
    run, verdicts = command.calls.run, list[str]()

    async def changed(hook: Hook, *arguments: Any) -> HookResult:
        if hook.name == "purge":  # at afterSwitch
            while "watch" not in command.fake_steps.steps:
                await asyncio.sleep(0)
            await asyncio.sleep(0)  # the watch has ended
            verdicts.extend(command.fake_steps.steps)
            command.world.serving = "blue"
        return await run(hook, *arguments)

    monkeypatch.setattr(command.calls, "run", changed)
    command.deploy()
    assert verdicts[-1] == "watch"
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


@pytest.mark.parametrize("act", ["resume", "retire"])
def test_a_bake_that_is_reverted_condemns_no_version(act: str) -> None:
    command = FakeCommand(bake_seconds=3600)
    command.deploy()
    command.world.serving = "blue"
    command.act(act)
    command.expect(Result.ROLLED_BACK, Phase.BAKE, "blue")
    assert not command.world.marked


def test_a_version_that_failed_its_watch_stays_condemned_when_somebody_else_has_reverted_it() -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    command.fake_steps.rollback_error = UnreachableError("no answer")
    command.deploy()
    command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    command.fake_steps.rollback_error, command.world.serving = None, "blue"
    command.act("resume")
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert command.world.marked


def test_a_verdict_counts_when_what_serves_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, verdict, result in (
        (UnreachableError("no answer"), VERDICTS[0], Result.SUCCEEDED),
        (UnreachableError("no answer"), VERDICTS[1], Result.ROLLED_BACK),
        (GateRefusedError("no Service"), VERDICTS[1], Result.ROLLED_BACK),
    ):
        command = FakeCommand(outcomes={Phase.WATCH: verdict})
        raised = list[Exception]()

        async def live(error: Exception = error, raised: list[Exception] = raised) -> Any:
            raised.append(error)
            raise error

        monkeypatch.setattr(command.fake_steps, "live", live)
        assert command.deploy().result is result
        assert raised == [error]


def test_a_service_that_selects_no_colour_after_its_watch_holds_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand()

    async def live() -> Any:
        raise GateRefusedError("the Service selects neither colour")

    monkeypatch.setattr(command.fake_steps, "live", live)
    command.deploy()
    written = command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    assert written.detail == "the Service selects neither colour"


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.event)
@pytest.mark.parametrize("hooks", [False, True])
def test_a_service_of_a_group_that_is_reverted_takes_the_others_back(
    monkeypatch: pytest.MonkeyPatch, verdict: Ended, hooks: bool
) -> None:
    command = FakeGroupCommand(monkeypatch, with_hooks=hooks)
    command.outcomes["api"][Phase.WATCH] = verdict
    revert_while_watching(monkeypatch, command.members["api"])
    command.members["worker"].watch_turns = 1000
    command.deploy()
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    reason = "released together with api, which is rolled back: the old colour serves again (SY-P137)"
    assert str(command.record("worker").detail).startswith(reason)
    assert (command.worlds["api"].marked, command.members["worker"].because) == (False, "api")
    assert all(world.configured == "blue" for world in command.worlds.values())


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.event)
def test_the_rollback_of_one_service_of_a_group_holds_the_others_where_they_are(
    monkeypatch: pytest.MonkeyPatch, verdict: Ended
) -> None:
    command = FakeGroupCommand(monkeypatch)
    command.outcomes["api"][Phase.WATCH] = verdict
    api = command.members["api"]
    watch = api.watch

    async def rolled_back(record: ReleaseRecord) -> Ended:
        ended = await watch(record)
        api.world.serving, api.lost = "blue", True  # `switchyard rollback api` took its Lease
        return ended

    monkeypatch.setattr(api, "watch", rolled_back)
    outcomes = command.deploy()
    assert isinstance(outcomes["api"], LeaseLostError)
    worker = command.record("worker")
    assert (worker.running, worker.held, worker.phase) == (True, True, Phase.WATCH)
    assert command.worlds["worker"].serving == "green"
    assert "roll back" not in [*api.steps, *command.members["worker"].steps]


def test_a_baking_service_of_a_group_that_cannot_go_back_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeGroupCommand(monkeypatch, bake_seconds=dict.fromkeys(KEYS, 3600))
    command.outcomes["worker"][Phase.WATCH] = Ended(Event.NO_VERDICT, "no requests")
    command.deploy()
    api = command.record("api")
    passed = api.leaving("passed", command.members["api"].now()).entering(Phase.BAKE, command.members["api"].now())
    command.worlds["api"].releases = command.worlds["api"].releases.writing(passed)
    command.worlds["api"].pods["blue"] = PODS - 1
    command.outcomes["worker"][Phase.WATCH] = Ended(Event.BREACHED, "8 % failed")
    outcomes = command.act("resume")
    api = command.record("api")
    assert (api.running, api.held, api.phase, command.worlds["api"].serving) == (True, True, Phase.BAKE, "green")
    assert api.detail == (
        "released together with worker, which was rolled back. The rollback is not done: not all pods of blue are "
        "ready (green serves)"
    )
    assert outcomes["api"] == api
    assert exit_code(api, DeployRequest(Act.RESUME, "api")) == 1
    assert (command.record("worker").result, command.worlds["worker"].serving) == (Result.ROLLED_BACK, "blue")

    command.worlds["api"].pods["blue"] = PODS
    command.act("abort")
    assert (command.record("api").result, command.serving) == (Result.ROLLED_BACK, {"blue"})
