"""What a release changes in the configuration: previewed first, and as before when that is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.errors import EngineError, GateRefusedError
from switchyard.release.deploy.warm_changes import ColourChange, preview_change
from switchyard.release.engine.engine import Step

GREEN = "switchyard:services.backend.green"
CHANGE = ColourChange("backend", Colour.GREEN, {"tag": "v2", "replicas": 3})
SERVICE = "urn:pulumi:test::shop::switchyard:service:BlueGreenService$kubernetes:apps/v1:Deployment::"
OWN = Step(f"{SERVICE}backend-green", "update")
OTHER = Step(f"{SERVICE}backend-blue", "update")
OF_A_SERVICE_OF_THIS_NAME = Step("urn:pulumi:test::shop::kubernetes:core/v1:Namespace::backend-green", "create")


class FakeEngine:
    """An engine with a configuration, and what it answers to previews and updates."""

    def __init__(self, green: Mapping[str, Any] | None, *answers: list[Step] | Exception) -> None:
        services = {"backend": {} if green is None else {"green": green}}
        self.entry: dict[str, Any] = {"switchyard:services": {"objectValue": services}}
        self.answers = list(answers)
        self.changes: list[object] = []

    def config(self) -> dict[str, Any]:
        return self.entry

    def change_config(self, values: Mapping[str, object], removed: Sequence[str] = ()) -> None:
        self.changes += [*([dict(values)] if values else []), *removed]

    def preview(self) -> list[Step]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def preview(engine: FakeEngine) -> None:
    preview_change(engine, CHANGE, lambda steps: f"others: {[step.name for step in steps]}")  # type: ignore[arg-type]


SET = {f"{GREEN}.tag": "v2", f"{GREEN}.replicas": 3}


def test_a_service_that_was_removed_meanwhile_is_not_created_in_the_configuration() -> None:
    engine = FakeEngine(None)
    engine.entry = {"switchyard:services": {"objectValue": {"worker": {}}}}
    with pytest.raises(EngineError, match=r"switchyard:services\.backend is no longer in the configuration"):
        preview(engine)
    assert engine.changes == []


@pytest.mark.parametrize("steps", [[], [OWN]])
def test_a_preview_of_the_idle_colour_alone_passes(steps: list[Step]) -> None:
    engine = FakeEngine({"tag": "v1"}, steps)
    preview(engine)
    assert engine.changes == [SET]


@pytest.mark.parametrize(
    ("before", "restored"),
    [
        ({"tag": "v0", "replicas": 0}, [{f"{GREEN}.tag": "v0", f"{GREEN}.replicas": 0}]),
        ({"tag": "v0", "env": {"A": "b"}}, [{f"{GREEN}.tag": "v0"}, f"{GREEN}.replicas"]),
        (None, [GREEN]),
    ],
)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (EngineError("error: no room"), "error: no room"),
        ([OWN, OTHER], r"others: \['backend-blue'\]"),
        ([OF_A_SERVICE_OF_THIS_NAME], r"others: \['backend-green'\]"),
    ],
)
def test_a_refused_preview_leaves_the_configuration_as_before(
    before: Mapping[str, Any] | None, restored: list[object], answer: Any, says: str
) -> None:
    engine = FakeEngine(before, answer)
    with pytest.raises(GateRefusedError, match=says):
        preview(engine)
    assert engine.changes == [SET, *restored]


@pytest.mark.parametrize(
    ("before", "restored"),
    [
        ({"tag": "v2", "replicas": 3, "env": {"A": "b"}}, {f"{GREEN}.tag": "v1", f"{GREEN}.replicas": 0}),
        ({"tag": "v0", "replicas": 1}, {f"{GREEN}.tag": "v0", f"{GREEN}.replicas": 1}),
    ],
    ids=["written by a command that died", "written by nobody"],
)
def test_a_refusal_after_a_kill_goes_back_to_what_the_cluster_has(before: dict[str, Any], restored: object) -> None:
    engine = FakeEngine(before, EngineError("error: no room"))
    live = {"tag": "v1", "replicas": 0}
    with pytest.raises(GateRefusedError):
        preview_change(engine, CHANGE, lambda _: "", live)  # type: ignore[arg-type]
    assert engine.changes == [SET, restored]
