"""An API server that is away or busy when the progress of a release is written: the release and its watch go on."""

from collections.abc import Callable
from typing import Any

import pytest

from switchyard.errors import AccessDeniedError, ApiStatusError, ClusterError, UnreachableError
from switchyard.release import retries
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import ReleaseUnrecordedError
from tests.support.fake_group import FakeGroupCommand
from tests.support.fake_release import FakeCommand, FakeSteps

GONE = UnreachableError("connection refused")
BUSY = ApiStatusError("update", "leases/backend-release", 429, "too many requests")
BREACHED = Ended(Event.BREACHED, "8 % failed")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def is_in(phase: Phase) -> Callable[[ReleaseRecord], bool]:
    return lambda record: record.running and bool(record.phases) and record.phases[-1].phase is phase


def away(
    monkeypatch: pytest.MonkeyPatch,
    steps: FakeSteps,
    is_refused: Callable[[ReleaseRecord], bool],
    *errors: ClusterError,
) -> list[ClusterError]:
    """Refuses writes of the record, as often as there are errors. Returns the errors that are left."""
    write, left = steps.write, list(errors)

    async def written(record: ReleaseRecord) -> None:
        if is_refused(record) and left:
            raise left.pop(0)
        await write(record)

    monkeypatch.setattr(steps, "write", written)
    return left


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_begins_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch, phase: Phase) -> None:
    command = FakeCommand()
    left = away(monkeypatch, command.fake_steps, is_in(phase), GONE, BUSY)
    command.deploy()
    assert left == []
    assert command.warnings == [retries.waiting("backend", f"the record of phase {phase}", GONE)]
    written = command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert [record.phase for record in written.phases] == list(Phase)


def test_a_lease_that_cannot_be_confirmed_at_once_does_not_end_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    command, left = FakeCommand(), [GONE, BUSY]

    async def confirmed() -> None:
        if command.world.serving == "green" and left:
            raise left.pop(0)

    monkeypatch.setattr(command.fake_steps, "confirm", confirmed)
    command.deploy()
    assert left == []
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("act", ["deploy", "retire"])
def test_the_end_of_a_release_is_written_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    command = FakeCommand(bake_seconds=0 if act == "deploy" else 3600)
    left = away(monkeypatch, command.fake_steps, lambda record: not record.running, GONE)
    command.deploy()
    if act == "retire":
        command.act("retire")
    assert left == []
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_hold_is_written_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.NO_VERDICT, "no requests")})
    left = away(monkeypatch, command.fake_steps, lambda record: record.held, GONE)
    command.deploy()
    assert left == []
    command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)


@pytest.mark.parametrize("phase", [Phase.DRAIN, Phase.WATCH])
@pytest.mark.parametrize("error", [GONE, AccessDeniedError("update", "leases/backend-release", 403, "no")])
def test_the_watch_judges_a_version_whose_phase_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch, phase: Phase, error: ClusterError
) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    command = FakeCommand(outcomes={Phase.WATCH: BREACHED})
    left = away(monkeypatch, command.fake_steps, is_in(phase), error)
    command.deploy()
    assert left == []
    written = command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    if phase is Phase.DRAIN:  # which changes configuration and state, and nobody has confirmed the Lease
        assert "drain" not in command.fake_steps.steps
        drain = next(record for record in written.phases if record.phase is Phase.DRAIN)
        assert drain.detail == f"not done, because the phase cannot be recorded: {error}"


def test_a_version_that_passed_and_cannot_be_recorded_is_named_and_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    command = FakeCommand()
    left = away(monkeypatch, command.fake_steps, is_in(Phase.BAKE), GONE)
    with pytest.raises(ReleaseUnrecordedError) as raised:
        command.deploy()
    assert left == []
    assert str(raised.value) == (
        "backend: phase bake of the release of v2.0.1 cannot be recorded: connection refused (SY-P171). green v2.0.1 "
        "serves. Once it can be recorded: switchyard resume backend (continues), or switchyard abort backend "
        "(reverts it)"
    )
    command.act("resume")
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_retirement_that_cannot_be_recorded_names_no_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    command = FakeCommand()
    away(monkeypatch, command.fake_steps, lambda record: not record.running, GONE)
    with pytest.raises(ReleaseUnrecordedError) as raised:
        command.deploy()
    assert str(raised.value).endswith("Once it can be recorded: switchyard resume backend (continues)")


def test_before_the_switch_the_old_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    command = FakeCommand()
    away(monkeypatch, command.fake_steps, is_in(Phase.PROVE), GONE)
    with pytest.raises(ReleaseUnrecordedError, match=r"blue v1\.0\.0 serves"):
        command.deploy()
    assert command.world.serving == "blue"


@pytest.mark.parametrize("hold_after", [None, Phase.DRAIN])
def test_the_rollback_of_a_bad_version_waits_for_no_write(
    monkeypatch: pytest.MonkeyPatch, hold_after: Phase | None
) -> None:
    command, errors = FakeCommand(outcomes={Phase.WATCH: BREACHED}), [GONE] * 3
    is_refused = is_in(Phase.DRAIN) if hold_after is None else lambda record: record.held
    left = away(monkeypatch, command.fake_steps, is_refused, *errors)
    monkeypatch.setattr(command.fake_steps, "is_condemned", lambda: len(left) < len(errors))
    command.deploy(hold_after)
    assert len(left) == 2, "the write was repeated"
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


def test_what_serves_is_asked_again_after_a_patch_whose_answer_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    command, left = FakeCommand(outcomes={Phase.SWITCH: GONE}), [GONE, BUSY]
    command.fake_steps.lost_answer = True
    live = command.fake_steps.live

    async def answered() -> Any:
        if left:
            raise left.pop(0)
        return await live()

    monkeypatch.setattr(command.fake_steps, "live", answered)
    command.deploy()
    assert left == []
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("phase", [Phase.DRAIN, Phase.WATCH])
def test_a_group_goes_on_when_the_record_of_one_service_is_written_late(
    monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    command = FakeGroupCommand(monkeypatch)
    left = away(monkeypatch, command.members["api"], is_in(phase), GONE, BUSY)
    command.deploy()
    assert left == []
    command.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("phase", [Phase.DRAIN, Phase.WATCH])
def test_a_group_goes_back_although_the_record_of_one_service_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    command = FakeGroupCommand(monkeypatch)
    command.outcomes["worker"][Phase.WATCH] = BREACHED
    left = away(monkeypatch, command.members["api"], is_in(phase), GONE)
    command.deploy()
    assert left == []
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
