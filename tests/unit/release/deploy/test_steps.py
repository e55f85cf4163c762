"""What a phase of a release does on the cluster: what runs side by side, and what a rollback waits for."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.release.deploy import acts as deploy_acts
from switchyard.release.deploy import steps as deploy_steps
from switchyard.release.deploy.runner import Ended
from switchyard.release.deploy.steps import ClusterSteps
from switchyard.release.drain.report import DrainReport
from switchyard.release.engine.convergence import Convergence
from switchyard.release.phases import Event, Phase
from switchyard.release.plan import ColourState, Observation
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.release_context import ReleaseContext
from switchyard.release.watch.samples import Counts
from switchyard.release.watch.verdict import Outcome, Verdict
from tests.support.fake_release import release
from tests.support.observed import observed, settings

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
BREACH = Verdict(Outcome.BREACH, "It is worse.", seconds=2)
RELEASE = release(phase=Phase.DRAIN, tag="v2")


@dataclass
class FakeJournal:
    async def confirm(self) -> None:
        pass

    def now(self) -> datetime:
        return START


class NoReadings:
    """Readings of an old colour whose pods do not answer."""

    async def add(self, *_: object) -> None:
        pass


@dataclass
class StepsWithFakes:
    """Steps whose drain and engine are fakes."""

    monkeypatch: pytest.MonkeyPatch
    drained: DrainReport | None = field(
        default_factory=lambda: DrainReport(Colour.BLUE, DrainMethod.RENEW, 3, ("a",), (), 0)
    )
    problem: str | None = None
    method: str = "renew"
    configured: str = "green"
    converged: list[Colour] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        async def observe() -> Observation:
            return observed(Colour.GREEN, release={"drain": {"method": self.method}})

        async def drain(*_: object) -> DrainReport:
            if self.drained is None:
                await asyncio.Event().wait()
                raise AssertionError("an endless drain ended")
            return self.drained

        async def converge(
            _engine: object, _key: str, target: Colour, _warn: object, *, config: bool, **_: object
        ) -> Convergence:
            await asyncio.to_thread(self.ended.wait, 5)
            self.converged.append(target)
            return Convergence(
                config=self.problem is None and not config, state=self.problem is None, problem=self.problem
            )

        async def still_behind(*_: object) -> tuple[str, ...]:
            return ()

        self.monkeypatch.setattr(deploy_steps, "drain", drain)
        self.monkeypatch.setattr(deploy_steps, "still_behind", still_behind)
        self.monkeypatch.setattr(deploy_acts, "converge", converge)
        place = ReleaseContext(None, None, None, "test", observe, print)  # type: ignore[arg-type]
        own = settings(self.configured, release={"drain": {"method": self.method}})
        self.steps = ClusterSteps(place, FakeJournal(), own)  # type: ignore[arg-type]

    def drain(self, verdict: Verdict | None = None) -> Ended:
        async def run() -> Ended:
            if verdict is not None:
                self.steps._early_watch.begin(asyncio.sleep(0, verdict))
            ended = await self.steps.drain(RELEASE)
            self.ended.set()
            return ended

        return asyncio.run(run())


def test_a_drain_ends_with_what_it_reached_and_what_configuration_and_state_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes = StepsWithFakes(monkeypatch)
    fakes.ended.set()
    ended = fakes.drain(Verdict(Outcome.PASS, "It is well."))
    assert (ended.event, fakes.converged) == (Event.PASSED, [Colour.GREEN])
    assert "no connection is left" in str(ended.detail)
    assert (ended.receipt or {})["drain"]["connectionsLeft"] == 0


def test_a_state_that_cannot_be_written_does_not_stop_the_release_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = StepsWithFakes(monkeypatch, problem="error: no such directory")
    fakes.ended.set()
    ended = fakes.drain()
    assert ended.event is Event.PASSED
    assert "error: no such directory" in str(ended.detail)


@pytest.mark.parametrize("problem", [None, "no such host"])
def test_a_configuration_has_the_new_colour_once_it_is_updated(
    monkeypatch: pytest.MonkeyPatch, problem: str | None
) -> None:
    assert StepsWithFakes(monkeypatch).steps.is_configured(RELEASE)
    fakes = StepsWithFakes(monkeypatch, problem=problem, configured="blue")
    fakes.ended.set()
    assert not fakes.steps.is_configured(RELEASE)
    text = asyncio.run(fakes.steps.converge(RELEASE))
    assert fakes.converged == [Colour.GREEN]
    assert fakes.steps.is_configured(RELEASE) == (problem is None)
    if problem is None:
        assert text == "backend: configuration and state of stack test are updated to green, which serves."
    else:
        assert "(SY-P028)" in text
        assert text.endswith("When the state can be reached again: switchyard resume backend --stack test --yes")


@pytest.mark.parametrize("method", ["renew", "endpoint"])
def test_old_pods_are_not_renewed_while_a_node_may_send_to_them(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    async def still_behind(*_: object) -> tuple[str, ...]:
        return ("k8s-worker-2",)

    fakes = StepsWithFakes(monkeypatch, method=method)
    monkeypatch.setattr(deploy_steps, "still_behind", still_behind)
    fakes.ended.set()
    ended = fakes.drain()
    if method == "renew":
        assert ended.event is Event.FAILED
        assert "its pods are not renewed, because k8s-worker-2 may still send" in str(ended.detail)
    else:
        assert ended.event is Event.PASSED


def test_a_condemned_version_waits_neither_for_the_drain_nor_for_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = StepsWithFakes(monkeypatch, drained=None)
    ended = fakes.drain(BREACH)
    assert (ended.event, ended.detail) == (Event.FAILED, "ended early: the new version is worse than accepted")


def test_a_version_that_was_condemned_before_the_drain_begins_none_and_no_update(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes = StepsWithFakes(monkeypatch)
    fakes.ended.set()

    async def condemned_and_drained() -> Ended:
        fakes.steps._early_watch.begin(asyncio.sleep(0, BREACH))
        await fakes.steps._early_watch.permits(asyncio.create_task(asyncio.Event().wait()))
        return await fakes.steps.drain(RELEASE)

    ended = asyncio.run(condemned_and_drained())
    assert (ended.event, ended.detail) == (Event.FAILED, "ended early: the new version is worse than accepted")
    assert fakes.converged == []


def test_endpoints_that_follow_their_pods_late_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def updated(*_: object) -> None:
        pass

    monkeypatch.setattr(deploy_acts.SingleServiceActs, "_update", updated)

    async def at_once(observe: Any, enough: Any, **_: float) -> Any:
        looks = [await observe() for _ in range(3)]
        return next(state for state in looks if enough(state))

    monkeypatch.setattr(deploy_steps, "poll_until", at_once)
    steps: Any = StepsWithFakes(monkeypatch).steps
    steps._old_readings = NoReadings()
    ready = iter([0, 2, 3, 3, 3])

    async def observe() -> Observation:
        return observed(green=ColourState(Colour.GREEN, "v2", 3, next(ready)))

    steps._place = replace(steps._place, observe=observe)
    ended = asyncio.run(steps.warm(RELEASE))
    assert (ended.event, ended.detail) == (Event.PASSED, "green v2, 3 of 3 pods ready")


def test_a_condemned_version_does_not_wait_until_the_nodes_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lane:
        async def follow(self, *_: object) -> Receipt:
            await asyncio.Event().wait()
            raise AssertionError("an endless wait for nodes ended")

    async def run() -> Receipt:
        steps: Any = StepsWithFakes(monkeypatch).steps
        steps._early_watch.begin(asyncio.sleep(0, BREACH))
        followed: Receipt = await steps._followed(Lane(), None, RELEASE, 0.2)
        return followed

    receipt = asyncio.run(run())
    assert (receipt.patched_after, receipt.followed) == (0.2, None)
    assert receipt.unseen == ("endpoints and nodes: ended early: the new version is worse than accepted",)


def test_a_version_that_was_condemned_is_rolled_back_although_the_service_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> Ended:
        steps: Any = StepsWithFakes(monkeypatch).steps

        async def unreadable(_: ReleaseRecord) -> Observation:
            raise UnreachableError("no answer in 5 s")

        steps._observed = unreadable
        steps._early_watch.begin(asyncio.sleep(0, BREACH))
        ended: Ended = await steps.watch(RELEASE)
        return ended

    assert asyncio.run(run()).event is Event.BREACHED


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        (Outcome.PASS, Event.PASSED),
        (Outcome.BREACH, Event.BREACHED),
        (Outcome.UNDECIDED, Event.NO_VERDICT),
        (Outcome.NO_TRAFFIC, Event.NO_VERDICT),
    ],
)
def test_a_verdict_is_the_outcome_of_the_watch(monkeypatch: pytest.MonkeyPatch, outcome: Outcome, event: Event) -> None:
    async def watch(_: object, __: str, ___: object, on_tick: Callable[[Verdict], None], **____: object) -> Verdict:
        on_tick(verdict)
        return verdict

    verdict = Verdict(outcome, "So it is.", requests=17, failed=2, seconds=300, past=Counts(1000, 1))

    monkeypatch.setattr(deploy_steps, "watch", watch)
    ended = asyncio.run(StepsWithFakes(monkeypatch).steps.watch(RELEASE))
    assert ended.event is event
    assert str(ended.detail).startswith("300 s watched. So it is")
    assert ended.numbers is not None
    assert (ended.numbers["outcome"], ended.numbers["seconds"]) == (outcome.value, 300)
    assert ended.numbers["new"] == {"requests": 17, "errors": 2, "p95": None, "restarts": 0}
    assert ended.numbers["old"] == {"requests": 1000, "errors": 1, "p95": None}
    seen = "2030-01-31T12:00:00Z" if outcome is Outcome.BREACH else None
    assert (ended.numbers["problemSeen"], ended.numbers["decided"]) == (seen, "2030-01-31T12:00:00Z")


def test_the_gates_see_the_new_colour_as_the_release_has_configured_it(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: Any = StepsWithFakes(monkeypatch).steps
    seen = asyncio.run(steps._observed(release(tag="v9"))).settings
    assert (seen.green.tag, seen.green.replicas, seen.blue.tag) == ("v9", 3, "v1")


def test_a_colour_that_serves_again_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = StepsWithFakes(monkeypatch).steps

    async def serving_blue(_: ReleaseRecord) -> Observation:
        return observed(Colour.BLUE)

    monkeypatch.setattr(steps, "_observed", serving_blue)
    with pytest.raises(GateRefusedError) as raised:
        asyncio.run(steps.check_unused(RELEASE))
    text = str(raised.value)
    assert "the retirement of blue is refused (SY-P065): blue serves again" in text
    assert text.endswith("Its pods stay. To end the release as rolled back: switchyard resume backend")


def test_a_colour_that_an_operator_has_configured_to_serve_again_is_not_retired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = StepsWithFakes(monkeypatch, configured="blue").steps
    with pytest.raises(GateRefusedError) as raised:
        asyncio.run(steps.retire(replace(RELEASE, configured=True)))
    assert str(raised.value) == (
        "backend: the retirement of blue is refused (SY-P065): switchyard:services.backend.active was changed to blue "
        "after the release had set it to green; a colour that is configured to serve is not retired. backend serves "
        "green v2, 3 of 3 pods ready. Its pods stay. To roll back to blue: switchyard rollback backend, or pulumi up. "
        "To keep green, and retire blue: pulumi config set --path 'switchyard:services.backend.active' green && "
        "switchyard retire backend"
    )
