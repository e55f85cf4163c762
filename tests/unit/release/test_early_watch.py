"""A version that is condemned right after its switch waits for none of the steps that follow."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from switchyard.release.early_watch import EarlyWatch
from switchyard.release.verdict import Outcome, Verdict

BREACH, PASS = Verdict(Outcome.BREACH, "It is worse."), Verdict(Outcome.PASS, "It is well.")


async def ends_as(verdict: Verdict) -> Verdict:
    await asyncio.sleep(0)
    return verdict


async def fails() -> Verdict:
    raise RuntimeError("the watch has ended by an error")


async def never() -> Any:
    await asyncio.Event().wait()


def permits(watch: Coroutine[Any, Any, Verdict] | None, *steps: Coroutine[Any, Any, Any]) -> bool:
    async def run() -> bool:
        early = EarlyWatch()
        if watch is not None:
            early.begin(watch)
        tasks = [asyncio.create_task(step) for step in steps]
        permitted = await early.permits(*tasks)
        assert permitted is all(task.done() for task in tasks)
        return permitted

    return asyncio.run(run())


def test_a_step_without_an_end_does_not_keep_a_condemned_version() -> None:
    assert not permits(ends_as(BREACH), never())
    assert not permits(ends_as(BREACH), never(), asyncio.sleep(0))


@pytest.mark.parametrize("watch", [None, never, fails, lambda: ends_as(PASS)])
def test_steps_end_beside_a_watch_that_condemns_nothing(watch: Any) -> None:
    assert permits(watch and watch(), asyncio.sleep(0.01), asyncio.sleep(0))


def test_a_watch_is_taken_once() -> None:
    async def run() -> None:
        early = EarlyWatch()
        assert early.take() is None
        early.begin(ends_as(PASS))
        task = early.take()
        assert task is not None
        assert await task is PASS
        assert early.take() is None
        assert not early.is_condemned

    asyncio.run(run())
