"""Hooks after `switchyard rollback` are run by the command that rolls back, and not once it has ended."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from switchyard.cli import rollback_hooks
from switchyard.cli.rollback_hooks import run_rollback_hooks
from switchyard.release.hooks.hooks import HookRuns
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.observed import NAME, settings
from tests.support.release_records import record

HOOKS = {"onRollback": [{"name": "alert", "http": {"url": "https://ci.example.org"}}]}


@dataclass
class Parts:
    """The cluster, the journal and the report of a rollback."""

    begun: bool
    record: ReleaseRecord = field(default_factory=lambda: record(kind="rollback"))
    api: object = None

    def now(self) -> None:
        raise NotImplementedError

    def warn(self, line: str) -> None:
        raise AssertionError(line)

    hook_ended = warn


@pytest.mark.parametrize("begun", [True, False])
def test_hooks_of_a_rollback_that_has_ended_are_not_run_again(monkeypatch: pytest.MonkeyPatch, *, begun: bool) -> None:
    called: list[str] = []

    async def after_rollback(_: HookRuns, release: ReleaseRecord, __: str) -> None:
        called.append(release.kind)

    monkeypatch.setattr(rollback_hooks, "after_rollback", after_rollback)
    parts: Any = Parts(begun)
    asyncio.run(run_rollback_hooks(parts, settings(release={"hooks": HOOKS}), NAME, parts, parts))
    assert called == (["rollback"] if begun else [])
