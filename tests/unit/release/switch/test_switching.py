"""The patch of a selector that somebody else has changed since it was read."""

from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, GateRefusedError
from switchyard.release.plan import Act, Plan
from switchyard.release_errors import LeaseLostError
from tests.support.fake_lane import FakeCluster, Lane, Table
from tests.support.lane_fixtures import drained, gates
from tests.support.observed import live, observed

__all__ = ["drained", "gates"]

CONFLICT = ApiStatusError("patch", "services/backend", 409, "the object has been modified")


def test_an_annotation_by_a_controller_meanwhile_does_not_stop_the_patch() -> None:
    it = Lane(FakeCluster(Table([CONFLICT], live(Colour.BLUE))))
    it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert len(it.cluster.api.patches) == 1


@pytest.mark.parametrize("service", [None, live(Colour.GREEN)], ids=["deleted", "switched by another"])
def test_a_service_that_somebody_has_changed_meanwhile_is_left_alone(service: dict[str, Any] | None) -> None:
    it = Lane(FakeCluster(Table([CONFLICT], service)))
    with pytest.raises(GateRefusedError, match="SY-P031"):
        it.run(Plan(Act.ROLLBACK, observed(), Colour.GREEN))
    assert it.cluster.api.patches == []
    assert it.events[2].startswith("end False")


@pytest.mark.parametrize("act", [Act.SWITCH, Act.ROLLBACK])
def test_a_command_that_was_suspended_before_its_patch_does_not_undo_what_others_have_decided(
    monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    it = Lane(FakeCluster(Table([CONFLICT], live(Colour.BLUE))))  # they have switched, and have switched back
    confirm, left = it.journal.confirm, 1

    async def confirmed_once() -> None:
        nonlocal left
        if left == 0:
            raise LeaseLostError("another command has taken it")
        left -= 1
        await confirm()

    monkeypatch.setattr(it.journal, "confirm", confirmed_once)
    with pytest.raises(LeaseLostError):
        it.run(Plan(act, observed(), Colour.GREEN))
    assert (left, it.cluster.api.errors, it.cluster.api.patches) == (0, [], [])
