"""What a switch or a rollback passes and asks besides the selector, as fakes for every test of a module."""

from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.release.drain.report import DrainReport


@pytest.fixture(autouse=True)
def drained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is asked of the pods of both colours about their connections: act, colour, seconds, and whether at once."""
    asked: list[tuple[Any, ...]] = []

    async def drain(
        _: object, __: str, ___: object, colour: Colour, seconds: float | None, *, rolled_back: bool
    ) -> DrainReport:
        asked.append(("drain", colour, seconds, rolled_back))
        return DrainReport(colour, DrainMethod.RENEW, pods=3, failed=("blue-1", "blue-2", "blue-3"))

    async def undrain(_: object, __: str, ___: object, colour: Colour) -> DrainReport:
        asked.append(("undrain", colour))
        return DrainReport(colour, DrainMethod.NONE)

    monkeypatch.setattr("switchyard.release.switch.fast_lane.drain", drain)
    monkeypatch.setattr("switchyard.release.switch.fast_lane.undrain", undrain)
    return asked


@pytest.fixture(autouse=True)
def gates(monkeypatch: pytest.MonkeyPatch) -> list[BlueGreenGates]:
    """The gates that a switch has passed."""
    passed: list[BlueGreenGates] = []

    async def before_switch(self: BlueGreenGates, *, creating: bool, preview: bool) -> None:
        assert not creating
        assert not preview
        passed.append(self)

    monkeypatch.setattr(BlueGreenGates, "before_switch", before_switch)
    monkeypatch.setattr("switchyard.release.switch.following.FOLLOW_SECONDS", 0.2)
    return passed
