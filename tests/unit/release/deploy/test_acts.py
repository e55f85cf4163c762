"""What a release of one service changes through the engine, and when it leaves that to another command."""

import asyncio
from typing import Any, cast

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError, SwitchyardError, UnreachableError
from switchyard.release.deploy import acts
from switchyard.release.deploy.acts import Patch, SingleServiceActs
from switchyard.release.deploy.protocol import DeployJournal
from switchyard.release.engine.convergence import Convergence
from switchyard.release.engine.engine import Engine
from switchyard.release.plan import Act, ColourState, Plan
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release_errors import LeaseLostError
from tests.support.observed import observed


class FakeJournal:
    """A journal whose Lease is lost, or cannot be read."""

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
    own = SingleServiceActs(cast("Engine", None), cast("DeployJournal", FakeJournal(problem)), print)
    if isinstance(problem, LeaseLostError):
        with pytest.raises(LeaseLostError):
            asyncio.run(own.converge("backend", Colour.GREEN))
        assert converged == []
    else:
        assert asyncio.run(own.converge("backend", Colour.GREEN)).done
        assert converged == [Colour.GREEN]


@pytest.mark.parametrize("ready", [0, 1])
def test_a_version_whose_pods_have_gone_since_it_was_proved_gets_no_traffic(ready: int) -> None:
    patched = list[Colour]()

    class FakeLane:
        async def patch(self, plan: Plan) -> float:
            patched.append(plan.target)
            return 0.1

    async def observe() -> Any:
        raise AssertionError("it is observed again")

    observation = observed(Colour.BLUE, green=ColourState(Colour.GREEN, "v2", 3, ready))
    patch = Patch(Plan(Act.SWITCH, observation, Colour.GREEN), cast("FastLane", FakeLane()), observe)
    own = SingleServiceActs(cast("Engine", None), cast("DeployJournal", FakeJournal(None)), print)
    if ready:
        assert asyncio.run(own.patch(patch)) == 0.1
    else:
        with pytest.raises(GateRefusedError, match="none of its 3 pods is ready"):
            asyncio.run(own.patch(patch))
    assert patched == ([Colour.GREEN] if ready else [])
