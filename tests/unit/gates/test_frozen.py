"""An update switches no colour while a window without releases is open."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from switchyard.config.models.releases import Freeze
from switchyard.config.models.service import Track
from switchyard.manifests.labels import selector
from tests.support.fake_record import Record
from tests.unit.gates.test_service import FakeCluster, GatesUnderTest, gates_on, refusal

FREEZE = Freeze.model_validate(
    {"reason": "holidays", "by": "ada", "from": "2026-12-24T00:00:00Z", "until": "2026-12-27T00:00:00Z"}
)
FROZEN, THAWED = datetime(2026, 12, 25, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC)


@dataclass
class Clock(Record):
    """An API server with a record and a clock."""

    now: datetime = field(default=FROZEN)

    async def date(self) -> datetime:
        return self.now


def on(
    monkeypatch: pytest.MonkeyPatch, track: Track | None, now: datetime = FROZEN, freeze: Freeze = FREEZE
) -> GatesUnderTest:
    class Frozen(FakeCluster):
        """A cluster with this clock."""

        api: ClassVar[Any] = Clock(now=now)

    selected = None if track is None else selector("backend", track)
    it = gates_on(monkeypatch, Frozen(selected=selected, behind=("a",)))
    it.gates.freezes = (freeze,)
    return it


@pytest.mark.parametrize("preview", [True, False])
def test_a_switch_while_releases_are_frozen_is_refused(monkeypatch: pytest.MonkeyPatch, *, preview: bool) -> None:
    it = on(monkeypatch, Track.GREEN)
    text = refusal(it.gates.before_switch(creating=False, preview=preview))
    assert "the switch to blue is refused (SY-P100): releases are frozen: holidays (by ada), until 2026-12-27" in text
    assert "switchyard rollback backend" in text
    assert 'switchyard switch backend blue --override "REASON"' in text


def test_an_update_after_a_switch_that_was_overridden_is_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    it = on(monkeypatch, Track.BLUE)  # what the command has patched, and the configuration has since
    asyncio.run(it.gates.before_switch(creating=False, preview=False))


@pytest.mark.parametrize(
    ("track", "now", "freeze"),
    [
        (Track.GREEN, THAWED, FREEZE),
        (Track.GREEN, FROZEN, FREEZE.model_copy(update={"services": ("worker",)})),
        (None, FROZEN, FREEZE),
    ],
)
def test_an_update_outside_of_the_window_is_permitted(
    monkeypatch: pytest.MonkeyPatch, track: Track | None, now: datetime, freeze: Freeze
) -> None:
    it = on(monkeypatch, track, now, freeze)
    asyncio.run(it.gates.before_switch(creating=False, preview=True))
