"""Threads for the program's own work, beside those in which registrations of resources wait for the engine.

The language host gives the event loop four threads for each step that the engine may do at the same time. A call that
registers a resource keeps its thread until the engine has done the step, and the step waits for its hooks, which are
code of this program. A hook that needs a thread itself, to log in to the cluster or to resolve the name of its host,
would wait for one of those that wait for it, and the update would never end. It happened with one new service under
`pulumi up --parallel 1`, and with 300 under `--parallel 64` (ADR 26).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import pulumi

P = ParamSpec("P")
T = TypeVar("T")

OWN_THREADS = 16
"""Most threads for the program's own work. It is short, and never waits for the engine."""


class SeparateThreads(ThreadPoolExecutor):
    """Gives calls of the SDK to the engine the threads of one executor, and all other work threads of its own.

    Args:
        of_engine: executor for calls of the SDK.
    """

    def __init__(self, of_engine: ThreadPoolExecutor) -> None:
        super().__init__(OWN_THREADS)
        self._of_engine = of_engine

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Schedules a call."""
        package = getattr(fn, "__module__", "").partition(".")[0]
        if package == pulumi.__name__:
            return self._of_engine.submit(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the threads of both."""
        self._of_engine.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


def separate_threads() -> None:
    """Gives the running event loop threads for the program's own work."""
    loop = asyncio.get_running_loop()
    # The loop has no public way to read the executor that the language host has set.
    of_engine = getattr(loop, "_default_executor", None) or ThreadPoolExecutor()
    loop.set_default_executor(SeparateThreads(of_engine))
