"""What a release has the engine and the selector do. Services that are released together do it all at once.

`LoneActs` are those of one service, `switchyard.release.deploy_together.GroupActs` those of one of several.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from switchyard.config.models.service import Colour
from switchyard.release.convergence import Convergence, converge
from switchyard.release.deploy_protocol import Ended, Ledger
from switchyard.release.deploy_refusals import refuse_others
from switchyard.release.engine import Engine, Step
from switchyard.release.fast_lane import FastLane
from switchyard.release.plan import Observation, Plan
from switchyard.release.warm_changes import ColourChange, preview_change, update


@dataclass(frozen=True)
class Warming:
    """A colour that is given its version and its pods, or loses them.

    Attributes:
        change: change of the configuration.
        tag: tag of the release.
        live: what the cluster has of the keys that are set; see `preview_change`.
    """

    change: ColourChange
    tag: str
    live: Mapping[str, object] | None = None

    def refusal_of_others(self, steps: list[Step]) -> str:
        """The message for a preview that would change something else."""
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
        plan: what is to serve.
        lane: lane of the service.
        observe: reads the service anew.
    """

    plan: Plan
    lane: FastLane
    observe: Callable[[], Awaitable[Observation]]


class Acts(Protocol):
    """What a release has the engine and the selector do."""

    async def warm(self, warming: Warming) -> None:
        """Previews the pods of the new version and creates them. Raises `GateRefusedError` for other changes."""

    async def patch(self, patch: Patch) -> float | None:
        """Changes the selector; returns the seconds since the command began, or None where it was as wanted."""

    async def converge(self, key: str, target: Colour) -> Convergence:
        """Brings configuration and state to a new version that serves."""

    async def converge_back(self, key: str, source: Colour) -> Convergence:
        """Brings configuration and state to the old version, which serves again."""

    async def remove(self, removal: Warming) -> None:
        """Deletes the pods of a colour that does not serve."""

    def condemn(self, detail: str) -> None:
        """Tells the others at once that this version is condemned."""

    def condemned(self) -> Ended | None:
        """The outcome of a release that belongs together with one that is condemned; None without such a one."""

    def because(self) -> str | None:
        """Key of the service whose version is condemned, where that is not this one; None without one."""

    async def until_condemned(self) -> Ended:
        """Waits until another version is condemned that this one belongs together with."""


class LoneActs:
    """What the release of one service has the engine and the selector do.

    Args:
        engine: engine of the stack.
        ledger: ledger of the release.
    """

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    async def warm(self, warming: Warming) -> None:
        """Previews the pods of the new version and creates them."""
        await self._update(warming)

    async def patch(self, patch: Patch) -> float | None:
        """Changes the selector."""
        await self._ledger.confirm()
        return await patch.lane.patch(patch.plan) if patch.plan.patch else None

    async def converge(self, key: str, target: Colour) -> Convergence:
        """Brings configuration and state to a new version that serves."""
        return await asyncio.to_thread(converge, self._engine, key, target, config=False)

    async def converge_back(self, key: str, source: Colour) -> Convergence:
        """Brings configuration and state to the old version."""
        return await self.converge(key, source)

    async def remove(self, removal: Warming) -> None:
        """Deletes the pods of a colour that does not serve."""
        await self._ledger.confirm()
        await self._update(removal)

    def condemn(self, detail: str) -> None:
        """There are no others."""

    def condemned(self) -> Ended | None:
        """There are no others."""
        return None

    def because(self) -> str | None:
        """There are no others."""
        return None

    async def until_condemned(self) -> Ended:
        """There are no others: it waits until it is cancelled."""
        return await asyncio.Future[Ended]()

    async def _update(self, warming: Warming) -> None:
        await asyncio.to_thread(preview_change, self._engine, warming.change, warming.refusal_of_others, warming.live)
        await self._ledger.confirm()
        await asyncio.to_thread(update, self._engine)
