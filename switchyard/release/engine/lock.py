"""Waits for the lock of a stack's state that another update holds, for example of a killed command."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from switchyard.config.commands import typed
from switchyard.errors import EngineError
from switchyard.gates.base import Warn

LOCKED = ("currently locked", "[409] Conflict")
"""Message of the engine while another update of the stack runs."""

LOCKED_SECONDS = 330
"""Seconds to wait for such an update: as long as most updates take until their pods are ready."""

PAUSE_SECONDS = 1.0
"""Seconds between two attempts. The lock is in a backend that cannot be watched."""

Value = TypeVar("Value")


async def unlocked(call: Callable[[], Value], warn: Warn) -> Value:
    """Calls the engine, and repeats the call while another update of the stack runs.

    Args:
        call: the call.
        warn: reports the wait once.

    Raises:
        EngineError: the engine fails, or the state is locked for too long.
    """
    end, waited = time.monotonic() + LOCKED_SECONDS, False
    while True:
        try:
            return await asyncio.to_thread(call)
        except EngineError as error:
            if not is_locked(str(error)) or time.monotonic() >= end:
                raise
        if not waited:
            warn(
                f"Another update of the stack holds the lock of its state, and is waited for, {LOCKED_SECONDS} s at "
                f"most. Ctrl-C ends the wait. If no update runs: {typed('pulumi cancel')}"
            )
        waited = True
        await asyncio.sleep(PAUSE_SECONDS)


def is_locked(text: str) -> bool:
    """Whether a message of the engine says that another update of the stack runs."""
    return any(locked in text for locked in LOCKED)
