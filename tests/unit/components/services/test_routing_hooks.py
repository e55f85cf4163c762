"""What the hooks of a canary check before its Rollout and its VirtualService are changed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.services.canary import CanaryService
from switchyard.config.models.service import CanarySettings
from switchyard.gates.canary import CanaryGates
from switchyard.kube.access import ClusterAccess
from tests.support.engine import record

pytestmark = pytest.mark.usefixtures("healthy_cluster")

CANARY = {
    "image": "org/backend",
    "strategy": "canary",
    "tag": "v2",
    "canary": {
        "traffic": "istio",
        "istio": {"hosts": ["api.example.com"], "gateways": ["public"]},
        "steps": [{"weight": 20}, {"analysis": True}],
        "analysis": {"prometheus": "http://prometheus:9090"},
    },
}


@pytest.mark.parametrize(("hook", "sizes"), [("it-rollout", [5]), ("it-route", [])])
def test_the_number_of_pods_is_checked_before_the_rollout_alone(
    monkeypatch: pytest.MonkeyPatch, hook: str, sizes: list[int]
) -> None:
    """The state of a VirtualService has no number of pods, so that each lower number would look like a lost record."""
    checked: list[int | None] = []
    routed: list[str] = []
    functions: dict[str, Callable[[Any], Any]] = {}

    async def before_size(_: CanaryGates, recorded: int | None) -> None:
        checked.append(recorded)

    async def before_routing(_: CanaryGates) -> None:
        routed.append(hook)

    monkeypatch.setattr(CanaryGates, "before_size", before_size)
    monkeypatch.setattr(CanaryGates, "before_routing", before_routing)
    monkeypatch.setattr(CanaryService, "_hook", lambda _, name, function: functions.update({name: function}))
    settings = CanarySettings.model_validate(CANARY)
    record(monkeypatch, lambda: CanaryService("it", service=settings, access=ClusterAccess()))
    spec = {"replicas": 5} if hook == "it-rollout" else {"hosts": ["api.example.com"], "gateways": ["public"]}
    arguments = pulumi.ResourceHookArgs("urn", "", hook, "", old_outputs={"spec": spec})
    asyncio.run(functions[f"{hook}-routing"](arguments))
    assert (checked, routed) == (sizes, [hook])
