"""The changes that a release makes through the engine and to the selector.

`SingleServiceActs` makes them for a service that is released alone, and
`switchyard.release.deploy.group_acts.GroupActs` for all services that are released together, at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from switchyard.config.models.service import Colour
from switchyard.gates.base import Warn, raise_refusal
from switchyard.release.deploy.protocol import DeployJournal, Ended
from switchyard.release.deploy.refusals import refuse_others
from switchyard.release.deploy.warm_changes import ColourChange, preview_change
from switchyard.release.engine.convergence import Convergence, converge
from switchyard.release.engine.engine import Engine, Step
from switchyard.release.engine.lock import unlocked
from switchyard.release.plan import Observation, Plan
from switchyard.release.refusals import not_switched, refuse_no_pods
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal_protocol import lost_lease


@dataclass(frozen=True)
class Warming:
    """A change that gives a colour its version and its pods, or deletes its pods.

    Attributes:
        change: change of the configuration.
        tag: tag of the release.
        live: values on the cluster of the keys that are set; see `preview_change`.
    """

    change: ColourChange
    tag: str
    live: Mapping[str, object] | None = None

    def refusal_of_others(self, steps: list[Step]) -> str:
        """The refusal of a preview that would change something else."""
        tag = None if self.removes else self.tag
        return str(refuse_others(self.change.key, self.change.colour, tag, steps))

    @property
    def removes(self) -> bool:
        """Whether the colour loses its pods."""
        return self.change.values.get("replicas") == 0


@dataclass(frozen=True)
class Patch:
    """A change of a selector.

    Attributes:
        plan: the planned switch.
        lane: fast lane of the service.
        observe: reads the service again.
    """

    plan: Plan
    lane: FastLane
    observe: Callable[[], Awaitable[Observation]]


class Acts(Protocol):
    """The changes that a release makes through the engine and to the selector."""

    async def warm(self, warming: Warming) -> None:
        """Previews and creates the pods of the new version. Raises `GateRefusedError` if anything else would change."""

    async def patch(self, patch: Patch) -> float | None:
        """Changes the selector; returns the seconds since the command began, or None if it was already changed."""

    async def converge(self, key: str, target: Colour) -> Convergence:
        """Updates configuration and state to the new version, which serves."""

    async def converge_back(self, key: str, source: Colour, replicas: int | None) -> Convergence:
        """Updates configuration and state to the old version, which serves again.

        Args:
            key: key of the service.
            source: colour of the old version.
            replicas: number of its pods, if the configuration has none; None otherwise.
        """

    async def remove(self, removal: Warming) -> None:
        """Deletes the pods of a colour that does not serve."""

    def condemn(self, detail: str) -> None:
        """Reports at once to the other services of the group that this version failed its watch."""

    def condemned(self) -> Ended | None:
        """The outcome of this release if another version of its group failed its watch; None otherwise."""

    def because(self) -> str | None:
        """Key of another service whose version failed its watch; None without one."""

    async def until_condemned(self) -> Ended:
        """Waits until another version of the group has failed its watch."""


class SingleServiceActs:
    """The changes of a release of one service, made through the engine and to the selector.

    Args:
        engine: engine of the stack.
        journal: journal of the release.
        warn: reports a warning.
        by_weights: whether the load balancer chooses the colour of the service.
    """

    def __init__(self, engine: Engine, journal: DeployJournal, warn: Warn, *, by_weights: bool = False) -> None:
        self._engine = engine
        self._journal = journal
        self._warn = warn
        self._by_weights = by_weights

    async def warm(self, warming: Warming) -> None:
        """Previews and creates the pods of the new version."""
        await self._update(warming)

    async def patch(self, patch: Patch) -> float | None:
        """Changes the selector.

        Raises:
            GateRefusedError: no pod of the new version is ready any more, since it was proved.
        """
        plan = patch.plan
        if plan.patch:
            raise_refusal(refuse_no_pods(plan.observation, plan.target, plan.act, not_switched(plan)))
        await self._journal.confirm()
        return await patch.lane.patch(plan) if plan.patch else None

    async def converge(self, key: str, target: Colour) -> Convergence:
        """Updates configuration and state to the new version, which serves.

        Raises:
            switchyard.release_errors.LeaseLostError: a rollback has taken the Lease, and its colour serves.
        """
        if (lost := await lost_lease(self._journal)) is not None:
            raise lost
        return await converge(self._engine, key, target, self._warn, config=False, by_weights=self._by_weights)

    async def converge_back(self, key: str, source: Colour, replicas: int | None) -> Convergence:
        """Updates configuration and state to the old version, which serves again."""
        return await converge(
            self._engine, key, source, self._warn, config=False, replicas=replicas, by_weights=self._by_weights
        )

    async def remove(self, removal: Warming) -> None:
        """Deletes the pods of a colour that does not serve."""
        await self._journal.confirm()
        await self._update(removal)

    def condemn(self, detail: str) -> None:
        """Has no effect and no result, because there is no group."""

    def condemned(self) -> Ended | None:
        """Has no effect and no result, because there is no group."""
        return None

    def because(self) -> str | None:
        """Has no effect and no result, because there is no group."""
        return None

    async def until_condemned(self) -> Ended:
        """Waits until it is cancelled, because there is no group."""
        return await asyncio.Future[Ended]()

    async def _update(self, warming: Warming) -> None:
        await asyncio.to_thread(preview_change, self._engine, warming.change, warming.refusal_of_others, warming.live)
        await self._journal.confirm()
        await unlocked(self._engine.up, self._warn)
