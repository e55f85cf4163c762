"""The lock of a stack's state is waited for, in bounded time, by every command of a release that writes the state."""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import EngineError, GateRefusedError
from switchyard.release.engine import lock as engine_lock
from switchyard.release.engine.convergence import Convergence, converge
from switchyard.release.engine.engine import Engine, Step
from switchyard.release.engine.lock import unlocked
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.switch.warming import warm
from tests.support.observed import observed

LOCKED = EngineError("error: the stack is currently locked by 1 lock(s).")
IN_THE_CLOUD = EngineError("error: [409] Conflict: Another update is currently in progress.")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_lock, "PAUSE_SECONDS", 0)


class LockedEngine:
    """An engine whose state is locked for a number of calls.

    Args:
        calls: number of calls that are refused.
        error: error of these calls.
    """

    def __init__(self, calls: int, error: EngineError = LOCKED) -> None:
        self.left = calls
        self._error = error
        self.done: list[str] = []

    def change_config(self, _: Mapping[str, object]) -> None:
        self.done.append("config")

    def entries(self, _: str) -> None:
        """Only the engine knows the configuration."""

    def refresh(self, *_: str) -> None:
        self._write("refresh")

    def preview(self) -> list[Step]:
        return []

    def up(self, *_: str) -> None:
        self._write("up")

    def _write(self, name: str) -> None:
        if self.left:
            self.left -= 1
            raise self._error
        self.done.append(name)


def converged(engine: LockedEngine, warn: Callable[[str], None]) -> Convergence:
    return asyncio.run(converge(cast("Engine", engine), "backend", Colour.GREEN, warn, config=False))


@pytest.mark.parametrize("error", [LOCKED, IN_THE_CLOUD])
def test_a_convergence_waits_for_another_update_and_says_so_once(error: EngineError) -> None:
    engine, warnings = LockedEngine(3, error), list[str]()
    assert converged(engine, warnings.append).done
    assert (engine.left, engine.done) == (0, ["config", "refresh", "up"])
    [warning] = warnings
    assert "is waited for, 330 s at most" in warning
    assert "If no update runs: pulumi cancel" in warning


def test_a_lock_that_stays_is_a_problem_of_the_convergence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_lock, "LOCKED_SECONDS", 0)
    engine = LockedEngine(99)
    convergence = converged(engine, print)
    assert (convergence.config, convergence.state, convergence.problem) == (True, False, str(LOCKED))
    assert engine.left == 98


def test_a_rollback_that_warms_waits_for_another_update() -> None:
    engine, retired = LockedEngine(2), observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v1", 0, 0))
    plan = Plan(Act.ROLLBACK, retired, Colour.BLUE, warm_tag="v1")
    asyncio.run(warm(cast("Engine", engine), plan, print))
    assert (engine.left, engine.done) == (0, ["config", "up"])


def test_a_rollback_that_cannot_warm_for_the_lock_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_lock, "LOCKED_SECONDS", 0)
    retired = observed(Colour.GREEN, blue=ColourState(Colour.BLUE, "v1", 0, 0))
    plan = Plan(Act.ROLLBACK, retired, Colour.BLUE, warm_tag="v1")
    with pytest.raises(GateRefusedError, match="currently locked"):
        asyncio.run(warm(cast("Engine", LockedEngine(99)), plan, print))


def test_an_update_that_fails_says_so_at_once() -> None:
    def fail() -> None:
        raise EngineError("error: pods are not ready")

    with pytest.raises(EngineError, match="pods are not ready"):
        asyncio.run(unlocked(fail, print))


def test_ctrl_c_ends_the_wait() -> None:
    engine = LockedEngine(10**9)

    async def interrupted() -> None:
        waits = asyncio.Event()
        waiting = asyncio.create_task(unlocked(engine.up, lambda _: waits.set()))
        await waits.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(interrupted())
    assert engine.done == []
