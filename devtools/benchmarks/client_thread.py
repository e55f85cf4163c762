"""Runs clients of a service in a thread. The block begins once each of them has had an answer."""

import asyncio
import threading
from types import TracebackType
from typing import Self


class ClientThread:
    """Runs a number of clients while the block runs.

    Args:
        number: number of clients.
        start_seconds: how long the first answers to all of them may take.
    """

    def __init__(self, number: int, start_seconds: float) -> None:
        self._number = number
        self._start_seconds = start_seconds
        self._ended = threading.Event()
        self._answered: set[int] = set()
        self._all_answered = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._all_answered.wait(self._start_seconds):
            self._ended.set()
            self._thread.join()
            raise TimeoutError(f"{len(self._answered)} of {self._number} clients got an answer")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for client in range(self._number):
                clients.create_task(self._client(client))

    async def _client(self, client: int) -> None:
        """Sends requests until the block has ended."""
        raise NotImplementedError
