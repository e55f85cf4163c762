"""What services that are released together learn of each other, and do once for those that come."""

import pytest

from switchyard.release.deploy import Ended
from switchyard.release.deploy_group import Group
from switchyard.release.phases import Event, Phase


@pytest.mark.parametrize("event", [Event.LOST, Event.FAILED, Event.NO_VERDICT])
def test_a_version_that_is_condemned_after_its_release_was_lost_takes_the_others_back(event: Event) -> None:
    group = Group({"api": Phase.DRAIN, "worker": Phase.WATCH})
    group.leave("api", Ended(event, "taken by bob"))
    assert group.condemned("worker") is None
    group.condemn("api", "8 % failed")
    ended = group.condemned("worker")
    assert ended is not None
    assert ended.event is Event.BREACHED
    assert "api, which goes back: 8 % failed" in str(ended.detail)


def test_the_first_reason_to_go_back_stays() -> None:
    group = Group({"api": Phase.WATCH, "worker": Phase.WATCH})
    group.condemn("api", "8 % failed")
    group.condemn("api", "the old colour serves again")
    assert "8 % failed" in str(group.condemned("worker"))
