"""Runs a coroutine from code that is not asynchronous, such as the start of a program."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def run_blocking(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Returns what a coroutine returns, or raises what it raises. Blocks, whether an event loop runs or not."""
    # The program's own thread runs the engine's event loop already, and a thread runs one at most.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
