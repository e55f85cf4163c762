"""An API server that is away when it is to be written how a hook has ended: no watch and no rollback ends with it."""

import asyncio

import pytest

from switchyard.config.models.hooks import HookPoint, Hooks
from switchyard.errors import UnreachableError
from switchyard.release import retries
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.fake_release import FakeCommand
from tests.support.hooks_everywhere import CALL


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that does not answer is asked once; tests that have it come back ask again."""
    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def single(point: HookPoint) -> Hooks:
    return Hooks.model_validate({point.value: [{"name": "it", "http": CALL}]})


def away_while_hooks_are_written(command: FakeCommand, monkeypatch: pytest.MonkeyPatch, point: HookPoint) -> None:
    """The API server does not answer when it is to be written how a hook of a point has ended."""
    write_hooks = command.fake_steps.write_hooks

    async def written(record: ReleaseRecord) -> None:
        if any(hook.point == point and hook.outcome is not None for hook in record.hooks):
            raise UnreachableError("no answer")
        await write_hooks(record)

    monkeypatch.setattr(command.fake_steps, "write_hooks", written)


@pytest.mark.parametrize(
    ("verdict", "result", "serving"),
    [
        (Ended(Event.BREACHED, "bad"), Result.ROLLED_BACK, "blue"),
        (Ended(Event.PASSED, "good"), Result.RUNNING, "green"),
    ],
)
def test_the_watch_goes_on_when_the_end_of_a_hook_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, verdict: Ended, result: Result, serving: str
) -> None:
    command = FakeCommand(hooks=single(HookPoint.AFTER_SWITCH))
    away_while_hooks_are_written(command, monkeypatch, HookPoint.AFTER_SWITCH)

    async def watch(_: ReleaseRecord) -> Ended:
        await asyncio.sleep(0.01)  # the hook has ended by then
        return verdict

    monkeypatch.setattr(command.fake_steps, "watch", watch)
    command.deploy()
    written = command.expect(result, Phase.WATCH, serving, held=result is Result.RUNNING)
    assert "the hooks are not finished: no answer" in str(written.phases[-1].detail)
    assert command.world.sent == {"it": 1}


def test_a_rollback_ends_when_the_end_of_its_hook_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(hooks=single(HookPoint.ON_ROLLBACK))
    away_while_hooks_are_written(command, monkeypatch, HookPoint.ON_ROLLBACK)
    command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")
    command.deploy()
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert "the hooks are not finished: no answer" in str(written.detail)


@pytest.mark.parametrize("point", [HookPoint.AFTER_SWITCH, HookPoint.BEFORE_RETIRE, HookPoint.ON_ROLLBACK])
def test_a_hook_is_written_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch, point: HookPoint) -> None:
    monkeypatch.setattr(retries, "SECONDS", 60)
    command, left = FakeCommand(hooks=single(point)), [UnreachableError("connection refused")] * 2
    if point is HookPoint.ON_ROLLBACK:
        command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")
    write_hooks = command.fake_steps.write_hooks

    async def written(record: ReleaseRecord) -> None:
        if len(left) > (record.hooks[-1].outcome is None):  # once at the start of the hook, and once at its end
            raise left.pop()
        await write_hooks(record)

    monkeypatch.setattr(command.fake_steps, "write_hooks", written)
    record = command.deploy()
    assert left == []
    assert record.result is (Result.ROLLED_BACK if point is HookPoint.ON_ROLLBACK else Result.SUCCEEDED)
    assert ([hook.outcome for hook in record.hooks], command.world.sent) == (["passed"], {"it": 1})
