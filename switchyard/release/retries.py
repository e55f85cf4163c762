"""Repeats a call while the API server does not answer, so that its restart ends neither a release nor a rollback."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from switchyard.errors import ApiStatusError, ClusterError, UnreachableError
from switchyard.kube.error_mapping import TRANSIENT
from switchyard.release_errors import WeightsNotWrittenError

SECONDS = 60.0
"""Seconds for which a call is repeated. A control plane with one API server has restarted by then."""

PAUSE_SECONDS = 1.0
"""Seconds between two attempts."""

Value = TypeVar("Value")


async def until_answered(
    call: Callable[[], Awaitable[Value]],
    on_wait: Callable[[ClusterError], None] = lambda _: None,
    unless: Callable[[], bool] = lambda: False,
) -> Value:
    """Repeats an idempotent call until the API server answers, and returns the answer.

    Args:
        call: the call.
        on_wait: is called once, with the error of the first attempt, if there is another attempt.
        unless: is asked before each further attempt whether something else is more urgent.

    Raises:
        switchyard.errors.ClusterError: the error of the last attempt, or one that another attempt would repeat.
    """
    end, waited = time.monotonic() + SECONDS, False
    while True:
        try:
            return await call()
        except ClusterError as error:
            if not is_passing(error) or time.monotonic() >= end or unless():
                raise
            if not waited:
                on_wait(error)
            waited = True
        await asyncio.sleep(PAUSE_SECONDS)  # an API server that comes back cannot be watched for


def waiting(key: str, step: str, error: ClusterError) -> str:
    """Says that a step waits for the API server.

    Args:
        key: key of the service.
        step: the step, for example ``the rollback to blue``.
        error: error of the first attempt.
    """
    return f"{key}: {step} is tried again for {SECONDS:.0f} s at most, because the API server does not answer: {error}"


def is_passing(error: BaseException | None) -> bool:
    """Whether an error comes from a restarting or busy API server, from a proxy, or from a write at the same time."""
    if isinstance(error, WeightsNotWrittenError):
        return is_passing(error.__cause__)
    if isinstance(error, ApiStatusError):
        return error.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or error.status_code in TRANSIENT
    return isinstance(error, UnreachableError)
