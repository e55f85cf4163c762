"""A retirement waits while the old colour is used or cannot be read, and says what an application does not show."""

import asyncio
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.release.deploy import retirement
from switchyard.release.deploy.retirement import check_unused, retired
from switchyard.release.drain.old_traffic import OldTraffic
from switchyard.release.phases import Event, Phase, Result
from tests.support.fake_release import FakeCommand, release
from tests.support.observed import observed

CLUSTER: Any = None
WHY = "1 of 3 pods do not answer (a: GET /metrics answers 503)"


def checked(monkeypatch: pytest.MonkeyPatch, traffic: OldTraffic) -> str | None:
    async def old_traffic(*_: object) -> OldTraffic:
        return traffic

    monkeypatch.setattr(retirement, "old_traffic", old_traffic)
    return asyncio.run(check_unused(CLUSTER, release(), observed(Colour.GREEN), configured=True))


@pytest.mark.parametrize(
    ("traffic", "reason", "remedy"),
    [
        (OldTraffic(used="4 connections are open"), "4 connections are open", "When its clients have gone"),
        (OldTraffic(unread=WHY), f"it was not seen whether blue still gets requests: {WHY}", "To read it again"),
    ],
)
def test_a_colour_that_is_used_or_cannot_be_read_is_not_retired(
    monkeypatch: pytest.MonkeyPatch, traffic: OldTraffic, reason: str, remedy: str
) -> None:
    with pytest.raises(GateRefusedError) as refused:
        checked(monkeypatch, traffic)
    text = str(refused.value)
    assert f"backend: the retirement of blue is refused (SY-P065): {reason}; " in text
    assert f"backend serves green v2, 3 of 3 pods ready. Its pods stay. {remedy}: switchyard retire backend. " in text
    anyway = "pulumi config set --path 'switchyard:services.backend.blue.replicas' 0 && pulumi up"
    assert text.endswith(f"To retire it anyway: {anyway}")


@pytest.mark.parametrize("why", [None, WHY])
def test_a_colour_whose_application_shows_no_requests_is_retired(
    monkeypatch: pytest.MonkeyPatch, why: str | None
) -> None:
    assert checked(monkeypatch, OldTraffic(unseen=why)) == why


def test_a_retirement_says_what_was_not_seen_and_keeps_the_receipt() -> None:
    record = release(receipt={"readyEndpoints": 3, "unseen": ["nodes: none"]})
    ended = retired(record, WHY)
    assert ended.event is Event.PASSED
    assert str(ended.detail).endswith(f"no longer has pods. It was not seen whether blue still got requests: {WHY}")
    limits = ["nodes: none", f"requests to blue before its retirement: {WHY}"]
    assert ended.receipt == {"readyEndpoints": 3, "unseen": limits}
    assert (retired(release(), WHY).receipt or {})["unseen"] == limits[1:]


def test_a_retirement_of_an_unused_colour_says_nothing_more() -> None:
    ended = retired(release(), None)
    assert (str(ended.detail).endswith("no longer has pods"), ended.receipt) == (True, None)


def test_a_release_is_held_while_its_old_colour_cannot_be_read_and_tried_again() -> None:
    command = FakeCommand(outcomes={Phase.RETIRE: GateRefusedError(WHY)})
    record = command.deploy()
    assert (record.phase, record.held, record.result) == (Phase.RETIRE, True, Result.RUNNING)
    assert WHY in str(record.detail)
    again = FakeCommand(command.world)
    assert again.act("resume").result is Result.SUCCEEDED
