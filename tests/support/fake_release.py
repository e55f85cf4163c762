"""A simulated release: steps and a journal that can be killed before and after each write."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from switchyard.config.models.hooks import Hook, Hooks
from switchyard.errors import GateRefusedError, UnreachableError
from switchyard.manifests.hooks import HookContext
from switchyard.release.deploy.hooks import NO_HOOKS, DeployHooks, ReleaseHooks
from switchyard.release.deploy.runner import Ended, Runner
from switchyard.release.hooks.hooks import HookResult, HookRuns
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.hook import HookOutcome
from switchyard.release.record.release_record import PhaseRecord, ReleaseRecord
from switchyard.release.record.standing import Live
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import LeaseLostError

PODS = 3
FIRST = ReleaseRecord(
    id="id-1",
    kind="deploy",
    service="backend",
    source="blue",
    target="green",
    from_tag="v1.0.0",
    tag="v2.0.1",
    actor="ada",
    host="laptop",
    started="2030-01-31T12:00:00Z",
)
"""The record of a release that begins."""


def release(**changes: Any) -> ReleaseRecord:
    """The record of a release that begins, with changes."""
    return replace(FIRST, **changes)


class KilledError(BaseException):
    """The command is killed at this moment."""


@dataclass
class World:
    """The state that outlives a command: the cluster, the configuration and the record.

    Attributes:
        serving: the colour that the Service selects.
        pods: ready pods of each colour.
        configured: the active colour of the configuration.
        releases: the record.
        marked: whether the version was marked as rolled back.
        sent: how often each hook was begun, by its name.
        jobs: the Jobs of hooks that were created, with how they end.
        queued: adds the messages that a change of the record causes; none at first.
        kill: how many more writes or moments there are until the command is killed; None never.
        moments: number of moments so far.
    """

    serving: str = "blue"
    pods: dict[str, int] = field(default_factory=lambda: {"blue": PODS, "green": 0})
    configured: str = "blue"
    releases: RecordedReleases = field(default_factory=RecordedReleases)
    marked: bool = False
    sent: Counter[str] = field(default_factory=Counter)
    jobs: dict[str, HookOutcome] = field(default_factory=dict)
    queued: Callable[[RecordedReleases, RecordedReleases], RecordedReleases] = lambda _, after: after
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
class FakeSteps:
    """Steps and journal on a world; each step writes what the real one does, and may be killed around each write."""

    world: World
    outcomes: Outcomes = field(default_factory=dict)
    unreachable: bool = False
    lost_answer: bool = False
    rollback_error: Exception | None = None
    steps: list[str] = field(default_factory=list)
    lost: bool = False
    in_use: bool = False
    after_write: Callable[[], Awaitable[None]] | None = None

    def now(self) -> datetime:
        self.world.time += timedelta(seconds=1)
        return self.world.time

    async def confirm(self) -> None:
        if self.lost:
            raise LeaseLostError("lost")

    async def enter(self, record: ReleaseRecord) -> None:
        await self.write(record)

    async def write(self, record: ReleaseRecord) -> None:
        await self.confirm()
        after = self.world.queued(self.world.releases, self.world.releases.writing(record))
        self.world.write(lambda: setattr(self.world, "releases", after))
        if self.after_write is not None:
            await self.after_write()

    async def write_hooks(self, record: ReleaseRecord) -> None:
        await self.write(record)

    def is_condemned(self) -> bool:
        return False

    async def until_condemned(self) -> Ended:
        return await asyncio.Future[Ended]()

    async def check_unused(self, record: ReleaseRecord) -> None:  # noqa: ARG002 - of the protocol
        self.steps.append("check")
        if self.in_use:
            raise GateRefusedError("the old colour is in use")

    async def live(self) -> Live:
        if self.unreachable:
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
        if self.world.marked:
            return Ended(Event.REFUSED, "the version was rolled back")
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

    def is_configured(self, record: ReleaseRecord) -> bool:
        return self.world.configured == record.target

    async def converge(self, record: ReleaseRecord) -> str:
        self.steps.append("converge")
        self.world.write(lambda: setattr(self.world, "configured", record.target))
        return "configuration and state are updated"

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

    async def roll_back(self, record: ReleaseRecord, reason: str, *, marks: bool = True) -> Ended:  # noqa: ARG002 - of the protocol
        self.steps.append("roll back")
        if self.rollback_error is not None:
            raise self.rollback_error
        if marks:
            self.world.write(lambda: setattr(self.world, "marked", True))
        self.world.write(lambda: setattr(self.world, "serving", record.source))
        self.world.write(lambda: setattr(self.world, "configured", record.source))
        return Ended(Event.PASSED)

    def by_hand(self, record: ReleaseRecord) -> str:
        return f"kubectl patch service {record.service} to {record.source}"

    async def withdraw(self, record: ReleaseRecord) -> str:
        self.steps.append("withdraw")
        assert self.world.serving != record.target, "the colour that serves would be deleted"
        self._set(record.target, 0)
        return ""


@dataclass
class FakeCalls:
    """Simulated hooks. A Job that is begun again is found by its name; an HTTP call is not."""

    world: World
    outcomes: Mapping[str, HookOutcome] = field(default_factory=dict)
    contexts: list[HookContext] = field(default_factory=list)
    endless: frozenset[str] = frozenset()

    async def run(self, hook: Hook, context: HookContext, begun: datetime | None) -> HookResult:
        outcome = self.outcomes.get(hook.name, HookOutcome.PASSED)
        self.contexts.append(context)
        if hook.job is not None:
            if hook.name not in self.world.jobs:
                self.world.write(lambda: self._begin(hook.name, outcome))
            self.world.moment()
            return HookResult(self.world.jobs[hook.name], f"Job {hook.name}")
        if begun is not None:
            return HookResult(HookOutcome.UNKNOWN, "no answer")
        self.world.write(lambda: self._begin(hook.name, None))
        if hook.name in self.endless:
            await asyncio.Event().wait()
        return HookResult(outcome, f"call {hook.name}")

    def _begin(self, name: str, outcome: HookOutcome | None) -> None:
        self.world.sent[name] += 1
        if outcome is not None:
            self.world.jobs[name] = outcome


@dataclass
class FakeCommand:
    """A command on the simulated state."""

    world: World = field(default_factory=World)
    outcomes: Outcomes = field(default_factory=dict)
    bake_seconds: int = 0
    lines: list[PhaseRecord] = field(default_factory=list)
    hooks: Hooks | None = None
    hook_outcomes: Mapping[str, HookOutcome] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    around: Callable[[ReleaseHooks], ReleaseHooks] = lambda hooks: hooks

    def __post_init__(self) -> None:
        self.fake_steps = FakeSteps(self.world, self.outcomes)
        self.calls = FakeCalls(self.world, self.hook_outcomes)
        hooks: ReleaseHooks = NO_HOOKS
        fake_steps, warn = self.fake_steps, self.warnings.append
        if self.hooks is not None:
            hooks = DeployHooks(HookRuns(self.hooks, self.calls, fake_steps, warn), fake_steps, "backend")
        hooks, seconds = self.around(hooks), self.bake_seconds
        self.runner = Runner(fake_steps, fake_steps, lambda phase, _: self.lines.append(phase), seconds, hooks, warn)

    def deploy(self, hold_after: Phase | None = None) -> ReleaseRecord:
        async def begun() -> ReleaseRecord:
            await self.fake_steps.write(FIRST)
            return await self.runner.run(FIRST, hold_after)

        return asyncio.run(begun())

    def act(self, name: str) -> ReleaseRecord:
        """`resume`, `abort` or `retire` of the release that runs."""
        current = self.world.releases.current
        assert current is not None
        acts = {"resume": self.runner.resume, "retire": self.runner.retire}
        return asyncio.run(acts[name](current) if name in acts else self.runner.abort(current, "ada"))

    def expect(self, result: Result, phase: Phase, serving: str, *, held: bool = False) -> ReleaseRecord:
        written = self.world.releases.current
        assert written is not None
        assert (written.result, written.phase, written.held) == (result, phase, held), written
        assert (self.world.serving, self.world.pods[serving]) == (serving, PODS)
        assert (written in self.world.releases.history) == (result is not Result.RUNNING)
        return written
