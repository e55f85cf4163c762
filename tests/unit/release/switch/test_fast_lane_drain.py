"""What a switch and a rollback do about the connections that clients keep to the old colour."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.kube.kube_proxy import Routing
from switchyard.release.drain.report import DrainReport
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt import counting
from switchyard.release.receipt.counting import Counting
from switchyard.release.receipt.receipt import NodeAnswer, Receipt, lines
from switchyard.release.switch.following import Following
from tests.support.fake_lane import FakeCluster, Lane
from tests.support.lane_fixtures import drained, gates
from tests.support.observed import observed

__all__ = ["drained", "gates"]


@pytest.mark.parametrize(
    ("act", "method", "gentle", "seconds", "at_once"),
    [
        (Act.SWITCH, "renew", False, 0, False),
        (Act.SWITCH, "endpoint", False, None, False),
        (Act.ROLLBACK, "renew", False, None, True),
        (Act.ROLLBACK, "renew", True, 0, False),
        (Act.ROLLBACK, "endpoint", False, None, True),
    ],
)
def test_kept_connections_follow_a_switch_and_the_receipt_says_how(
    drained: list[tuple[Any, ...]], act: Act, method: str, gentle: bool, seconds: float | None, at_once: bool
) -> None:
    plan = Plan(act, observed(release={"drain": {"method": method}}), Colour.GREEN)
    receipt = Lane(gentle=gentle).run(plan).receipt
    # A renewal after a switch goes on by itself. All else takes seconds, and is waited for.
    assert drained == [("undrain", Colour.GREEN), ("drain", Colour.BLUE, seconds, at_once)]
    assert receipt.to_json()["drain"]["pods"] == 3
    assert "The renewal of 3 pods of blue has begun" in "\n".join(lines(receipt))


def test_a_switch_that_is_followed_is_counted_until_the_end_of_its_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class RecordingCounting(Counting):
        def begin(self) -> None:
            events.append("count the new colour")

        def follow_old(self) -> None:
            events.append("follow the old colour")

    async def nodes(self: Following, receipt: Receipt) -> Receipt:
        events.append("ask the nodes")
        return replace(receipt, nodes=(NodeAnswer("a", follows=True, probes=3),))

    monkeypatch.setattr(counting, "Counting", RecordingCounting)
    monkeypatch.setattr(Following, "nodes_and_content", nodes)

    async def run() -> Receipt:
        plan = Plan(Act.SWITCH, observed(), Colour.GREEN)
        followed = await Lane().lane.follow(plan, "2030-01-31T12:00:00Z", 0.2)
        assert followed.receipt.patched_after == 0.2
        return await followed.ended(DrainReport(Colour.BLUE, DrainMethod.NONE))

    receipt = asyncio.run(run())
    assert events == ["count the new colour", "ask the nodes", "follow the old colour"]
    assert receipt.drain is not None
    requests, kept = receipt.unseen
    assert requests == "requests: green has no pods that could be read"
    assert kept == "last answer over kept connections: blue has no pods that could be read"


@pytest.mark.parametrize("status", [503, None], ids=["behind", "no answer"])
def test_pods_are_not_renewed_while_a_node_may_send_to_them(drained: list[tuple[Any, ...]], status: int | None) -> None:
    nodes = (Routing("a", ready=True, status=200), Routing("b", ready=True, status=status))
    outcome = Lane(FakeCluster(nodes=nodes)).run(Plan(Act.SWITCH, observed(), Colour.GREEN))
    assert [act for act, *_ in drained] == ["undrain"]
    assert outcome.receipt.drain is not None
    assert "its pods are not renewed, because b may still send" in str(outcome.receipt.drain.problem)
    assert "rollout restart deployment backend-blue" in str(outcome.receipt.drain.problem)


def test_an_endpoint_drains_although_a_node_sends_to_old_pods(drained: list[tuple[Any, ...]]) -> None:
    nodes = (Routing("b", ready=True, status=503),)
    plan = Plan(Act.SWITCH, observed(release={"drain": {"method": "endpoint"}}), Colour.GREEN)
    Lane(FakeCluster(nodes=nodes)).run(plan)
    assert [act for act, *_ in drained] == ["undrain", "drain"]
