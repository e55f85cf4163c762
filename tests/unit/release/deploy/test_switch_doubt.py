"""A release whose switch was not seen to be followed says so to its end, looks again, and retires no version before."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.release.deploy import retirement, switch_doubt
from switchyard.release.deploy import steps as deploy_steps
from switchyard.release.deploy.runner import Ended
from switchyard.release.deploy.steps import ClusterSteps
from switchyard.release.deploy.switch_doubt import receipt_in_doubt
from switchyard.release.drain.old_traffic import OldTraffic
from switchyard.release.drain.report import DrainReport
from switchyard.release.engine.convergence import Convergence
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.counting import Followed
from switchyard.release.receipt.receipt import NodeAnswer, Receipt
from switchyard.release.receipt.warnings import judged
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.release_context import ReleaseContext
from switchyard.release.switch.protocol import SwitchOutcome
from switchyard.release.watch.verdict import Outcome as Judgement
from switchyard.release.watch.verdict import Verdict
from tests.support.fake_counting import followed
from tests.support.fake_release import FakeCommand, release
from tests.support.observed import observed, settings

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
FOLLOWED = Receipt("", endpoints_after=0.4, ready_endpoints=3, nodes=(NodeAnswer("node-1", True, answered_after=0.5),))
BEHIND = replace(FOLLOWED, nodes=(*FOLLOWED.nodes, NodeAnswer("node-2", False, "its NodePort answers with v1.0.0")))
UNREAD = Receipt("", endpoints_after=0.4, ready_endpoints=3, nodes_unread=True, unseen=("nodes: no answer",))
DOUBT = "backend: 1 of 2 nodes do not follow the switch to green (SY-P140)."
IN_DOUBT = release(
    phase=Phase.WATCH, receipt={"started": "2030-01-31T12:00:00Z", "endpointsAfter": 0.4, "doubt": DOUBT}
)
LOST = release(phase=Phase.WATCH, receipt=receipt_in_doubt(release(), UnreachableError("no answer in 5 s")))
"""A release whose switch is done, and whose answer was lost."""
NO_WATCH = {"watch": {"seconds": 0}}


class FakeJournal:
    async def confirm(self) -> None:
        pass

    def now(self) -> datetime:
        return NOW


class FakeLane:
    """A lane whose switch is followed as a receipt says."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt

    async def follow(self, *_: object) -> Followed:
        return followed(self._receipt)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Steps of a release whose new version serves, gets no requests in its old colour, and passes its watch."""

    async def observe() -> Observation:
        return observed(Colour.GREEN, release=NO_WATCH)

    async def unused(*_: object) -> OldTraffic:
        return OldTraffic()

    async def watch(*_: object, **__: object) -> Verdict:
        return Verdict(Judgement.PASS, "It is well.", seconds=300)

    monkeypatch.setattr(retirement, "old_traffic", unused)
    monkeypatch.setattr(deploy_steps, "watch", watch)
    place = ReleaseContext(None, None, None, "test", observe, print)  # type: ignore[arg-type]
    return ClusterSteps(place, FakeJournal(), settings("green", release=NO_WATCH))  # type: ignore[arg-type]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Receipt | Exception], list[str]]:
    """Fakes the answer of another look at a switch; returns the looks."""

    def see(answer: Receipt | Exception) -> list[str]:
        looks: list[str] = []

        async def recheck_following(*_: object) -> Receipt:
            looks.append("look")
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(switch_doubt, "recheck_following", recheck_following)
        return looks

    return see


See = Callable[[Receipt | Exception], list[str]]


@pytest.mark.parametrize(
    ("receipt", "code"), [(FOLLOWED, None), (BEHIND, "(SY-P140)"), (UNREAD, "(SY-P155)"), (Receipt(""), "(SY-P155)")]
)
def test_the_record_keeps_what_was_not_seen_to_follow_the_switch(
    steps: Any, receipt: Receipt, code: str | None
) -> None:
    steps._lane = lambda: FakeLane(receipt)
    ended: Ended = asyncio.run(steps.switch(release(phase=Phase.SWITCH)))
    kept = replace(release(), receipt=ended.receipt).doubt
    assert ended.event is Event.PASSED
    assert kept is None if code is None else code in str(kept)


@pytest.mark.parametrize(
    ("record", "doubt"),
    [
        (release(), None),
        (LOST, "what followed the switch was not seen: no answer in 5 s"),
        (replace(LOST, receipt={"endpointsAfter": 0.4}), None),  # of a program that wrote no doubt
        (IN_DOUBT, DOUBT),
        (ReleaseRecord.from_json(IN_DOUBT.to_json()), DOUBT),
    ],
)
def test_a_record_says_whether_its_switch_is_in_doubt(record: ReleaseRecord, doubt: str | None) -> None:
    assert record.doubt == doubt


def test_the_doubt_is_in_the_record_of_a_release_that_bakes() -> None:
    switched = Ended(Event.PASSED, "green serves v2", {"doubt": DOUBT})
    record = FakeCommand(bake_seconds=3600, outcomes={Phase.SWITCH: switched}).deploy()
    assert (record.phase, record.doubt) == (Phase.BAKE, DOUBT)


@pytest.mark.parametrize("phase", [Phase.SWITCH, Phase.DRAIN, Phase.WATCH])
def test_a_switch_whose_answer_was_lost_is_in_doubt_until_it_was_checked_again(phase: Phase) -> None:
    command = FakeCommand(outcomes={Phase.SWITCH: UnreachableError("no answer in 5 s")})
    command.fake_steps.lost_answer = True
    record = command.deploy(hold_after=phase)
    assert command.world.serving == "green"
    assert record.doubt == "what followed the switch was not seen: no answer in 5 s"
    assert record == command.world.releases.current


def test_a_drain_keeps_the_doubt_about_a_switch_whose_answer_was_lost(steps: Any) -> None:
    class FakeActs:
        async def converge(self, *_: object) -> Convergence:
            return Convergence(config=True, state=True)

    async def drained(*_: object) -> DrainReport:
        return DrainReport(Colour.BLUE, DrainMethod.NONE)

    steps._acts, steps._drain = FakeActs(), drained
    ended: Ended = asyncio.run(steps.drain(replace(LOST, phase=Phase.DRAIN)))
    after = replace(LOST, receipt=ended.receipt)
    assert (ended.event, after.doubt) == (Event.PASSED, LOST.doubt)
    assert "drain" in (after.receipt or {})


def test_a_rollback_that_a_node_does_not_follow_says_so_at_the_end_and_in_the_record(
    steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class RollbackLane:
        def __init__(self, *_: object) -> None:
            pass

        async def plan_rollback(self, observation: Observation) -> Plan:
            return Plan(Act.ROLLBACK, observation, Colour.BLUE)

        async def run(self, plan: Plan, *_: object) -> SwitchOutcome:
            return SwitchOutcome(judged(plan, BEHIND), Convergence(config=True, state=True))

    monkeypatch.setattr(deploy_steps, "FastLane", RollbackLane)
    ended: Ended = asyncio.run(steps.roll_back(release(phase=Phase.WATCH), "it was condemned"))
    assert "1 of 2 nodes do not follow the switch to blue" in str(ended.detail)
    assert replace(release(), receipt=ended.receipt).doubt == ended.detail


@pytest.mark.parametrize("record", [IN_DOUBT, LOST])
def test_a_switch_that_is_followed_by_the_end_of_the_watch_is_in_doubt_no_more(
    steps: Any, seen: See, record: ReleaseRecord
) -> None:
    looks = seen(FOLLOWED)
    ended: Ended = asyncio.run(steps.watch(record))
    assert (ended.event, looks) == (Event.PASSED, ["look"])
    assert str(ended.detail).endswith("It is well. Every node follows the switch by now")
    after = replace(record, receipt=ended.receipt)
    assert after.doubt is None
    for key in ("started", "endpointsAfter"):
        assert (after.receipt or {})[key] == (record.receipt or {})[key]


@pytest.mark.parametrize("answer", [BEHIND, UNREAD, UnreachableError("no answer")])
@pytest.mark.parametrize("record", [IN_DOUBT, LOST])
def test_a_doubt_that_is_left_at_the_end_of_the_watch_stays(
    steps: Any, seen: See, record: ReleaseRecord, answer: Receipt | Exception
) -> None:
    seen(answer)
    ended: Ended = asyncio.run(steps.watch(record))
    assert ended.event is Event.PASSED
    assert replace(record, receipt=ended.receipt or record.receipt).doubt is not None


def test_a_switch_that_was_followed_is_not_looked_at_again(steps: Any, seen: See) -> None:
    looks = seen(BEHIND)
    followed: Mapping[str, Any] = {"endpointsAfter": 0.4, "doubt": None}
    record = release(phase=Phase.WATCH, receipt=followed)
    assert asyncio.run(steps.watch(record)).receipt is None
    asyncio.run(steps.check_unused(record))
    assert looks == []


def test_a_look_at_nodes_does_not_keep_a_version_that_goes_back_with_another_one(
    steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: object) -> Receipt:
        condemned.append(Ended(Event.BREACHED, "worker, which goes back"))
        return await asyncio.Future[Receipt]()

    condemned: list[Ended] = []

    class Others:
        def condemned(self) -> Ended | None:
            return condemned[0] if condemned else None

        async def until_condemned(self) -> Ended:
            while not condemned:
                await asyncio.sleep(0)
            return condemned[0]

        def condemn(self, detail: str) -> None:
            raise AssertionError(detail)

    monkeypatch.setattr(switch_doubt, "recheck_following", endless)
    steps._early_watch._others = Others()
    assert asyncio.run(asyncio.wait_for(steps.watch(IN_DOUBT), 10)).receipt is None
    assert condemned, "it was not looked again"


@pytest.mark.parametrize("answer", [BEHIND, UNREAD])
def test_no_version_is_retired_that_a_node_may_still_send_to(steps: Any, seen: See, answer: Receipt) -> None:
    seen(answer)
    with pytest.raises(GateRefusedError) as error:
        asyncio.run(steps.retire(IN_DOUBT))
    assert "its switch is in doubt: " in str(error.value)
    assert "may still send to it" in str(error.value)
    assert "switchyard retire backend" in str(error.value)
    assert ("(SY-P140)" if answer is BEHIND else "(SY-P155)") in str(error.value)


def test_a_version_is_retired_once_every_node_follows(steps: Any, seen: See) -> None:
    looks, removed = seen(FOLLOWED), []

    async def remove(_: ReleaseRecord, colour: Colour) -> None:
        removed.append(colour)

    steps._remove = remove
    assert asyncio.run(steps.retire(IN_DOUBT)).event is Event.PASSED
    assert (looks, removed) == (["look"], [Colour.BLUE])


def test_a_retirement_in_doubt_is_held_and_tried_again() -> None:
    command = FakeCommand(outcomes={Phase.RETIRE: GateRefusedError("its switch is in doubt")})
    record = command.deploy()
    assert (record.phase, record.held, record.result) == (Phase.RETIRE, True, Result.RUNNING)
    assert command.world.pods["blue"] > 0
