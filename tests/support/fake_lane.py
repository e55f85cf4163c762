"""A switch or a rollback against a fake cluster and a fake record, which record the order of events."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from switchyard.config.models.service import Colour, Track
from switchyard.errors import ClusterError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.kube_proxy import Routing
from switchyard.kube.objects import Endpoint, Pod
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.protocol import SwitchOutcome, SwitchSteps
from switchyard.release_errors import LeaseLostError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Release:
    kind: str = "deploy"
    source: str = "blue"
    target: str = "green"
    from_tag: str | None = "v1"
    tag: str | None = "v2"
    result: str = "succeeded"
    started: str = "2026-01-02T03:04:05Z"
    actor: str = "ann"
    has_switched: bool = False


OF_BLUE = Release(source="green", target="blue", from_tag="v2", tag="v1")
"""The release by which blue serves, after green."""


@dataclass
class Table:
    """A fake API server with one Service, which records the requests."""

    errors: list[Exception] = field(default_factory=list)
    service: dict[str, Any] | None = None
    patches: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, *_: str, **request: Any) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        self.patches.append(request)
        return {}

    async def find(self, *_: str) -> Any:
        return self.service

    async def find_all(self, *_: object) -> Any:
        return {"items": []}


@dataclass
class FakeCluster:
    """A cluster on which the pods of a colour are behind the Service."""

    api: Table = field(default_factory=Table)
    behind: tuple[str, ...] = ("green-1", "green-2")
    nodes: tuple[Routing, ...] = ()
    others: tuple[str, ...] = ()  # nodes without the labels of the service
    serving: Track = Track.BLUE
    unreadable: Exception | None = None
    denied: Exception | None = None
    error: Exception | None = None

    async def pods(self, _: str, labels: Mapping[str, str]) -> list[Pod]:
        if self.error is not None:
            raise self.error
        return [Pod(f"{labels['version']}-{number}", ready=True, state="") for number in (1, 2)]

    async def watch_endpoints(self, *_: str) -> AsyncGenerator[frozenset[Endpoint], None]:
        yield frozenset(Endpoint(pod, "worker", ready=True) for pod in self.behind)

    async def serving_track(self, *_: str) -> Track:
        if self.unreadable is not None:
            raise self.unreadable
        return self.serving

    async def ready_nodes(self, labels: Mapping[str, str]) -> list[str]:
        if self.denied is not None:
            raise self.denied
        return [node.node for node in self.nodes if node.ready and not (labels and node.node in self.others)]

    async def routing(self, *_: object) -> list[Routing]:
        if self.denied is not None:
            raise self.denied
        return list(self.nodes)


@dataclass
class FakeJournal:
    """A fake journal that records the order of events."""

    events: list[str]
    latest: Release | None = None
    running: Release | None = None
    receipt: Receipt | None = None
    lost: LeaseLostError | ClusterError | None = None

    async def last(self, _: Colour) -> Release | None:
        return self.latest

    async def left_open(self, _: Colour) -> Release | None:
        return self.running

    @asynccontextmanager
    async def held(self, plan: Plan) -> AsyncGenerator[None, None]:
        self.events.append(f"hold {plan.act}")
        yield
        self.events.append("release")

    async def confirm(self) -> None:
        if self.lost is not None:
            raise self.lost

    async def begin(self, plan: Plan, reason: str | None) -> str:
        self.events.append(f"begin {plan.target} {reason}")
        return "2026-01-02T03:04:05Z"

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        self.receipt = receipt
        self.events.append(f"end {succeeded} {detail}")


@dataclass
class Lane:
    cluster: FakeCluster = field(default_factory=FakeCluster)
    events: list[str] = field(default_factory=list)
    latest: Release | None = OF_BLUE
    again: Observation | None = None
    under_lease: Observation | None = None
    problem: str | None = None
    waited: bool = False
    gentle: bool = False

    def __post_init__(self) -> None:
        self.journal = FakeJournal(self.events, self.latest)
        cluster: Any = self.cluster
        self.lane = FastLane(ClusterAccess(), cluster, self.journal, self.events.append, gentle=self.gentle)

    def run(self, plan: Plan) -> SwitchOutcome:
        async def observe() -> Observation:
            if self.again is not None and any(event.startswith("warm") for event in self.events):
                return self.again
            return self.under_lease or plan.observation

        async def warm(warmed: Plan) -> None:
            self.events.append(f"warm {warmed.warm_tag}")

        async def converge(_: Receipt) -> Convergence:
            self.events.append("converge")
            return Convergence(config=True, state=self.problem is None, problem=self.problem)

        return done(self.lane.run(plan, "why", SwitchSteps(observe, warm, converge, lambda: self.waited)))


def done(call: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(call)
