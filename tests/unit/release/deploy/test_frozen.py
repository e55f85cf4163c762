"""A window that opens while a release runs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.config.models.hooks import Hooks
from switchyard.config.models.releases import Freeze
from switchyard.release.deploy.frozen import FreezeCheck, check_freeze
from switchyard.release.deploy.protocol import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.text import deploying
from tests.support.fake_group import KEYS, FakeGroupCommand
from tests.support.fake_release import FakeCommand, release
from tests.support.hooks_everywhere import EVERYWHERE

FREEZE = Freeze.model_validate(
    {"reason": "holidays", "by": "ada", "from": "2030-01-31T12:00:00Z", "until": "2030-02-01T12:00:00Z"}
)


class Clock:
    """An API server whose clock the test sets."""

    now = datetime(2030, 1, 31, 11, 0, tzinfo=UTC)

    async def date(self) -> datetime:
        return self.now


def releasing(
    api: Any, hooks: Hooks | None = None, override: str | None = None, reason: str | None = None
) -> FakeCommand:
    async def permit(record: ReleaseRecord) -> str | None:
        record = release(override=override, phase=record.phase)
        return await check_freeze(api, (FREEZE,), record, deploying(record, {}), reason)

    return FakeCommand(hooks=hooks, around=lambda own: FreezeCheck(own, permit))


@pytest.mark.parametrize("hooks", [None, EVERYWHERE])
def test_a_window_that_opens_before_the_switch_refuses_it(hooks: Hooks | None) -> None:
    api = Clock()
    api.now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    command = releasing(api, hooks)
    command.deploy()
    written = command.expect(Result.REFUSED, Phase.SWITCH, "blue")
    assert "switch" not in command.fake_steps.steps
    detail = str(written.detail)
    assert "backend: the switch to green v2.0.1 is refused (SY-P100)" in detail
    assert "releases are frozen by a window that has opened during the release: holidays (by ada), until" in detail
    assert 'To override the freeze: switchyard deploy backend v2.0.1 --override "REASON"' in detail
    # The hooks before the switch have run by then: one of them may have waited for an approval.
    assert [hook.point for hook in written.hooks[2:]] == (["beforeSwitch"] if hooks else [])


def test_an_override_permits_the_switch() -> None:
    api = Clock()
    api.now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    command = releasing(api, override="a fix (in the freeze: holidays)")
    command.deploy()
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("hooks", [None, EVERYWHERE])
def test_an_override_counts_for_a_window_that_opens_during_the_release(hooks: Hooks | None) -> None:
    api = Clock()
    api.now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    command = releasing(api, hooks, reason="a fix")
    command.deploy()
    written = command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert str(written.override).startswith("a fix (in the freeze: holidays (by ada), until")


def test_a_window_that_opens_after_the_switch_delays_no_rollback() -> None:
    api = Clock()
    command = releasing(api, EVERYWHERE)
    command.outcomes[Phase.WATCH] = Ended(Event.BREACHED, "bad")

    async def opens() -> None:
        if command.world.serving == "green":
            api.now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)

    command.fake_steps.after_write = opens
    command.deploy()
    assert api.now.hour == 12
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert written.hooks[-1].point == "onRollback"


@pytest.mark.parametrize("frozen", KEYS)
def test_a_window_for_one_of_several_services_switches_none(monkeypatch: pytest.MonkeyPatch, frozen: str) -> None:
    api: Any = Clock()
    api.now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    window = FREEZE.model_copy(update={"services": (frozen,)})
    versions = dict.fromkeys(KEYS, "v2.0.1")

    async def permit(record: ReleaseRecord) -> str | None:
        return await check_freeze(api, (window,), record, deploying(record, versions))

    command = FakeGroupCommand(monkeypatch, around=lambda _, own: FreezeCheck(own, permit))
    command.deploy()
    command.expect(Result.REFUSED, Phase.SWITCH, "blue")
    detail = str(command.record(frozen).detail)
    assert f"{frozen}: the switch to green v2.0.1 is refused (SY-P100)" in detail
    assert 'switchyard deploy api=v2.0.1 worker=v2.0.1 --together --override "REASON"' in detail
    [other] = set(KEYS) - {frozen}
    assert f"released together with {frozen}, which " in str(command.record(other).detail)
