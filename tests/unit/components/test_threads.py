"""Work of the program goes on while every thread of the engine's calls waits."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pulumi.runtime._instrumentation import wrap_with_context

from components.threads import SeparateThreads, separate_threads

as_call: Any = wrap_with_context
"""Wraps a function as the SDK wraps its calls to the engine, which it has without types."""


def names(*prefixes: str) -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(prefixes)}


@pytest.mark.parametrize("given", [True, False], ids=["executor of the language host", "none"])
def test_a_hook_gets_threads_while_all_registrations_wait_for_it(given: bool) -> None:
    answered = threading.Event()

    def register() -> str:
        answered.wait()
        return threading.current_thread().name

    async def program() -> None:
        loop = asyncio.get_running_loop()
        if given:
            loop.set_default_executor(ThreadPoolExecutor(1, "engine"))
        separate_threads()
        # As the SDK schedules its calls.
        calls = [loop.run_in_executor(None, as_call(register)) for _ in range(40)]
        try:
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "renewed"), 60) == "renewed"
            assert await asyncio.wait_for(loop.getaddrinfo("localhost", 443, type=socket.SOCK_STREAM), 60)
        finally:
            answered.set()
        if given:
            assert set(await asyncio.gather(*calls)) == {"engine_0"}

    asyncio.run(program())


def test_the_end_of_a_loop_ends_the_threads_of_both() -> None:
    of_engine = ThreadPoolExecutor(1, "ended")
    executor = SeparateThreads(of_engine)
    executor.submit(as_call(int)).result()
    executor.submit(int).result()
    assert names("ended")
    executor.shutdown()
    assert not names("ended")
    with pytest.raises(RuntimeError):
        executor.submit(as_call(int))
