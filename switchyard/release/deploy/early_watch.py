"""The watch of a new version, which begins with the switch and runs in parallel with the phases until `watch`."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from switchyard.errors import ClusterError
from switchyard.release.deploy.protocol import Ended
from switchyard.release.watch.verdict import Outcome, Verdict, in_words

Value = TypeVar("Value")


class Others(Protocol):
    """The other versions of a group that are released together."""

    def condemn(self, detail: str) -> None:
        """Reports to the others that this version failed its watch."""

    def condemned(self) -> Ended | None:
        """The outcome of this version if another one failed its watch; None otherwise."""

    async def until_condemned(self) -> Ended:
        """Waits until another version has failed its watch."""


class EarlyWatch:
    """A watch that starts with the switch, so that a bad version is rolled back during the phases before `watch`.

    Args:
        others: versions that this one is released together with; None without any.
    """

    def __init__(self, others: Others | None = None) -> None:
        self._task: asyncio.Task[Verdict] | None = None
        self._others = others

    def begin(self, watch: Coroutine[Any, Any, Verdict]) -> None:
        """Starts the watch."""
        self._task = self._begun(watch)

    def take(self) -> "asyncio.Task[Verdict] | None":
        """The watch, for the one caller that waits for its verdict; None if it has not begun or was already taken."""
        task, self._task = self._task, None
        return task

    def cancel(self) -> None:
        """Ends the watch early, without a result."""
        if self._task is not None:
            self._task.cancel()

    @property
    def is_condemned(self) -> bool:
        """Whether this version, or another one of the group, is worse than accepted."""
        return _breach(self._task) is not None or (self._others is not None and self._others.condemned() is not None)

    async def permits(self, *tasks: "asyncio.Task[Any]") -> bool:
        """Waits until the tasks are done, or the version failed its watch. Returns False in the latter case.

        Nobody may await the tasks then, and their errors no longer matter.
        """
        others = self._condemnation()
        for task in tasks:
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            while not self.is_condemned:
                if all(task.done() for task in tasks):
                    return True
                waited = (*tasks, self._task, others)
                running = [task for task in waited if task is not None and not task.done()]
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            return False
        finally:
            if others is not None:
                others.cancel()

    async def result(self, call: Coroutine[Any, Any, Value], otherwise: Value) -> Value:
        """The result of a call, or another one as soon as the version fails its watch, which ends the call."""
        task = asyncio.create_task(call)
        if await self.permits(task):
            return await task
        task.cancel()
        return otherwise

    async def verdict(self, watch: Callable[[], Coroutine[Any, Any, Verdict]]) -> Verdict | Ended:
        """The verdict, or the outcome of this version if another one of the group fails first.

        Args:
            watch: starts a watch if none runs, or if the last one ended by an error of the cluster.
        """
        others, early = self._condemnation(), self.take()

        async def judged() -> Verdict:
            if early is not None:
                with suppress(ClusterError):
                    return await early
            return await self._begun(watch())

        running = asyncio.create_task(judged())
        try:
            await asyncio.wait({running, *([others] if others else [])}, return_when=asyncio.FIRST_COMPLETED)
            return await running if running.done() or others is None else others.result()
        finally:
            running.cancel()
            if others is not None:
                others.cancel()

    def _begun(self, watch: Coroutine[Any, Any, Verdict]) -> "asyncio.Task[Verdict]":
        task = asyncio.create_task(watch)
        task.add_done_callback(self._tell_others)
        return task

    def _condemnation(self) -> "asyncio.Task[Ended] | None":
        return None if self._others is None else asyncio.create_task(self._others.until_condemned())

    def _tell_others(self, watch: "asyncio.Task[Verdict]") -> None:
        if self._others is not None and (verdict := _breach(watch)) is not None:
            self._others.condemn(in_words(verdict))


def _breach(watch: asyncio.Task[Verdict] | None) -> Verdict | None:
    """The verdict of a watch that the new version failed; None for any other watch."""
    if watch is None or not watch.done() or watch.cancelled() or watch.exception() is not None:
        return None
    return watch.result() if watch.result().outcome is Outcome.BREACH else None
