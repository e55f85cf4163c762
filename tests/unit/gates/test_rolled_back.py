"""An update does not bring back a version that was rolled back."""

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from switchyard.config.models.service import Track
from switchyard.kube.rolled_back import RolledBack
from switchyard.manifests.labels import selector
from tests.support.fake_record import Record
from tests.unit.gates.test_service import DENIED, FakeCluster, gates_on, refusal

ROLLBACK = RolledBack("blue", "v1", "20260102-1f0c", "2026-01-02T03:04:05Z", "ann", "errors")


def on_green(record: Record) -> FakeCluster:
    class Recorded(FakeCluster):
        """A cluster with this record."""

        api: ClassVar[Any] = record

    return Recorded(selected=selector("backend", Track.GREEN), behind=("a",))


@pytest.mark.parametrize("preview", [True, False])
def test_a_version_that_was_rolled_back_is_refused(monkeypatch: pytest.MonkeyPatch, *, preview: bool) -> None:
    it = gates_on(monkeypatch, on_green(Record((ROLLBACK,))))
    text = refusal(it.gates.before_switch(creating=False, preview=preview))
    assert "the switch to blue is refused (SY-P005): v1 in blue was rolled back" in text
    assert "switchyard switch backend blue" in text


@pytest.mark.parametrize("other", [replace(ROLLBACK, tag="v2"), replace(ROLLBACK, colour="green")])
def test_another_version_than_the_one_rolled_back_is_permitted(
    monkeypatch: pytest.MonkeyPatch, other: RolledBack
) -> None:
    it = gates_on(monkeypatch, on_green(Record((other,))))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_an_operator_may_bring_back_a_version_that_was_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(Record((ROLLBACK,))))
    it.gates.intended = True
    asyncio.run(it.gates.before_switch(creating=False, preview=True))


def test_a_record_that_may_not_be_read_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, on_green(Record(error=DENIED)))
    asyncio.run(it.gates.before_switch(creating=False, preview=True))
    [warning] = it.warned
    assert "(SY-P006)" in warning
