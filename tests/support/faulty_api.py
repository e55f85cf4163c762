"""A fault of the API server or of the engine, at one request of a command, inside the command's own process."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from unittest import mock

import httpx

from switchyard.errors import EngineError
from switchyard.kube.client import ClusterClient
from switchyard.release import retries
from switchyard.release.engine.engine import Engine, EngineCommand

Start = Callable[..., EngineCommand]

REFUSED = "refused"
"""The connection is refused, and nothing is done."""

LOST = "lost"
"""The request is carried out, and its answer is lost."""

OUTAGE = "outage"
"""The connection is refused, and so are those of the requests after it, for longer than a command tries again."""

ENGINE = "engine"
"""The engine fails, as without its state."""

FAULTS = (REFUSED, LOST, OUTAGE, ENGINE, "409", "429", "500")
"""All faults. A number is the status of the answer."""

FAULT = "fault"
"""File beside the stack file: the request that had the fault; it does not exist if none had."""

SECONDS = 0.5
"""How long a command tries again, in place of a minute."""


def inject(fault: str, which: int | str) -> None:
    """Gives one request of this process a fault.

    Args:
        fault: the fault.
        which: number of the request, from 0, or its method and its path in the namespace; for a fault of the engine,
            number of its command.
    """
    numbers = itertools.count()
    send, start = ClusterClient._send, cast("Start", Engine._start)  # of the simulated engine

    async def sent(
        client: ClusterClient, http: httpx.AsyncClient, method: str, path: str, *arguments: Any
    ) -> httpx.Response:
        is_it = which in {next(numbers), f"{method} {path.partition('/namespaces/')[2].partition('/')[2]}"}
        if not is_it and not (fault == OUTAGE and Path(FAULT).exists()):
            return await send(client, http, method, path, *arguments)
        if is_it:
            Path(FAULT).write_text(f"{fault} {method} {path}")
        if fault.isdecimal():
            status = {"kind": "Status", "apiVersion": "v1", "message": "injected"}
            return httpx.Response(int(fault), json=status, request=httpx.Request(method, f"https://api{path}"))
        if fault != LOST:
            raise httpx.ConnectError("injected")
        await send(client, http, method, path, *arguments)
        raise httpx.ReadTimeout("injected")

    def started(_: Engine, *arguments: str) -> EngineCommand:
        if next(numbers) == which:
            Path(FAULT).write_text(f"{fault} {' '.join(arguments)}")
            raise EngineError("error: injected")
        return start(*arguments)

    Path(FAULT).unlink(missing_ok=True)
    retries.SECONDS, retries.PAUSE_SECONDS = SECONDS, 0.05
    if fault == ENGINE:
        mock.patch.object(Engine, "_start", started).start()
    else:
        mock.patch.object(ClusterClient, "_send", sent).start()
