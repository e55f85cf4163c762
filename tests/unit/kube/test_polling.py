"""Bounded waits end with what was seen last."""

import asyncio
from collections.abc import AsyncGenerator

from switchyard.kube.polling import poll_until, watch_until


def test_a_poll_ends_with_the_first_observation_that_is_enough() -> None:
    seen = iter(range(10))
    reported: list[int] = []

    async def observe() -> int:
        return next(seen)

    async def poll() -> int:
        return await poll_until(observe, lambda value: value == 3, seconds=5, every=0, report=reported.append)

    assert asyncio.run(poll()) == 3
    assert reported == [0, 1, 2]


def test_a_poll_observes_once_when_there_is_no_time_and_returns_it() -> None:
    observations: list[str] = []

    async def observe() -> str:
        observations.append("seen")
        return "seen"

    async def poll() -> str:
        return await poll_until(observe, lambda _: False, seconds=0, every=60)

    assert asyncio.run(poll()) == "seen"
    assert observations == ["seen"]


def test_a_watch_ends_when_it_is_enough_or_the_time_is_over() -> None:
    closed: list[bool] = []

    async def watch() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def is_two(value: int) -> bool:
        return value == 2

    async def never(_: int) -> bool:
        return False

    assert asyncio.run(watch_until(watch(), is_two, 5))
    assert not asyncio.run(watch_until(watch(), never, 0.02))
    assert closed == [True, True]
