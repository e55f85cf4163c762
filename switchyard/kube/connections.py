"""The clients of one run: connection and TLS are set up once, and shared by all callers."""

import asyncio
from dataclasses import dataclass

from switchyard.errors import ClusterError
from switchyard.kube.api import BoundedApi
from switchyard.kube.login import Login
from switchyard.kube.shared_reads import SharedReads
from switchyard.manifests.labels import MANAGED


@dataclass(frozen=True)
class _Connection:
    login: Login
    task: "asyncio.Task[SharedReads]"


class Connections:
    """One client for each event loop: a client of httpx belongs to the loop that it was opened in.

    A program has two loops, the engine's and that of `switchyard.kube.blocking`; a command has one.
    """

    def __init__(self) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, _Connection] = {}

    async def api(self, login: Login) -> SharedReads:
        """The client of the running loop, opened at the first call, or again if that failed.

        Args:
            login: the context and its credentials; a different login opens a new client.

        Raises:
            switchyard.errors.ClusterError: the API server does not answer, or denies its version.
        """
        loop = asyncio.get_running_loop()
        connection = self._by_loop.get(loop)
        if connection is None or connection.login is not login or _has_failed(connection.task):
            self._drop_closed()
            connection = _Connection(login, loop.create_task(_open(login)))
            connection.task.add_done_callback(_has_failed)  # retrieves an error that no caller awaits any more
            self._by_loop[loop] = connection
        # Other callers wait for the same task: one that stops waiting must not cancel it.
        return await asyncio.shield(connection.task)

    def _drop_closed(self) -> None:
        self._by_loop = {loop: connection for loop, connection in self._by_loop.items() if not loop.is_closed()}


async def _open(login: Login) -> SharedReads:
    try:
        return SharedReads(await BoundedApi.connect(login), MANAGED)
    except ClusterError as error:
        error.is_of_first_call = True
        raise


def _has_failed(task: "asyncio.Task[SharedReads]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
