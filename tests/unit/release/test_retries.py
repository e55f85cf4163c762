"""The errors of the API server after which a call is repeated, and those after which it is not."""

import asyncio

import pytest

from switchyard.errors import AccessDeniedError, ApiStatusError, ClusterError, RejectedError, UnreachableError
from switchyard.release import retries
from switchyard.release_errors import WeightsNotWrittenError


def status(code: int) -> ApiStatusError:
    return ApiStatusError("patch", "services/backend in namespace default", code, "no")


def weights_not_written(cause: Exception | None) -> WeightsNotWrittenError:
    error = WeightsNotWrittenError(f"the Ingress was not written: {cause}")
    error.__cause__ = cause
    return error


UNREACHABLE = UnreachableError("connection refused")
PASSING = [UNREACHABLE, weights_not_written(UNREACHABLE), *map(status, (408, 409, 429, 500, 503, 504))]
DENIED = AccessDeniedError("patch", "services/backend", 403, "no")
LASTING = [status(404), status(422), RejectedError("no"), DENIED, weights_not_written(DENIED)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)


def attempts(error: ClusterError, failures: int, *, urgent: bool = False) -> int:
    """The number of calls until an answer, of which the first ones fail."""
    calls = 0

    async def call() -> int:
        nonlocal calls
        calls += 1
        if calls <= failures:
            raise error
        return calls

    return asyncio.run(retries.until_answered(call, unless=lambda: urgent))


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_an_error_that_passes_is_followed_by_another_attempt(error: ClusterError) -> None:
    assert attempts(error, 2) == 3


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_an_error_that_lasts_is_raised_at_once(error: ClusterError) -> None:
    with pytest.raises(type(error)):
        attempts(error, 1)


def test_nothing_is_repeated_when_something_else_is_more_urgent() -> None:
    with pytest.raises(UnreachableError):
        attempts(UnreachableError("connection refused"), 1, urgent=True)


def test_a_call_is_not_repeated_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SECONDS", 0)
    with pytest.raises(UnreachableError):
        attempts(UnreachableError("connection refused"), 1)
