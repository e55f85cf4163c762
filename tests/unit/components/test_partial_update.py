"""An update of single resources does not switch a service by a part of its objects."""

from typing import Any

import pulumi
import pytest

import components.partial_update
from components.partial_update import refuse_partial_switches
from switchyard.config.loader import load
from switchyard.operation import Selection
from tests.support.configuration import BACKEND, EXISTING

OF_SERVICE = "urn:pulumi:test::shop::switchyard:service:BlueGreenService$kubernetes"
SERVICE = f"{OF_SERVICE}:core/v1:Service::backend"
BLUE, GREEN = (f"{OF_SERVICE}:apps/v1:Deployment::backend-{colour}" for colour in ("blue", "green"))


def run(monkeypatch: pytest.MonkeyPatch, limited: Selection | None, before: Any, *, update: bool = True) -> str:
    """The error of a run whose settings have blue as the active colour; empty if there is none."""
    functions: dict[str, Any] = {
        "selection": lambda: limited,
        "is_update": lambda: update,
        "last_outputs": lambda: {"services": before},
    }
    for name, function in functions.items():
        monkeypatch.setattr(components.partial_update, name, function)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    monkeypatch.setattr(pulumi, "get_project", lambda: "shop")
    try:
        refuse_partial_switches(load(EXISTING, {"backend": BACKEND | {"active": "blue"}}, "test"))
    except pulumi.RunError as error:
        return str(error)
    return ""


SWITCH = {"backend": {"active": "green"}}


@pytest.mark.parametrize(
    "limited",
    [
        Selection((SERVICE,)),
        Selection((BLUE, GREEN)),
        Selection(("urn:another",)),
        Selection((), (BLUE,)),
        Selection(("**",), (SERVICE,)),
    ],
)
def test_a_switch_of_a_part_of_a_service_is_refused(monkeypatch: pytest.MonkeyPatch, limited: Selection) -> None:
    assert run(monkeypatch, limited, SWITCH) == (
        "backend: the switch from green to blue is refused (SY-S019): the engine was started for single resources "
        "(--target, --target-replace or --exclude); a switch reverses the order of the service's objects, and needs "
        "all of them. Nothing was changed. Run it for the whole stack: pulumi up"
    )


@pytest.mark.parametrize(
    ("limited", "before"),
    [
        (None, SWITCH),
        (Selection((SERVICE,)), {"backend": {"active": "blue"}}),
        (Selection((SERVICE,)), {"backend": {}}),
        (Selection((SERVICE,)), None),
        (Selection((SERVICE,)), "of another version"),
        (Selection((SERVICE, BLUE, GREEN)), SWITCH),
        (Selection(("**backend**",)), SWITCH),
        (Selection((), ("**other**",)), SWITCH),
        (Selection((GREEN,), dependents=True), SWITCH),
    ],
)
def test_other_updates_of_single_resources_are_run(
    monkeypatch: pytest.MonkeyPatch, limited: Selection | None, before: Any
) -> None:
    assert run(monkeypatch, limited, before) == ""


def test_a_destroy_or_a_refresh_of_single_resources_switches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, Selection((SERVICE,)), SWITCH, update=False) == ""
