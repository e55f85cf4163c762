"""Simulates a command that switches several services together, and that can be killed at each moment."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import GateRefusedError
from switchyard.release.drain.report import DrainReport
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.counting import Followed
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.protocol import SwitchOutcome
from switchyard.release.switch.together import Member, Together
from tests.support.fake_counting import FakeCounting, followed
from tests.support.fake_release import KilledError
from tests.support.observed import observed


@dataclass
class World:
    """The state that outlives a command: services, their records and their Leases.

    Attributes:
        serving: the colour that each Service selects.
        records: the target of the release of each service, and whether it is open, has ended or has failed.
        events: what has happened, in order.
        errors: errors of the next patches of a service, each with whether the patch is made nevertheless.
        refusals: reason for which the gates of a service refuse, by service.
        kill: how many more moments there are until the command is killed; None never.
    """

    serving: dict[str, Colour] = field(default_factory=lambda: dict.fromkeys(("api", "worker"), Colour.BLUE))
    records: dict[str, tuple[Colour, str]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    errors: dict[str, list[tuple[BaseException | None, bool]]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    held: dict[str, asyncio.Lock] = field(default_factory=dict)
    lost: dict[str, Exception] = field(default_factory=dict)
    converged: list[dict[str, Colour]] = field(default_factory=list)
    warm: dict[str, str] = field(default_factory=dict)
    kill: int | None = None

    def moment(self, event: str) -> None:
        """Marks a moment directly before a write."""
        if self.kill is not None:
            if self.kill == 0:
                raise KilledError
            self.kill -= 1
        self.events.append(event)

    def observe(self, key: str) -> Observation:
        return replace(observed(self.serving[key]), name=ServiceName(key, key))

    def plan(self, key: str, act: Act = Act.SWITCH, target: Colour = Colour.GREEN) -> Plan:
        observation = self.observe(key)
        return Plan(act, observation, target, self.warm.get(key), patch=observation.serving != target)


@dataclass
class FakeLane:
    """The lane of one service on the simulated state."""

    world: World
    key: str

    async def pass_gates(self, plan: Plan) -> None:
        self.world.events.append(f"gates {self.key} {plan.target}")
        if reason := self.world.refusals.get(self.key):
            raise GateRefusedError(reason)

    async def restore_pods(self, plan: Plan) -> None:
        self.world.events.append(f"restore {self.key} {plan.target}")

    async def plan_rollback(self, observation: Observation) -> Plan:
        return Plan(Act.ROLLBACK, observation, Colour.GREEN, self.world.warm.get(self.key))

    async def patch(self, plan: Plan) -> float:
        planned = self.world.errors.get(self.key) or []
        error, is_made = planned.pop(0) if planned else (None, True)
        if is_made:
            self.world.moment(f"patch {self.key} {plan.target}")
            self.world.serving[self.key] = plan.target
        if error is not None:
            raise error
        return 0.1

    def begun(self, now: str) -> str:
        return now

    async def follow(self, _: Plan, started: str, patched: float | None) -> Followed:
        counting = FakeCounting({"requests": 3000, "errors": 0})
        return followed(Receipt(started, patched_after=patched), counting)

    async def drain(self, plan: Plan, _: object) -> DrainReport:
        self.world.events.append(f"drain {self.key}")
        return DrainReport(plan.target.other, DrainMethod.NONE)


@dataclass
class FakeJournal:
    """The journal of one service on the simulated state."""

    world: World
    key: str

    @asynccontextmanager
    async def held(self, _: Plan) -> AsyncGenerator[None, None]:
        if error := self.world.lost.get(f"held {self.key}"):
            raise error
        async with self.world.held.setdefault(self.key, asyncio.Lock()):
            self.world.events.append(f"hold {self.key}")
            yield
            self.world.events.append(f"release {self.key}")

    async def last(self, _: Colour) -> None:
        return None

    async def left_open(self, _: Colour) -> None:
        return None

    async def confirm(self) -> None:
        if error := self.world.lost.get(self.key):
            raise error

    async def begin(self, plan: Plan, _: str | None) -> str:
        self.world.moment(f"begin {self.key}")
        self.world.records[self.key] = (plan.target, "open")
        return "2030-01-31T12:00:00Z"

    async def end(self, _: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        self.world.moment(f"end {self.key} {succeeded}")
        self.world.records[self.key] = (self.world.records[self.key][0], "ended" if succeeded else f"failed: {detail}")


def group(world: World) -> Together:
    """A command on the simulated services."""

    def member(key: str) -> Member:
        async def observe() -> Observation:
            return world.observe(key)

        async def warm(plan: Plan) -> None:
            world.events.append(f"warm {key} {plan.warm_tag}")

        return Member(cast("FastLane", FakeLane(world, key)), FakeJournal(world, key), observe, warm)

    async def converge(plans: Mapping[str, Plan], _: Mapping[str, Receipt]) -> Convergence:
        world.events.append("converge")
        world.converged.append({key: plan.target for key, plan in plans.items()})
        return Convergence(config=True, state=True)

    return Together({key: member(key) for key in world.serving}, converge, world.events.append)


def run(world: World, act: Act = Act.SWITCH, target: Colour = Colour.GREEN) -> dict[str, SwitchOutcome]:
    """Switches all simulated services."""
    plans = {key: world.plan(key, act, target) for key in world.serving}
    return asyncio.run(group(world).run(plans, "why"))
