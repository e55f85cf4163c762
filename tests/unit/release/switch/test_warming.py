"""What a command says that has created the pods of a retired version, and does not switch."""

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import GateRefusedError
from switchyard.release.plan import Act, Plan
from tests.support.fake_together import FakeLane, World, run

GREEN = Colour.GREEN


def test_a_refusal_of_a_group_names_what_was_warmed_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(warm={"api": "v2", "worker": "v2"})

    async def taken(lane: FakeLane, plan: Plan) -> None:
        if lane.key == "worker":
            world.serving["worker"] = GREEN  # by somebody else
        world.events.append(f"restore {lane.key} {plan.target}")

    monkeypatch.setattr(FakeLane, "restore_pods", taken)
    with pytest.raises(GateRefusedError, match="SY-P031") as refused:
        run(world, Act.ROLLBACK)
    first, others = str(refused.value).split("\n")
    created = "The pods of green v2 are created, and the configuration has them. The Service was not changed."
    assert first.startswith("worker: ")
    assert created in first
    assert others == f"api: {created}"
    assert world.records == {}
