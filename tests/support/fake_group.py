"""A simulated release of several services together, whose command can be killed at each moment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import pytest

from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import GateRefusedError, SwitchyardError
from switchyard.release.deploy import group_acts
from switchyard.release.deploy import together as deploy_together
from switchyard.release.deploy.acts import Acts, Patch, Warming
from switchyard.release.deploy.group import ReleaseGroup
from switchyard.release.deploy.group_acts import GroupActs
from switchyard.release.deploy.hooks import NO_HOOKS, DeployHooks, ReleaseHooks
from switchyard.release.deploy.runner import Ended, Runner
from switchyard.release.deploy.together import GroupHooks, GroupMember
from switchyard.release.deploy.warm_changes import ColourChange
from switchyard.release.engine.engine import Engine
from switchyard.release.hooks.hooks import HookRuns
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.record.release_record import PhaseRecord, ReleaseRecord
from switchyard.release.switch.fast_lane import FastLane
from tests.support.fake_release import PODS, FakeCalls, FakeSteps, Outcomes, release
from tests.support.group_world import FakeEngine, GroupWorld, Moments
from tests.support.hooks_everywhere import EVERYWHERE
from tests.support.observed import observed

KEYS = ("api", "worker")


@dataclass
class FakeLane:
    """The lane of one service."""

    key: str
    world: GroupWorld
    errors: list[BaseException | None]

    async def pass_gates(self, plan: Plan) -> None:
        if self.world.pods[plan.target.value] < PODS:
            raise GateRefusedError(f"{self.key}: no ready pods")

    def begun(self, now: str) -> str:
        return now

    async def patch(self, plan: Plan) -> float:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.world.write(lambda: setattr(self.world, "serving", plan.target.value))
        self.world.shared.order.append(f"patch {self.key} {plan.target}")
        return 0.1


@dataclass
class FakeMember(FakeSteps):
    """Steps and journal of one service of a group."""

    key: str = ""
    acts: Acts = field(init=False)
    patch_errors: list[BaseException | None] = field(default_factory=list)
    watch_turns: int = 3
    because: str | None = None

    def _warming(self, record: ReleaseRecord, colour: str, pods: int) -> Warming:
        return Warming(ColourChange(record.service, Colour(colour), {"replicas": pods}), str(record.tag))

    async def observe(self) -> Observation:
        return replace(observed(Colour(self.world.serving)), name=ServiceName(self.key, self.key))

    def is_condemned(self) -> bool:
        return self.acts.condemned() is not None

    async def until_condemned(self) -> Ended:
        return await self.acts.until_condemned()

    async def warm(self, record: ReleaseRecord) -> Ended:
        self.steps.append("warm")
        ended = self._ended(Phase.WARM)
        await self.acts.warm(self._warming(record, record.target, PODS))
        return ended

    async def switch(self, record: ReleaseRecord) -> Ended:
        self.steps.append("switch")
        if self.world.pods[record.target] < PODS:
            raise GateRefusedError("no ready pods")
        observation, target = await self.observe(), Colour(record.target)
        plan = Plan(Act.SWITCH, observation, target, patch=observation.serving != target)
        lane = FakeLane(self.key, cast("GroupWorld", self.world), self.patch_errors)
        await self.acts.patch(Patch(plan, cast("FastLane", lane), self.observe))
        return self._ended(Phase.SWITCH)

    async def drain(self, record: ReleaseRecord) -> Ended:
        self.steps.append("drain")
        if self.is_condemned():
            return Ended(Event.FAILED, "condemned")
        await self.acts.converge(record.service, Colour(record.target))
        return self._ended(Phase.DRAIN)

    async def converge(self, record: ReleaseRecord) -> str:
        await self.acts.converge(record.service, Colour(record.target))
        return "configuration and state are updated"

    async def watch(self, record: ReleaseRecord) -> Ended:  # noqa: ARG002 - of the protocol
        self.steps.append("watch")
        ended = self.outcomes.get(Phase.WATCH, Ended(Event.PASSED, "well"))
        for _ in range(0 if isinstance(ended, Exception) or ended.event is Event.BREACHED else self.watch_turns):
            await asyncio.sleep(0)
            if (condemned := self.acts.condemned()) is not None:
                return condemned
        self.world.moment()
        return self._ended(Phase.WATCH)

    async def retire(self, record: ReleaseRecord) -> Ended:
        self.steps.append("retire")
        ended = self._ended(Phase.RETIRE)
        await self.acts.remove(self._warming(record, record.source, 0))
        return ended

    async def roll_back(self, record: ReleaseRecord, reason: str, *, marks: bool = True) -> Ended:  # noqa: ARG002 - of the protocol
        self.steps.append("roll back")
        if self.rollback_error is not None:
            raise self.rollback_error
        self.because = self.acts.because()
        if marks:
            self.world.write(lambda: setattr(self.world, "marked", True))
        self.world.write(lambda: setattr(self.world, "serving", record.source))
        await self.acts.converge_back(record.service, Colour(record.source), None)
        return Ended(Event.PASSED)

    async def withdraw(self, record: ReleaseRecord) -> str:
        self.steps.append("withdraw")
        await self.acts.remove(self._warming(record, record.target, 0))
        return ""


@dataclass
class FakeGroupCommand:
    """A command on the services of a group."""

    monkeypatch: pytest.MonkeyPatch
    moments: Moments = field(default_factory=Moments)
    outcomes: dict[str, Outcomes] = field(default_factory=lambda: {key: {} for key in KEYS})
    bake_seconds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, 0))
    patch_errors: dict[str, list[BaseException | None]] = field(default_factory=lambda: {key: [] for key in KEYS})
    with_hooks: bool = False
    around: Callable[[str, ReleaseHooks], ReleaseHooks] = lambda _, hooks: hooks
    lines: list[tuple[str, PhaseRecord]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.moments.worlds:
            self.moments.worlds = {key: GroupWorld(shared=self.moments) for key in KEYS}
        self.engine = FakeEngine(self.moments)
        self.monkeypatch.setattr(group_acts, "preview_changes", lambda engine, changes, _: engine.preview(changes))
        self.monkeypatch.setattr(group_acts, "converge_all", FakeEngine.converge)
        self.members = {
            key: FakeMember(world, self.outcomes[key], key=key, patch_errors=self.patch_errors[key])
            for key, world in self.worlds.items()
        }

    @property
    def worlds(self) -> dict[str, GroupWorld]:
        return self.moments.worlds

    @property
    def records(self) -> dict[str, ReleaseRecord | None]:
        return {key: world.releases.current for key, world in self.worlds.items()}

    def record(self, key: str) -> ReleaseRecord:
        record = self.records[key]
        assert record is not None
        return record

    @property
    def serving(self) -> set[str]:
        """The serving colours of the services: one colour if all serve the same."""
        return {world.serving for world in self.worlds.values()}

    def deploy(self, hold_after: Phase | None = None) -> dict[str, ReleaseRecord | SwitchyardError]:
        async def begun() -> dict[str, ReleaseRecord | SwitchyardError]:
            records = {key: release(id=f"id-{key}", service=key, together=KEYS) for key in KEYS}
            for key, record in records.items():
                await self.members[key].write(record)
            group, parts = await self._parts(records)
            return await deploy_together.begin(group, parts, hold_after)

        return asyncio.run(begun())

    def act(self, name: str) -> dict[str, ReleaseRecord | SwitchyardError]:
        """`resume` or `abort` of the releases that run."""

        async def acted() -> dict[str, ReleaseRecord | SwitchyardError]:
            records = {key: record for key, record in self.records.items() if record is not None and record.running}
            group, parts = await self._parts(records)
            if name == "abort":
                return await deploy_together.abort(group, parts, "ada")
            return await deploy_together.resume(group, parts)

        return asyncio.run(acted())

    async def _parts(self, records: Mapping[str, ReleaseRecord]) -> tuple[ReleaseGroup, dict[str, GroupMember]]:
        group, lock, parts = ReleaseGroup({key: record.phase for key, record in records.items()}), asyncio.Lock(), {}
        journals = {key: self.members[key] for key in records}
        targets = {key: Colour(record.target) for key, record in records.items()}
        for key, record in records.items():
            member = self.members[key]
            member.acts = GroupActs(key, group, cast("Engine", self.engine), journals, targets, lock, print)
            hooks = GroupHooks(key, group, member, self.around(key, self._hooks(member)))
            runner = Runner(member, member, partial(self._ended, key), self.bake_seconds[key], hooks)
            standing = await runner.standing(record)
            group.enter(key, standing.state.phase)
            parts[key] = GroupMember(runner, record, standing)
        return group, parts

    def _hooks(self, member: FakeMember) -> ReleaseHooks:
        if not self.with_hooks:
            return NO_HOOKS
        return DeployHooks(HookRuns(EVERYWHERE, FakeCalls(member.world), member, lambda _: None), member, member.key)

    def _ended(self, key: str, line: PhaseRecord, _: Sequence[str]) -> None:
        self.lines.append((key, line))

    def expect(self, result: Result, phase: Phase, serving: str, *, held: bool = False) -> None:
        """Asserts that all releases have the same state."""
        for key in KEYS:
            record = self.record(key)
            assert (record.result, record.phase, record.held) == (result, phase, held), record
            assert (self.worlds[key].serving, self.worlds[key].pods[serving]) == (serving, PODS)
