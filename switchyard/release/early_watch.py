"""The watch of a new version from the moment of its switch on, beside what the phases until the watch do."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from switchyard.release.verdict import Outcome, Verdict


class EarlyWatch:
    """A watch that begins with the switch, so that a bad version does not wait for the phases between."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Verdict] | None = None

    def begin(self, watch: Coroutine[Any, Any, Verdict]) -> None:
        """Begins the watch."""
        self._task = asyncio.create_task(watch)

    def take(self) -> "asyncio.Task[Verdict] | None":
        """The watch for who waits for its verdict; None where it has not begun, or was taken before."""
        task, self._task = self._task, None
        return task

    def cancel(self) -> None:
        """Ends the watch without a verdict."""
        if self._task is not None:
            self._task.cancel()

    @property
    def is_condemned(self) -> bool:
        """Whether the version was found to be worse than accepted."""
        task = self._task
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return False
        return task.result().outcome is Outcome.BREACH

    async def permits(self, *tasks: "asyncio.Task[Any]") -> bool:
        """Waits until the tasks are done, or the version is condemned; returns whether it is not condemned."""
        while not self.is_condemned:
            running = [task for task in (*tasks, self._task) if task is not None and not task.done()]
            if all(task.done() for task in tasks):
                return True
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        return False
