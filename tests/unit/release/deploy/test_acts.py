"""What a release of one service changes through the engine, and when it leaves that to another command."""

import asyncio
from typing import Any, cast

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import SwitchyardError, UnreachableError
from switchyard.release.deploy import acts
from switchyard.release.deploy.acts import SingleServiceActs
from switchyard.release.deploy.protocol import Ledger
from switchyard.release.engine.convergence import Convergence
from switchyard.release.engine.engine import Engine
from switchyard.release_errors import LeaseLostError


class FakeLedger:
    """A ledger whose Lease is lost, or cannot be read."""

    def __init__(self, problem: SwitchyardError | None) -> None:
        self._problem = problem

    async def confirm(self) -> None:
        if self._problem is not None:
            raise self._problem


@pytest.mark.parametrize("problem", [None, UnreachableError("no answer"), LeaseLostError("a rollback has taken it")])
def test_the_configuration_is_left_to_the_command_that_has_taken_the_lease(
    monkeypatch: pytest.MonkeyPatch, problem: SwitchyardError | None
) -> None:
    converged = list[Colour]()

    async def converge(_engine: object, _key: str, target: Colour, *_: object, **__: Any) -> Convergence:
        converged.append(target)
        return Convergence(config=True, state=True)

    monkeypatch.setattr(acts, "converge", converge)
    own = SingleServiceActs(cast("Engine", None), cast("Ledger", FakeLedger(problem)), print)
    if isinstance(problem, LeaseLostError):
        with pytest.raises(LeaseLostError):
            asyncio.run(own.converge("backend", Colour.GREEN))
        assert converged == []
    else:
        assert asyncio.run(own.converge("backend", Colour.GREEN)).done
        assert converged == [Colour.GREEN]
