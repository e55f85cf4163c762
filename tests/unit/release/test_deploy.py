"""The runner of a release: every phase and outcome, and a command that is killed anywhere, again and again."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchyard.errors import ClusterError, EngineError, GateRefusedError, UnreachableError
from switchyard.release.deploy import Ended, Runner
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record import PhaseRecord, ReleaseRecord
from switchyard.release.standing import Live, standing
from switchyard.release.store import Releases
from switchyard.release_errors import LeaseLostError, TransitionError
from tests.unit.release.test_record import record

KILLS = 1000
PODS = 3


class KilledError(BaseException):
    """The command is gone in this moment; nothing of it runs any more."""


@dataclass
class World:
    """The cluster, the configuration and the record: what outlives a command.

    Attributes:
        serving: the colour that the Service selects.
        pods: ready pods of each colour.
        configured: the active colour of the configuration.
        releases: the record.
        marked: whether the version was marked as rolled back.
        kill: how many more writes or moments there are until the command is killed; None never.
        moments: how many have been.
    """

    serving: str = "blue"
    pods: dict[str, int] = field(default_factory=lambda: {"blue": PODS, "green": 0})
    configured: str = "blue"
    releases: Releases = field(default_factory=Releases)
    marked: bool = False
    kill: int | None = None
    moments: int = 0
    time: datetime = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)

    def moment(self) -> None:
        """A moment in which a command may be killed. In each of them a full colour serves."""
        assert self.pods[self.serving] == PODS, "the colour that serves is not full"
        self.moments += 1
        if self.kill is not None:
            if self.kill == 0:
                raise KilledError
            self.kill -= 1

    def write(self, change: Callable[[], None]) -> None:
        self.moment()
        change()
        self.moment()


Outcomes = dict[Phase, Ended | Exception]


@dataclass
class Played:
    """Steps and ledger on a world; each step writes what the real one does, and may be killed around each write."""

    world: World
    outcomes: Outcomes = field(default_factory=dict)
    blind: bool = False
    lost_answer: bool = False
    rollback_error: Exception | None = None
    steps: list[str] = field(default_factory=list)
    lost: bool = False

    def now(self) -> datetime:
        self.world.time += timedelta(seconds=1)
        return self.world.time

    def check(self) -> None:
        if self.lost:
            raise LeaseLostError("lost")

    async def enter(self, record: ReleaseRecord) -> None:
        await self.write(record)

    async def write(self, record: ReleaseRecord) -> None:
        self.check()
        self.world.write(lambda: setattr(self.world, "releases", self.world.releases.writing(record)))

    async def live(self) -> Live:
        if self.blind:
            raise UnreachableError("no answer")
        return Live(self.world.serving, {colour for colour, pods in self.world.pods.items() if pods == PODS})

    def _ended(self, phase: Phase) -> Ended:
        outcome = self.outcomes.get(phase, Ended(Event.PASSED, f"{phase} is done"))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _set(self, colour: str, pods: int) -> None:
        self.world.write(lambda: self.world.pods.__setitem__(colour, pods))

    async def warm(self, record: ReleaseRecord) -> Ended:
        self.steps.append("warm")
        ended = self._ended(Phase.WARM)
        assert self.world.serving != record.target, "the colour that serves would be changed"
        self._set(record.target, 1)
        self._set(record.target, PODS)
        return ended

    async def prove(self, record: ReleaseRecord) -> Ended:
        self.steps.append("prove")
        ended = self._ended(Phase.PROVE)
        self.world.moment()
        return ended if self.world.pods[record.target] == PODS else Ended(Event.REFUSED, "too few ready pods")

    async def switch(self, record: ReleaseRecord) -> Ended:
        self.steps.append("switch")
        if self.world.pods[record.target] < PODS:
            raise GateRefusedError("no ready pods")
        outcome = self.outcomes.get(Phase.SWITCH)
        if self.lost_answer or not isinstance(outcome, Exception):
            self.world.write(lambda: setattr(self.world, "serving", record.target))
        return self._ended(Phase.SWITCH)

    async def drain(self, record: ReleaseRecord) -> Ended:
        self.steps.append("drain")
        self.world.write(lambda: setattr(self.world, "configured", record.target))
        return self._ended(Phase.DRAIN)

    async def watch(self, record: ReleaseRecord) -> Ended:  # noqa: ARG002 - of the protocol
        self.steps.append("watch")
        self.world.moment()
        return self._ended(Phase.WATCH)

    async def retire(self, record: ReleaseRecord) -> Ended:
        self.steps.append("retire")
        ended = self._ended(Phase.RETIRE)
        assert self.world.serving != record.source, "the colour that serves would be retired"
        if ended.event is Event.PASSED:
            self._set(record.source, 0)
        return ended

    async def roll_back(self, record: ReleaseRecord, reason: str) -> Ended:  # noqa: ARG002 - of the protocol
        self.steps.append("roll back")
        if self.rollback_error is not None:
            raise self.rollback_error
        self.world.write(lambda: setattr(self.world, "marked", True))
        self.world.write(lambda: setattr(self.world, "serving", record.source))
        self.world.write(lambda: setattr(self.world, "configured", record.source))
        return Ended(Event.PASSED)

    async def withdraw(self, record: ReleaseRecord) -> str:
        self.steps.append("withdraw")
        assert self.world.serving != record.target, "the colour that serves would be deleted"
        self._set(record.target, 0)
        return ""


@dataclass
class Play:
    """A command on a world."""

    world: World = field(default_factory=World)
    outcomes: Outcomes = field(default_factory=dict)
    bake_seconds: int = 0
    lines: list[PhaseRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.played = Played(self.world, self.outcomes)
        self.runner = Runner(self.played, self.played, self.lines.append, self.bake_seconds)

    def deploy(self, hold_after: Phase | None = None) -> ReleaseRecord:
        async def begun() -> ReleaseRecord:
            first = record(1)
            await self.played.write(first)
            return await self.runner.run(first, hold_after)

        return asyncio.run(begun())

    def act(self, name: str) -> ReleaseRecord:
        """`resume`, `abort` or `retire` of the release that runs."""
        current = self.world.releases.current
        assert current is not None
        calls: dict[str, Callable[[], Coroutine[Any, Any, ReleaseRecord]]] = {
            "resume": lambda: self.runner.resume(current),
            "abort": lambda: self.runner.abort(current, "ada"),
            "retire": lambda: self.runner.retire(current),
        }
        return asyncio.run(calls[name]())

    def expect(self, result: Result, phase: Phase, serving: str, *, held: bool = False) -> ReleaseRecord:
        written = self.world.releases.current
        assert written is not None
        assert (written.result, written.phase, written.held) == (result, phase, held), written
        assert (self.world.serving, self.world.pods[serving]) == (serving, PODS)
        assert (written in self.world.releases.history) == (result is not Result.RUNNING)
        return written


def test_a_release_goes_through_its_phases_and_each_ends_with_a_line() -> None:
    play = Play()
    play.deploy()
    written = play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")
    assert [phase.phase for phase in play.lines] == list(Phase)
    assert [phase.phase for phase in written.phases] == list(Phase)
    assert {phase.outcome for phase in written.phases} == {"passed"}
    assert play.world.pods == {"blue": 0, "green": PODS}


def test_a_release_that_bakes_waits_for_its_time_and_is_retired_before_on_demand() -> None:
    play = Play(bake_seconds=3600)
    play.deploy()
    play.expect(Result.RUNNING, Phase.BAKE, "green")
    assert play.world.pods == {"blue": PODS, "green": PODS}
    play.act("resume")
    assert len(play.expect(Result.RUNNING, Phase.BAKE, "green").phases) == len(Phase) - 1
    play.world.time += timedelta(seconds=3600)
    play.act("resume")
    play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")

    early = Play(bake_seconds=3600)
    early.deploy()
    early.act("retire")
    early.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


REFUSED, FAILED = GateRefusedError("no"), EngineError("no")
ENDS = [
    (Phase.WARM, REFUSED, Result.REFUSED, Phase.WARM, "blue", False),
    (Phase.WARM, FAILED, Result.FAILED, Phase.WARM, "blue", False),
    (Phase.WARM, ClusterError("no"), Result.FAILED, Phase.WARM, "blue", False),
    (Phase.WARM, Ended(Event.FAILED, "no"), Result.FAILED, Phase.WARM, "blue", False),
    (Phase.PROVE, REFUSED, Result.REFUSED, Phase.PROVE, "blue", False),
    (Phase.PROVE, ClusterError("no"), Result.FAILED, Phase.PROVE, "blue", False),
    (Phase.SWITCH, REFUSED, Result.REFUSED, Phase.SWITCH, "blue", False),
    (Phase.SWITCH, UnreachableError("no"), Result.FAILED, Phase.SWITCH, "blue", False),
    (Phase.DRAIN, Ended(Event.FAILED, "no"), Result.SUCCEEDED, Phase.RETIRE, "green", False),
    (Phase.DRAIN, REFUSED, Result.SUCCEEDED, Phase.RETIRE, "green", False),
    (Phase.WATCH, Ended(Event.BREACHED, "no"), Result.ROLLED_BACK, Phase.WATCH, "blue", False),
    (Phase.WATCH, Ended(Event.NO_VERDICT, "no"), Result.RUNNING, Phase.WATCH, "green", True),
    (Phase.WATCH, ClusterError("no"), Result.RUNNING, Phase.WATCH, "green", True),
    (Phase.RETIRE, REFUSED, Result.RUNNING, Phase.RETIRE, "green", True),
    (Phase.RETIRE, FAILED, Result.RUNNING, Phase.RETIRE, "green", True),
]


@pytest.mark.parametrize(("phase", "outcome", "result", "ends_in", "serving", "held"), ENDS)
def test_each_outcome_of_each_phase_ends_or_holds_the_release(
    phase: Phase, outcome: Ended | Exception, result: Result, ends_in: Phase, serving: str, held: bool
) -> None:
    play = Play(outcomes={phase: outcome})
    play.deploy()
    written = play.expect(result, ends_in, serving, held=held)
    if result is not Result.SUCCEEDED:
        assert "no" in str(written.detail)
        assert written.phases[-1].detail == "no"
    if held:  # nothing is a dead end
        play.outcomes.clear()
        play.act("resume")
        play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.SWITCH, Phase.DRAIN, Phase.WATCH])
@pytest.mark.parametrize(("act", "serving"), [("resume", "green"), ("abort", None)])
def test_a_release_is_held_after_the_phase_that_was_asked_for(phase: Phase, act: str, serving: str | None) -> None:
    play = Play()
    play.deploy(hold_after=phase)
    written = play.world.releases.current
    assert written is not None
    assert (written.held, written.detail) == (True, f"held after {phase}")
    assert play.lines[-1].phase is phase
    play.act(act)
    if serving is None:
        ended = Result.FAILED if phase in {Phase.WARM, Phase.PROVE} else Result.ROLLED_BACK
        written = play.world.releases.current
        assert written is not None
        assert (written.result, play.world.serving) == (ended, "blue")
        assert str(written.detail).startswith("aborted by ada")
        assert play.world.marked == (ended is Result.ROLLED_BACK)
    else:
        play.expect(Result.SUCCEEDED, Phase.RETIRE, serving)


def test_a_patch_whose_answer_was_lost_counts_by_what_serves() -> None:
    play = Play(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    play.played.lost_answer = True
    play.deploy()
    play.expect(Result.SUCCEEDED, Phase.RETIRE, "green")

    unknown = Play(outcomes={Phase.SWITCH: UnreachableError("no answer")})
    unknown.played.lost_answer = unknown.played.blind = True
    ended = unknown.deploy()
    assert "is not known" in str(ended.detail)
    unknown.expect(Result.RUNNING, Phase.SWITCH, "green")
    unknown.played.blind = False
    unknown.outcomes.clear()
    unknown.act("resume")
    unknown.expect(Result.SUCCEEDED, Phase.RETIRE, "green")


def test_a_rollback_that_fails_holds_the_release_and_abort_tries_again() -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    play.played.rollback_error = UnreachableError("no answer")
    play.deploy()
    written = play.expect(Result.RUNNING, Phase.WATCH, "green", held=True)
    assert "8 % failed. The rollback is not done: no answer" in str(written.detail)
    play.played.rollback_error = None
    play.act("abort")
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")


def test_a_condemned_version_is_rolled_back_by_resume_without_another_watch() -> None:
    play = Play(outcomes={Phase.WATCH: Ended(Event.BREACHED, "8 % failed")})
    play.played.rollback_error = UnreachableError("no answer")
    play.deploy()
    play.played.rollback_error, play.played.steps = None, []
    play.act("resume")
    play.expect(Result.ROLLED_BACK, Phase.WATCH, "blue")
    assert play.played.steps == ["roll back"]


def test_a_colour_that_serves_again_is_not_retired() -> None:
    for act in ("resume", "retire", "abort"):
        play = Play(bake_seconds=3600)
        play.deploy()
        play.world.serving = "blue"  # by hand, or by `pulumi up`
        play.act(act)
        play.expect(Result.ROLLED_BACK, Phase.BAKE, "blue")


def test_what_does_not_fit_the_phase_is_refused_and_changes_nothing() -> None:
    play = Play()
    play.deploy(hold_after=Phase.DRAIN)
    before = play.world.releases
    with pytest.raises(TransitionError, match="retire does not fit"):
        play.act("retire")
    assert play.world.releases is before


def test_a_command_without_its_lease_changes_nothing_more() -> None:
    play = Play()
    play.played.lost = True
    with pytest.raises(LeaseLostError):
        play.deploy()
    assert play.played.steps == []


def test_the_cluster_decides_where_a_release_stands() -> None:
    switched = standing(record(1), Live("green", {"green", "blue"}))
    assert (switched.state.phase, switched.taken_back) == (Phase.SWITCH, False)


def ways_to_go_on(play: Play) -> list[str]:
    written = play.world.releases.current
    assert written is not None
    retires = ["retire"] if written.phase in {Phase.BAKE, Phase.RETIRE} else []
    return ["resume", "abort", *retires]


def killed(play: Play, call: Callable[[], object]) -> bool:
    try:
        call()
    except KilledError:
        return True
    except TransitionError:
        # Nothing to go back to: the old colour is retired. What is left is to go on.
        assert play.world.pods["blue"] == 0
    return False


def test_a_release_killed_at_every_moment_is_resumed_and_aborted_to_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    for breach in (False, True):
        outcomes: Outcomes = {Phase.WATCH: Ended(Event.BREACHED, "bad")} if breach else {}
        whole = Play(outcomes=dict(outcomes))
        whole.deploy()
        for moment in range(whole.world.moments):
            for act in ("resume", "abort"):
                play = Play(World(kill=moment), dict(outcomes))
                assert killed(play, play.deploy), "the command was not killed"
                play.world.kill = None
                if play.world.releases.current is None or not play.world.releases.current.running:
                    continue  # killed before its first write, or after its last
                if not killed(play, lambda play=play, act=act: play.act(act)) and play.world.releases.current.running:
                    play.act("resume")
                current = play.world.releases.current
                assert not current.running
                assert play.world.pods[play.world.serving] == PODS
                wanted = "green" if current.result is Result.SUCCEEDED else "blue"
                assert (play.world.serving, play.world.configured) == (wanted, wanted)
        with capsys.disabled():
            print(f"\na release{' that is condemned' * breach}: {whole.world.moments} moments", end=" ")


def test_commands_killed_at_random_leave_a_described_state_and_a_full_colour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, kills, results = random.Random(13), 0, dict.fromkeys(Result, 0)  # noqa: S311 - no secret
    while kills < KILLS:
        watch = chance.choice([Ended(Event.PASSED), Ended(Event.BREACHED, "bad"), Ended(Event.NO_VERDICT, "none")])
        play = Play(outcomes={Phase.WATCH: watch}, bake_seconds=chance.choice([0, 2]))
        calls: list[Callable[[], object]] = [play.deploy]
        for attempt in range(100):
            play.world.kill = chance.randrange(30) if attempt < 20 else None
            kills += killed(play, calls.pop())
            current = play.world.releases.current
            if current is not None and not current.running:
                results[current.result] += 1
                break
            if current is None:
                calls.append(play.deploy)
                continue
            act = chance.choice(ways_to_go_on(play))
            if attempt >= 20:
                play.outcomes.clear()
                play.world.time += timedelta(seconds=60)
                act = "resume"
            calls.append(lambda play=play, act=act: play.act(act))
        else:
            pytest.fail("the release does not end")
        assert play.world.pods[play.world.serving] == PODS
    with capsys.disabled():
        print(
            f"\n{kills} kills of releases: { ({str(key): value for key, value in results.items() if value}) }", end=" "
        )
    assert results[Result.SUCCEEDED]
    assert results[Result.ROLLED_BACK]
    assert results[Result.FAILED]
