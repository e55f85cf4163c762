"""A fake service for drills: its selector, its record and its Lease, with a command that can be killed."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from switchyard.config.models.service import Colour, Track
from switchyard.kube.access import ClusterAccess
from switchyard.kube.objects import Endpoint
from switchyard.release.drill.drill import Drill, DrillOutcome
from switchyard.release.drill.journal import DrillJournal
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.lease import ReleaseLease
from switchyard.release.record.store import RecordedReleases
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.protocol import SwitchSteps
from switchyard.release_errors import LeaseLostError
from tests.support.fake_lane import FakeCluster, Table
from tests.support.observed import BLUE, observed

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


class KilledError(BaseException):
    """The command is killed."""


@dataclass
class DrilledService:
    """A service of which green serves and blue is warm.

    Attributes:
        serving: the colour that the Service selects.
        releases: the record.
        configured: the active colour of the configuration.
        kill: number of the write at which the command is killed; None never.
        after: whether it is killed after the API server has accepted that write.
        errors: errors that writes of the selector raise, by number of the write.
        applied: numbers of the failed writes that the API server has accepted nevertheless.
        lost: number of the write from which on the Lease is lost; None never.
        events: the writes, in order.
    """

    serving: Colour = Colour.GREEN
    releases: RecordedReleases = field(default_factory=RecordedReleases)
    configured: Colour = Colour.GREEN
    blue: Any = BLUE
    kill: int | None = None
    after: bool = False
    errors: dict[int, Exception] = field(default_factory=dict)
    applied: set[int] = field(default_factory=set)
    lost: int | None = None
    writes: int = 0
    patches: int = 0
    events: list[str] = field(default_factory=list)

    def write(self, event: str, change: Callable[[], None]) -> None:
        """Writes, unless the command is killed in this moment."""
        self.writes += 1
        if self.kill == self.writes and not self.after:
            raise KilledError
        change()
        self.events.append(event)
        if self.kill == self.writes:
            raise KilledError

    def select(self, colour: Colour) -> None:
        self.serving = colour

    def confirm(self) -> None:
        if self.lost is not None and self.writes >= self.lost:
            raise LeaseLostError("another command has taken the Lease")

    async def observe(self) -> Observation:
        return observed(self.serving, blue=self.blue, active=self.configured)

    def drill(self) -> DrillOutcome:
        """Runs `switchyard drill` to its end."""

        async def warm(plan: Plan) -> None:
            self.events.append(f"warm {plan.warm_tag}")

        async def run() -> DrillOutcome:
            journal: Any = FakeDrillJournal(self)
            cluster: Any = DrilledCluster(self)
            drill = Drill(ClusterAccess(), cluster, journal, self.observe, warm, self.events.append)
            return await drill.run(await drill.plan(await self.observe(), self.releases), "a drill")

        return asyncio.run(run())

    def command(self, act: str) -> None:
        """Runs `switchyard rollback`, or `switchyard switch` to green."""

        async def converge(_: Receipt) -> Convergence:
            return Convergence(config=True, state=True)

        async def warm(_: Plan) -> None:
            raise AssertionError("a warm version is not warmed")

        async def run() -> None:
            cluster: Any = DrilledCluster(self)
            journal: Any = FakeReleaseJournal(self)
            lane = FastLane(ClusterAccess(), cluster, journal, self.events.append)
            now = await self.observe()
            plan = await (lane.plan_rollback(now) if act == "rollback" else lane.plan_switch(now, Colour.GREEN))
            await lane.run(plan, "why", SwitchSteps(self.observe, warm, converge))

        asyncio.run(run())


class DrilledApi(Table):
    """The API server, which takes the selector."""

    def __init__(self, service: DrilledService) -> None:
        super().__init__()
        self._of = service

    async def ask(self, *_: str, **request: Any) -> Any:
        service = self._of
        service.patches += 1
        colour = Colour(json.loads(request["content"])["spec"]["selector"]["version"])
        error = service.errors.get(service.patches)
        if error is None or service.patches in service.applied:
            service.write(f"select {colour}", lambda: service.select(colour))
        if error is not None:
            raise error
        return {}


class DrilledCluster(FakeCluster):
    """The cluster of a service, on which the pods of the colour that serves are behind the Service."""

    def __init__(self, service: DrilledService) -> None:
        super().__init__(api=DrilledApi(service))
        self._of = service

    async def watch_endpoints(self, *_: str) -> AsyncGenerator[frozenset[Endpoint], None]:
        pods = (f"{self._of.serving}-{number}" for number in (1, 2))
        yield frozenset(Endpoint(pod, "worker", ready=True) for pod in pods)

    async def serving_track(self, *_: str) -> Track:
        return Track(self._of.serving)


class _Store:
    def __init__(self, service: DrilledService) -> None:
        self._of = service

    async def read(self) -> RecordedReleases:
        return self._of.releases

    async def update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        releases = change(self._of.releases)

        def written() -> None:
            self._of.releases = releases

        current = releases.current
        assert current is not None
        self._of.write(f"{current.kind} {current.result}", written)
        return releases


class _Held:
    """A held Lease, with a clock, as a record needs it."""

    def __init__(self, service: DrilledService) -> None:
        self._of = service
        self._store: Any = _Store(service)
        self._lease: ReleaseLease | None = None
        self._sent_ends: set[Any] = set()

    def now(self) -> datetime:
        return NOW

    async def confirm(self) -> None:
        self._of.confirm()

    async def confirm_if_old(self) -> None:
        await self.confirm()

    @asynccontextmanager
    async def holding(self, *_: Any, **__: Any) -> AsyncGenerator[None, None]:
        yield


class FakeDrillJournal(_Held, DrillJournal):
    """The journal of a drill."""


class FakeReleaseJournal(_Held, LeasedSwitchJournal):
    """The journal of a switch or a rollback."""
