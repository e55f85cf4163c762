"""The rollback that a release does itself: tried again while the API server is away, and what is said if it fails."""

from typing import Any

import pytest

from switchyard.errors import AccessDeniedError, ApiStatusError, UnreachableError
from switchyard.release import retries
from switchyard.release.deploy.runner import Ended
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import RollbackUnrecordedError
from tests.support.fake_release import FakeCommand


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that does not answer is asked once; tests that have it come back ask again."""
    monkeypatch.setattr(retries, "SECONDS", 0)
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def test_a_rollback_that_fails_holds_the_release_and_abort_tries_again() -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    command.fake_steps.rollback_error = UnreachableError("no answer")
    command.deploy()
    written = command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    assert "8 % failed. The rollback is not done: no answer (green serves)" in str(written.detail)
    command.fake_steps.rollback_error = None
    command.act("abort")
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


class Away:
    """An API server that starts anew: it refuses as many calls as there are errors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, command: FakeCommand, call: str, *errors: Exception) -> None:
        self.errors, self._call, self._command = list(errors), getattr(command.fake_steps, call), command
        monkeypatch.setattr(command.fake_steps, call, self)
        monkeypatch.setattr(retries, "SECONDS", 60)

    async def __call__(self, record: ReleaseRecord, *more: Any, **options: Any) -> Any:
        watched = bool(record.phases) and record.phases[-1].outcome == Event.BREACHED
        if watched and self.errors:
            raise self.errors.pop(0)
        return await self._call(record, *more, **options)


def test_an_api_server_that_refuses_the_record_stops_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    away = Away(monkeypatch, command, "write", ApiStatusError("patch", "configmaps/backend-release", 409, "changed"))
    command.deploy()
    assert away.errors == []
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


@pytest.mark.parametrize("call", ["roll_back", "write"])
def test_a_condemned_version_is_rolled_back_as_soon_as_the_api_server_is_back(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    errors = (UnreachableError("connection refused"), ApiStatusError("get", "services/backend", 503, "starting"))
    away = Away(monkeypatch, command, call, *(errors if call == "roll_back" else errors[:1]))
    command.deploy()
    assert away.errors == [], "the API server has answered at once"
    waited = {"roll_back": "the rollback to blue", "write": "the record that green is condemned"}[call]
    assert command.warnings == [
        f"backend: {waited} is tried again for 60 s at most, because the API server does not answer: connection refused"
    ]
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


def test_a_rollback_that_the_api_server_denies_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    denied = AccessDeniedError("patch", "services/backend", 403, "no")
    away = Away(monkeypatch, command, "roll_back", denied, denied)
    command.deploy()
    assert away.errors == [denied]
    command.expect(Result.RUNNING, Phase.WATCH, "green", held=True)


def unwritable(command: FakeCommand, monkeypatch: pytest.MonkeyPatch, attempts: int) -> list[str]:
    """Refuses that many writes of the record once the version is condemned; returns the phases of those refused."""
    write, refused = command.fake_steps.write, list[str]()

    async def written(record: ReleaseRecord) -> None:
        if record.phases and record.phases[-1].outcome == Event.BREACHED and len(refused) < attempts:
            refused.append(record.result)
            raise UnreachableError("no answer")
        await write(record)

    monkeypatch.setattr(command.fake_steps, "write", written)
    return refused


def test_an_api_server_that_is_away_when_a_version_is_condemned_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "SECONDS", 60)
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    refused = unwritable(command, monkeypatch, 3)
    command.deploy()
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert len(refused) == 3
    [warning] = command.warnings
    assert "backend: the record that green is condemned is tried again for 60 s at most" in warning
    assert "no answer" in warning


def test_a_record_that_cannot_be_written_stops_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    refused = unwritable(command, monkeypatch, 99)
    with pytest.raises(RollbackUnrecordedError) as raised:
        command.deploy()
    assert command.world.serving == "blue"
    assert refused == [Result.RUNNING, Result.ROLLED_BACK]
    text = str(raised.value)
    assert "backend: v2.0.1 in green is rolled back, and the record cannot be written: no answer (SY-P170)" in text
    assert text.endswith("blue serves again. As soon as the API server takes writes again: switchyard abort backend")
    refused.extend([""] * 99)
    command.act("abort")
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


@pytest.mark.parametrize(
    ("reads", "serves"), [(True, "green serves."), (False, "What serves cannot be read; green may still serve.")]
)
def test_a_rollback_that_is_not_done_in_the_end_says_what_serves(
    monkeypatch: pytest.MonkeyPatch, serves: str, *, reads: bool
) -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    refused = unwritable(command, monkeypatch, 99)
    command.fake_steps.rollback_error, command.fake_steps.unreachable = (
        UnreachableError("connection refused"),
        not reads,
    )
    with pytest.raises(RollbackUnrecordedError) as raised:
        command.deploy()
    assert (command.world.serving, refused) == ("green", [Result.RUNNING, Result.RUNNING])
    text = str(raised.value)
    assert "v2.0.1 in green is to be rolled back, and that is not done: connection refused (SY-P170)" in text
    later = (
        "As soon as the API server takes writes again: switchyard abort backend. If that takes too long, switch by hand"
    )
    assert text.endswith(f"{serves} {later}, and abort it later: kubectl patch service backend to blue")


def test_a_condemned_version_is_rolled_back_by_resume_without_another_watch() -> None:
    command = FakeCommand(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    command.fake_steps.rollback_error = UnreachableError("no answer")
    command.deploy()
    command.fake_steps.rollback_error, command.fake_steps.steps = None, []
    command.act("resume")
    command.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert command.fake_steps.steps == ["roll back"]
