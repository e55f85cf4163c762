"""Bounded waits: by a watch where there is something to watch, and else by asking again."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

Seen = TypeVar("Seen")


async def watch_until(
    watch: AsyncGenerator[Seen, None], enough: Callable[[Seen], Awaitable[bool]], seconds: float
) -> bool:
    """Follows a watch until what it yields is enough; returns whether that was so within the time.

    Args:
        watch: what to follow. It is closed at the end.
        enough: is asked for each thing that the watch yields. Its own calls count towards the time.
        seconds: the bound.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(watch):
            async for seen in watch:
                if await enough(seen):
                    return True
    return False


async def poll_until(
    observe: Callable[[], Awaitable[Seen]],
    enough: Callable[[Seen], bool],
    *,
    seconds: float,
    every: float,
    report: Callable[[Seen], None] = lambda _: None,
) -> Seen:
    """Observes until that is enough, or the time is over; returns the last observation, and there is at least one.

    For what offers no watch alone.

    Args:
        observe: looks once. Its own time is not bounded here.
        enough: whether an observation ends the wait.
        seconds: the bound, which an observation that has begun may exceed.
        every: seconds between two observations.
        report: takes each observation that does not end the wait.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while True:
        seen = await observe()
        if enough(seen) or clock() >= end:
            return seen
        report(seen)
        await asyncio.sleep(every)
