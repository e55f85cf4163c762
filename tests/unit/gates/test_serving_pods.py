"""Pods that serve are neither replaced nor removed, whatever somebody has changed by hand."""

import asyncio
from typing import Any

import pytest

from switchyard.config.models.service import CanarySettings, Colour, Track
from switchyard.errors import GateRefusedError
from switchyard.gates.canary import CanaryGates
from switchyard.gates.rules.sizes import Autoscaler, Sizing
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.objects import PodsChange
from switchyard.manifests.labels import selector
from tests.unit.gates.test_service import FakeCluster, gates_on, refusal

BLUE, GREEN = Colour.BLUE, Colour.GREEN
NARROWED = selector("backend", BLUE) | {"pod-template-hash": "5d4f"}
PODS = ("backend-blue-0", "backend-blue-1", "backend-blue-2")


def removal(after: int) -> PodsChange:
    return PodsChange(template=False, before=10, after=after)


def test_pods_behind_a_service_with_a_further_label_are_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new pods would not have the label, and the Service would select none."""
    change = PodsChange(template=True, before=3, after=3)
    live = FakeCluster(selected=NARROWED, behind=PODS, of_colour=PODS, change=change)
    it = gates_on(monkeypatch, live)
    assert "blue is serving" in refusal(it.gates.before_pods_change(BLUE, {}, preview=True))


def test_pods_that_are_not_behind_the_service_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    change = PodsChange(template=True, before=3, after=3)
    live = FakeCluster(selected=NARROWED, behind=("others",), of_colour=PODS, change=change)
    asyncio.run(gates_on(monkeypatch, live).gates.before_pods_change(BLUE, {}, preview=True))


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("recorded", "configured"),
    [
        (3, 3),
        (10, 3),  # the state has the pods of an autoscaler that was deleted, or those of a refresh
        (3, 10),  # the number was configured, and another autoscaler decided
    ],
)
def test_pods_that_nobody_has_configured_are_not_removed(
    monkeypatch: pytest.MonkeyPatch, recorded: int, configured: int, *, preview: bool
) -> None:
    live = FakeCluster(selected=selector("backend", BLUE), change=removal(after=3))
    it = gates_on(monkeypatch, live)
    it.gates.sizing = Sizing(configured={Track.BLUE: configured})
    text = refusal(it.gates.before_pods_change(BLUE, {}, preview=preview, recorded=recorded))
    assert "a change of the number of pods of blue is refused (SY-A004)" in text
    assert "blue serves with 10 pods, though the stack has configured 3, and this would leave 3" in text
    assert "pulumi config set --path 'switchyard:services.backend.blue.replicas' 10" in text
    assert "To remove them, do the same, run `pulumi up`, and lower the number in the update after it." in text


@pytest.mark.parametrize(("recorded", "configured"), [(None, {Track.BLUE: 10}), (10, {})])
def test_a_deployment_without_a_configured_number_keeps_the_pods_that_serve(
    monkeypatch: pytest.MonkeyPatch, recorded: int | None, configured: dict[Track, int]
) -> None:
    """The preview of an adoption, and of an update after a lost state, shows a creation."""
    live = FakeCluster(selected=selector("backend", BLUE), change=removal(after=3))
    it = gates_on(monkeypatch, live)
    it.gates.sizing = Sizing(configured=configured)
    text = refusal(it.gates.before_pods_change(BLUE, {}, preview=True, recorded=recorded))
    assert "blue serves with 10 pods, a number that the stack has not configured, and this would leave 3" in text
    assert "blue.replicas' 10`. To remove them, do the same" in text


@pytest.mark.parametrize(
    ("selected", "after", "recorded"),
    [
        (BLUE, 3, 10),  # the configuration has fewer than before
        (BLUE, 10, None),
        (GREEN, 3, None),
        (BLUE, 12, 3),
        (GREEN, 3, 3),  # the pods do not serve
    ],
)
def test_pods_are_removed_where_the_configuration_says_so(
    monkeypatch: pytest.MonkeyPatch, selected: Colour, after: int, recorded: int | None
) -> None:
    live = FakeCluster(selected=selector("backend", selected), change=removal(after))
    it = gates_on(monkeypatch, live)
    it.gates.sizing = Sizing(configured={} if recorded is None else {Track.BLUE: recorded})
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False, recorded=recorded))


def test_the_removal_of_an_autoscaler_has_a_rule_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    it = gates_on(monkeypatch, FakeCluster(selected=selector("backend", BLUE), change=removal(after=5)))
    it.gates.sizing = Sizing((Autoscaler("backend", Track.BLUE, min=3, max=10, own=True),))
    asyncio.run(it.gates.before_pods_change(BLUE, {}, preview=False, recorded=3))


class RolloutApi:
    """An API server with a Rollout of ten pods."""

    async def find(self, *_: object) -> dict[str, Any]:
        return {"spec": {"replicas": 10}}


@pytest.mark.parametrize(
    ("serving", "recorded", "replicas", "refused"),
    [
        (Track.ROLLOUT, 3, 3, True),
        (Track.ROLLOUT, None, 3, True),
        (Track.ROLLOUT, None, 10, False),
        (Track.ROLLOUT, 10, 3, False),
        (Track.ROLLOUT, 3, 10, False),
        (Track.BLUE, 3, 3, False),
        (Track.ROLLOUT, 3, None, False),
    ],
)
def test_added_pods_of_a_rollout_are_not_removed(
    monkeypatch: pytest.MonkeyPatch, serving: Track, recorded: int, replicas: int | None, *, refused: bool
) -> None:
    live = FakeCluster(selected=selector("backend", serving))
    live.api = RolloutApi()  # type: ignore[misc]

    async def connect(_: ClusterAccess) -> Any:
        return live

    monkeypatch.setattr(Cluster, "connect", connect)
    raw = {"image": "org/backend", "strategy": "canary", "tag": "v1", "replicas": replicas}
    gates = CanaryGates("backend", CanarySettings.model_validate(raw), ClusterAccess(), print)
    gates.sizing = Sizing(configured={Track.ROLLOUT: 10 if recorded is None else recorded})
    if not refused:
        asyncio.run(gates.before_size(recorded))
        return
    with pytest.raises(GateRefusedError, match=r"rollout serves with 10 pods, .*, and this would leave 3") as error:
        asyncio.run(gates.before_size(recorded))
    assert "pulumi config set --path 'switchyard:services.backend.replicas' 10" in str(error.value)
