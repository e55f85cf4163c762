"""Under the traffic policy Local a switch keeps a pod on every node where one serves."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from switchyard.config.models.service import Colour
from switchyard.kube.objects import Endpoint
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import FakeCluster, gates_on, refusal

GREEN = ("backend-green-0", "backend-green-1")
LOCAL = {"internalTrafficPolicy": "Local"}
SETTINGS: dict[str, Any] = {
    "active": "green",
    "green": {"tag": "v2", "replicas": 2},
    "gate": {"smoke": {"enabled": False}},
}


@dataclass
class Placed(FakeCluster):
    """A cluster on which blue serves and green is ready, each on the given nodes.

    Attributes:
        spec: specification of Service backend.
        serving: endpoints of Service backend.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    serving: frozenset[Endpoint] = frozenset()

    async def service_spec(self, *_: str) -> dict[str, Any]:
        return {"selector": self.selected, **self.spec}

    async def endpoints(self, *_: str) -> frozenset[Endpoint]:
        return self.serving


def placed(green: list[str], *blue: Endpoint, **spec: Any) -> Placed:
    watched = frozenset(Endpoint(pod, node, ready=True) for pod, node in zip(GREEN, green, strict=True))
    selected = selector("backend", Colour.BLUE)
    return Placed(selected, of_colour=GREEN, watched=watched, serving=frozenset(blue), spec=spec)


@pytest.mark.parametrize("by_command", [False, True])
@pytest.mark.parametrize(("options", "spec"), [(LOCAL, {}), ({}, LOCAL)])
def test_a_node_that_would_lose_its_last_pod_stops_a_switch(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], spec: dict[str, Any], *, by_command: bool
) -> None:
    cluster = placed(["n2", "n2"], Endpoint("blue-0", "n1", ready=True), **spec)
    it = gates_on(monkeypatch, cluster, **SETTINGS, service=options)
    it.gates.by_command = by_command
    text = refusal(it.gates.before_switch(creating=False, preview=False))
    assert "the switch to green is refused (SY-S022): on n1 pods serve, and none of green is ready there" in text


@pytest.mark.parametrize(
    "cluster",
    [
        placed(["n1", "n2"], Endpoint("blue-0", "n1", ready=True), **LOCAL),
        # A pod that is not ready serves nobody: a switch away from a broken version is possible.
        placed(["n2", "n2"], Endpoint("blue-0", "n1", ready=False), **LOCAL),
        placed(["n2", "n2"], **LOCAL),
        placed(["n2", "n2"], Endpoint("blue-0", "n1", ready=True), internalTrafficPolicy="Cluster"),
    ],
)
def test_a_switch_that_leaves_no_node_without_an_answer_is_not_stopped(
    monkeypatch: pytest.MonkeyPatch, cluster: Placed
) -> None:
    it = gates_on(monkeypatch, cluster, **SETTINGS)
    asyncio.run(it.gates.before_switch(creating=False, preview=False))


def test_an_update_that_sets_the_policy_to_cluster_may_switch_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = placed(["n2", "n2"], Endpoint("blue-0", "n1", ready=True), **LOCAL)
    it = gates_on(monkeypatch, cluster, **SETTINGS, service={"internalTrafficPolicy": "Cluster"})
    asyncio.run(it.gates.before_switch(creating=False, preview=False))
