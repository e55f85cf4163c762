"""Bounded waits: by a watch where there is something to watch, and else by asking again."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

Observation = TypeVar("Observation")


async def watch_until(
    watch: AsyncGenerator[Observation, None], enough: Callable[[Observation], Awaitable[bool]], seconds: float
) -> bool:
    """Follows a watch until an item that it yields is enough; returns whether one was within the time.

    Args:
        watch: what to follow. It is closed at the end.
        enough: decides for each item that the watch yields. Its own calls count towards the time.
        seconds: the bound.
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
    """Observes until an observation is enough or the time is over; returns the last of at least one observation.

    Only for what offers no watch.

    Args:
        observe: observes once. Its own time is not bounded here.
        enough: whether an observation ends the wait.
        seconds: the bound, which an observation that has begun may exceed.
        every: seconds between two observations.
        report: takes each observation that does not end the wait.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while True:
        observation = await observe()
        if enough(observation) or clock() >= end:
            return observation
        report(observation)
        await asyncio.sleep(every)
