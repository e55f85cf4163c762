"""The receipt of the switch of a release: whole at the end of the drain, and with the reason for what it lacks."""

import asyncio
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.release.deploy.early_watch import EarlyWatch
from switchyard.release.deploy.switch_doubt import receipt_in_doubt
from switchyard.release.deploy.switch_receipt import CONDEMNED, NOT_COUNTED, SwitchReceipt, WholeReceipt
from switchyard.release.drain.report import DrainReport
from switchyard.release.phases import Phase
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.counting import Followed
from switchyard.release.receipt.receipt import NodeAnswer, Receipt, lines
from switchyard.release.watch.verdict import Outcome, Verdict
from tests.support.fake_counting import FakeCounting, followed
from tests.support.fake_release import release
from tests.support.observed import observed

PLAN = Plan(Act.SWITCH, observed(), Colour.GREEN)
RELEASE = release(phase=Phase.SWITCH)
NODES = (NodeAnswer("k8s-worker-1", follows=True, answered_after=0.6, last_old_after=0.5),)
OBSERVED = Receipt(RELEASE.started, 0.2, 0.4, 3, NODES, unseen=("versions of Secrets: denied",))
COUNTED = {"requests": 3000, "errors": 0, "last_old_kept": 2.5}
DRAINED = DrainReport(Colour.BLUE, DrainMethod.RENEW, 3, ("a", "b", "c"), connections_left=0, seconds=1.8)
UNDRAINED = DrainReport(Colour.BLUE, DrainMethod.NONE)


class Lane:
    """A lane that observes a switch as a receipt says, or without an end."""

    def __init__(self, switch: Followed | None) -> None:
        self._switch = switch

    async def follow(self, *_: object) -> Followed:
        if self._switch is None:
            await asyncio.Event().wait()
        assert self._switch is not None
        return self._switch


def switched(receipt: SwitchReceipt, switch: Followed | None) -> Receipt:
    lane: Any = Lane(switch)
    return asyncio.run(receipt.follow(lane, PLAN, RELEASE, 0.2))


def after_drain(receipt: SwitchReceipt, kept: dict[str, Any], drained: DrainReport = DRAINED) -> WholeReceipt:
    return asyncio.run(receipt.end(release(phase=Phase.DRAIN, receipt=kept), drained))


@pytest.mark.parametrize("drained", [DRAINED, UNDRAINED], ids=["renew", "none"])
def test_a_receipt_is_whole_at_the_end_of_the_drain(drained: DrainReport) -> None:
    receipt, counting = SwitchReceipt(EarlyWatch()), FakeCounting(COUNTED)
    at_switch = switched(receipt, followed(OBSERVED, counting))
    assert counting.events == [], "the count has ended with the phase switch"
    whole = after_drain(receipt, {**at_switch.to_json(), "later": "key"}, drained)
    assert counting.events == ["ended"]
    document = whole.document
    assert (document["requests"], document["errors"], document["errorBound"]) == (3000, 0, 0.001)
    assert document["bound"] == "0 of 3000 failed: under 0.10% at 95 %"
    assert (document["patchedAfter"], document["lastOldOnNewConnections"]) == (0.2, 0.5)
    assert (document["lastOldOnKeptConnections"], document["drain"]) == (2.5, drained.as_json())
    assert document["unseen"] == ["versions of Secrets: denied"]
    assert document["later"] == "key", "a key of a later program was lost"


def test_the_lines_are_those_of_a_switch() -> None:
    receipt = SwitchReceipt(EarlyWatch())
    at_switch = switched(receipt, followed(OBSERVED, FakeCounting(COUNTED)))
    whole = after_drain(receipt, at_switch.to_json())
    assert list(whole.lines) == [
        "selector      accepted by the API server after 0.20 s",
        "endpoints     3 ready, all of the serving colour, after 0.40 s",
        "nodes         1 of 1 answered with the new version at their own NodePort",
        "              k8s-worker-1: after 0.60 s",
        f"connections   {DRAINED.summary}",
        "old version   last answer after 0.50 s on new connections, 2.50 s on kept connections",
        "requests      3000 counted, 0 failed (under 0.10% at 95 %)",
        "not checked   versions of Secrets: denied",
    ]


def test_a_receipt_before_its_drain_has_the_reason_why_nothing_is_counted() -> None:
    at_switch = switched(SwitchReceipt(EarlyWatch()), followed(OBSERVED))
    assert (at_switch.requests, at_switch.last_old_kept) == (None, None)
    assert at_switch.unseen == (*OBSERVED.unseen, NOT_COUNTED)
    assert f"not checked   {NOT_COUNTED}" in lines(at_switch)


def test_a_command_that_resumes_before_the_drain_keeps_the_receipt_and_the_reason() -> None:
    kept = switched(SwitchReceipt(EarlyWatch()), followed(OBSERVED)).to_json()
    whole = after_drain(SwitchReceipt(EarlyWatch()), kept)
    assert whole.document == {**kept, "drain": DRAINED.as_json()}
    assert NOT_COUNTED in whole.document["unseen"]
    assert whole.lines == (
        f"connections   {DRAINED.summary}",
        "not checked   versions of Secrets: denied",
        f"not checked   {NOT_COUNTED}",
    )


def test_a_switch_whose_answer_was_lost_has_the_reason_for_all_that_it_lacks() -> None:
    whole = after_drain(SwitchReceipt(EarlyWatch()), receipt_in_doubt(RELEASE, TimeoutError("no answer in 5 s")))
    assert whole.document["unseen"] == ["endpoints, nodes and requests: no answer in 5 s"]
    assert whole.lines[-1] == "not checked   endpoints, nodes and requests: no answer in 5 s"


def test_a_condemned_version_does_not_wait_until_the_nodes_follow() -> None:
    async def run() -> Receipt:
        early = EarlyWatch()
        early.begin(asyncio.sleep(0, Verdict(Outcome.BREACH, "It is worse.")))
        lane: Any = Lane(None)
        return await SwitchReceipt(early).follow(lane, PLAN, RELEASE, 0.2)

    receipt = asyncio.run(run())
    assert (receipt.patched_after, receipt.followed, receipt.doubt) == (0.2, None, None)
    assert receipt.unseen == (f"endpoints, nodes and requests: {CONDEMNED}",)


def test_a_rollback_ends_the_count() -> None:
    receipt, counting = SwitchReceipt(EarlyWatch()), FakeCounting()
    receipt.cancel()
    switched(receipt, followed(OBSERVED, counting))
    receipt.cancel()
    assert counting.events == ["cancelled"]
