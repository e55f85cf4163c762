"""The check of a random walk fails for every moment that it is there to find."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.sandbox.walk.model import WANTED
from tests.integration.sandbox.walk.stack import check_history
from tests.support.history import History


def service(version: int, selector: dict[str, str], name: str = "shop") -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": str(version)}
    return {"type": "MODIFIED", "object": {"kind": "Service", "metadata": metadata, "spec": {"selector": selector}}}


def pod(version: int, name: str, colour: str, kind: str = "MODIFIED", **metadata: str) -> dict[str, Any]:
    described = {
        "name": name,
        "resourceVersion": str(version),
        "labels": {"app": "shop", "version": colour},
        **metadata,
    }
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"type": kind, "object": {"kind": "Pod", "metadata": described, "status": status}}


BLUE = {"app": "shop", "version": "blue"}
SERVING = [*(pod(number, f"blue-{number}", "blue") for number in range(1, WANTED + 1)), service(10, BLUE)]


def check(*events: dict[str, Any]) -> None:
    check_history(History(Path(), "walk", [*SERVING, *events]), ["shop"])


def test_a_full_colour_at_every_write_passes() -> None:
    green = [pod(20 + number, f"green-{number}", "green") for number in range(WANTED)]
    check(*green, service(30, {**BLUE, "version": "green"}), pod(31, "blue-1", "blue", "DELETED"))


@pytest.mark.parametrize(
    "events",
    [
        [pod(11, "blue-1", "blue", "DELETED"), pod(12, "blue-4", "blue")],
        [pod(11, "blue-1", "blue", deletionTimestamp="now"), pod(12, "blue-4", "blue")],
        [service(11, {**BLUE, "version": "green"}), service(12, BLUE)],
        [service(11, {"app": "shop"}), service(12, BLUE)],
    ],
    ids=["pod deleted", "pod being deleted", "colour without pods", "selector of both colours"],
)
def test_one_moment_without_a_full_colour_is_detected(events: list[dict[str, Any]]) -> None:
    with pytest.raises(AssertionError, match="shop was short of ready pods of one colour"):
        check(*events)


def test_a_service_that_never_existed_is_detected() -> None:
    with pytest.raises(AssertionError, match="other was never seen"):
        check_history(History(Path(), "walk", SERVING), ["other"])
