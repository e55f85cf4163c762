"""An abort ends a command without a terminal once, however many Leases it holds, and waits while it changes pods."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchyard.cli import detached_end
from switchyard.cli.detached_end import end_detached
from switchyard.release.record.lease_holder import Held

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def held(process: int, phase: str) -> Held:
    identity = f"ada@laptop/{process}/n"
    return Held(identity, "deploy", phase, NOW, NOW, timedelta(seconds=15), {}, detached=True)


@dataclass
class FakeJournal:
    held: Held | None
    waited: list[Held] = field(default_factory=list)

    async def holder(self) -> Held | None:
        return self.held

    def now(self) -> datetime:
        return NOW

    async def wait_for_end(self, other: Held, _: float) -> None:
        self.waited.append(other)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Processes that were interrupted, in order. Process 9 is on another machine."""
    asked: list[int] = []

    def interrupt(other: Held) -> bool:
        if other.process == 9:
            return False
        asked.append(other.process)
        return True

    monkeypatch.setattr(detached_end, "interrupt", interrupt)
    return asked


def end(journals: Any) -> list[str]:
    warnings: list[str] = []
    asyncio.run(end_detached(journals, warnings.append))
    return warnings


def test_a_command_that_holds_several_leases_is_interrupted_once_and_awaited_for_each(interrupted: list[int]) -> None:
    journals = {"api": FakeJournal(held(7, "warm")), "worker": FakeJournal(held(7, "warm"))}
    assert end(journals) == ["api: interrupts ada@laptop (process 7, detached) runs deploy, in phase warm, for 0 s"]
    assert interrupted == [7]
    assert [len(journal.waited) for journal in journals.values()] == [1, 1]


def test_only_a_service_whose_pods_are_changed_is_waited_for(interrupted: list[int]) -> None:
    journals = {"api": FakeJournal(held(7, "hook")), "worker": FakeJournal(held(7, "warm")), "web": FakeJournal(None)}
    end(journals)
    assert interrupted == [7]
    assert [len(journal.waited) for journal in journals.values()] == [0, 1, 0]


def test_a_command_that_cannot_be_interrupted_is_not_waited_for(interrupted: list[int]) -> None:
    journals = {"api": FakeJournal(held(9, "warm")), "worker": FakeJournal(held(7, "retire"))}
    assert [warning.partition(":")[0] for warning in end(journals)] == ["worker"]
    assert interrupted == [7]
    assert [len(journal.waited) for journal in journals.values()] == [0, 1]
