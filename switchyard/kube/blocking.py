"""Runs coroutines from code that is not asynchronous, such as the start of a program."""

import asyncio
from collections.abc import Coroutine
from functools import cache
from threading import Thread
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def run_blocking(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs a coroutine and returns its result. Blocks the caller, whether an event loop runs or not.

    All coroutines of a process run in one event loop, in a thread of its own. So they share the connections to the API
    server, which belong to the loop that they were opened in. The program's own thread is no place for it: the engine's
    SDK runs its event loop there.

    Raises:
        RuntimeError: the caller is such a coroutine, which would wait for itself.
    """
    loop = _loop()
    try:
        is_own_loop = asyncio.get_running_loop() is loop
    except RuntimeError:
        is_own_loop = False
    if is_own_loop:
        coroutine.close()
        raise RuntimeError("run_blocking was called by a coroutine that it runs")
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="switchyard-blocking", daemon=True).start()
    return loop
