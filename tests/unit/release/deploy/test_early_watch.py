"""A version that is condemned right after its switch waits for none of the steps that follow."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import pytest

from switchyard.errors import UnreachableError
from switchyard.release.deploy.early_watch import EarlyWatch
from switchyard.release.deploy.protocol import Ended
from switchyard.release.phases import Event
from switchyard.release.watch.verdict import Outcome, Verdict

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


def test_the_error_of_a_step_that_a_bad_verdict_has_ended_is_not_printed() -> None:
    printed: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: printed.append(context))
        early, failing = EarlyWatch(), asyncio.create_task(fails())
        early.begin(ends_as(BREACH))
        assert not await early.permits(failing, asyncio.create_task(never()))
        assert failing.done()

    asyncio.run(run())
    gc.collect()
    assert printed == []


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


class FakeOthers:
    """Other versions of a group."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.outcome: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def condemn(self, detail: str) -> None:
        self.told.append(detail)

    def condemned(self) -> Ended | None:
        return self.outcome.result() if self.outcome.done() else None

    async def until_condemned(self) -> Ended:
        return await asyncio.shield(self.outcome)


def test_a_version_waits_neither_for_steps_nor_for_its_watch_once_another_one_is_condemned() -> None:
    async def run() -> None:
        others, back = FakeOthers(), Ended(Event.BREACHED, "worker goes back")
        early = EarlyWatch(others)
        early.begin(never())
        asyncio.get_running_loop().call_later(0.01, others.outcome.set_result, back)
        assert not await early.permits(asyncio.create_task(never()))
        assert early.is_condemned
        assert await early.verdict(never) is back
        assert others.told == []

    asyncio.run(run())


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(("verdict", "told"), [(BREACH, ["It is worse"]), (PASS, [])])
def test_a_version_that_is_condemned_is_reported_to_the_others_at_once(
    verdict: Verdict, told: list[str], begun: bool
) -> None:
    async def run() -> None:
        others = FakeOthers()
        early = EarlyWatch(others)
        if begun:
            early.begin(ends_as(verdict))
        assert await early.verdict(lambda: ends_as(verdict)) is verdict
        await asyncio.sleep(0)
        assert [detail.partition(" (")[0] for detail in others.told] == told

    asyncio.run(run())


def test_a_watch_that_is_interrupted_ends() -> None:
    async def run() -> None:
        early = EarlyWatch(FakeOthers())
        early.begin(never())
        watch = early._task
        waiting = asyncio.create_task(early.verdict(never))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert watch is not None
        await asyncio.wait({watch})
        assert watch.cancelled()

    asyncio.run(run())


def test_a_watch_that_the_api_server_ended_is_begun_again() -> None:
    async def gone() -> Verdict:
        raise UnreachableError("no answer in 5 s")

    async def run() -> None:
        early = EarlyWatch()
        early.begin(gone())
        assert await early.permits(asyncio.create_task(asyncio.sleep(0)))
        assert await early.verdict(lambda: ends_as(BREACH)) is BREACH

    asyncio.run(run())
