"""Counts the requests during a switch, from the pods' own counters."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from switchyard.config.models.service import Track
from switchyard.kube.api import BoundedApi
from switchyard.release.drain.report import DrainReport
from switchyard.release.plan import Plan
from switchyard.release.receipt.node_ports import requests_sent
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.watch.pod_metrics import PodMetrics, Reading
from switchyard.release.watch.samples import Counts, Increase

EVERY_SECONDS = 1
"""Seconds between two readings, because metrics cannot be watched."""

QUIET_SECONDS = 2
"""Seconds without a counted request after which the last request of the old pods counts as seen."""


class _Counter:
    """The requests that the pods of one colour have counted since the first reading."""

    def __init__(self, api: BoundedApi, plan: Plan, track: Track) -> None:
        observation = plan.observation
        self._metrics = PodMetrics(api, observation.name, observation.settings, track)
        self._increase = Increase(observation.settings.release.watch)
        self.counts = Counts()
        self.read = False
        self.unread = self.problem = ""

    async def look(self) -> bool:
        """Reads all pods. Returns True if they have counted a request since the last reading."""
        reading = await self._metrics.read()
        more = Counts()
        for pod, series in reading.series.items():
            # Not `born`: a pod that is read for the first time may be an older one that has not answered before.
            more += self._increase.add(pod, series, born=False)
        self.counts += more
        self.read = self.read or any(reading.series.values())
        self.unread, self.problem = reading.problem, _problem(reading)
        return more.requests > 0


class Counting:
    """Counts requests of both colours in parallel with the other steps of a command after the patch.

    Those of the new colour count from just after the patch on, without as many as the command itself has sent: an
    application may count them or not, and a smaller sample only weakens the claim. Those of the old
    colour are followed once every node has been asked.

    Args:
        api: the API server.
        plan: the switch.
        elapsed: seconds since the command began.
    """

    def __init__(self, api: BoundedApi, plan: Plan, elapsed: Callable[[], float]) -> None:
        self._plan, self._elapsed = plan, elapsed
        self._new = _Counter(api, plan, Track(plan.target))
        self._old = _Counter(api, plan, Track(plan.target.other))
        self._last_old: float | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    def begin(self) -> None:
        """Starts to count the requests of the new colour."""
        self._tasks.append(asyncio.create_task(self._new.look()))

    def follow_old(self) -> None:
        """Starts to follow the counters of the old colour, until its last request."""
        self._tasks.append(asyncio.create_task(self._follow_old()))

    def cancel(self) -> None:
        """Ends the counting without a result."""
        for task in self._tasks:
            task.cancel()

    async def end(self, receipt: Receipt) -> Receipt:
        """Ends the counting. Returns the receipt with the counts, and with what could not be counted."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self._new.look(), self._look_at_old())
        counts, new, old = self._new.counts, self._plan.target, self._plan.target.other
        failed, used = round(counts.failed), self._old_is_used()
        requests = max(failed, round(counts.requests) - requests_sent(receipt))
        unseen = list(receipt.unseen)
        if not self._new.read:
            unseen.append(f"requests: {new} {self._new.problem}")
        elif self._new.unread:
            unseen.append(f"requests: not all of {new} were counted: {self._new.unread}")
        if not self._old.read:
            unseen.append(f"last answer over kept connections: {old} {self._old.problem}")
        elif used:
            unseen.append(
                f"last answer over kept connections: pods of {old} still counted requests {self._last_old:.1f} s after "
                "the start (those of their probes too, if the application counts them)"
            )
        elif self._old.unread:
            unseen.append(f"last answer over kept connections: not all of {old} were counted: {self._old.unread}")
        return replace(
            receipt,
            requests=requests if self._new.read else None,
            errors=failed if self._new.read else None,
            last_old_kept=None if used or self._old.unread else self._last_old,
            unseen=tuple(unseen),
        )

    async def _follow_old(self) -> None:
        while True:
            await self._look_at_old()
            await asyncio.sleep(EVERY_SECONDS)

    async def _look_at_old(self) -> None:
        if await self._old.look():
            self._last_old = self._elapsed()

    def _old_is_used(self) -> bool:
        return self._last_old is not None and self._elapsed() - self._last_old < QUIET_SECONDS


@dataclass(frozen=True)
class Followed:
    """A switch whose endpoints and nodes were observed, and whose requests are counted until the end of its drain.

    Attributes:
        receipt: the receipt so far.
        counting: the count, which has begun.
    """

    receipt: Receipt
    counting: Counting

    async def ended(self, drained: DrainReport) -> Receipt:
        """Ends the counting after the drain. Returns the whole receipt.

        Args:
            drained: the result of the drain.
        """
        return await self.counting.end(replace(self.receipt, drain=drained))


def _problem(reading: Reading) -> str:
    if reading.problem:
        return f"was not counted: {reading.problem}"
    return "was not counted: its pods have no such metrics" if reading.series else "has no pods that could be read"
