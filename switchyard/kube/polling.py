"""Bounded waits: by a watch if the API offers one, and otherwise by polling."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

Observation = TypeVar("Observation")


async def watch_until(
    watch: AsyncGenerator[Observation, None], enough: Callable[[Observation], Awaitable[bool]], seconds: float
) -> bool:
    """Follows a watch until an item satisfies a condition. Returns False if the time is over first.

    Args:
        watch: the watch, which is closed at the end.
        enough: the condition for an item. The time of its own calls counts.
        seconds: time limit.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(watch):
            async for observation in watch:
                if await enough(observation):
                    return True
    return False


async def poll_until(
    observe: Callable[[], Awaitable[Observation]],
    enough: Callable[[Observation], bool],
    *,
    seconds: float,
    every: float,
    report: Callable[[Observation], None] = lambda _: None,
) -> Observation:
    """Polls until a value satisfies a condition or the time is over. Returns the last of at least one value.

    For sources that offer no watch.

    Args:
        observe: reads the value once, without a time limit of its own.
        enough: the condition that ends the wait.
        seconds: time limit, which a reading that has started may exceed.
        every: seconds between two readings.
        report: is called with each value that does not end the wait.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while True:
        observation = await observe()
        if enough(observation) or clock() >= end:
            return observation
        report(observation)
        await asyncio.sleep(every)
