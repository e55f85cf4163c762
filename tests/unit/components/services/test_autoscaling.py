"""What the components register for a service that an autoscaler sizes."""

from typing import Any

import pytest

from components.services.argo_blue_green import ArgoBlueGreenService
from components.services.blue_green import BlueGreenService
from components.services.canary import CanaryService
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings, Track
from switchyard.gates.observed import Observed
from switchyard.gates.rules.sizes import Sizing
from switchyard.kube.access import ClusterAccess
from switchyard.kube.live_rollouts import LiveRollout
from tests.support.engine import Recording, record

pytestmark = pytest.mark.usefixtures("healthy_cluster")

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
ROLLOUT = "kubernetes:argoproj.io/v1alpha1:Rollout"
SERVICE = "kubernetes:core/v1:Service"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
SCALING = {"min": 3, "max": 10}


def colours(monkeypatch: pytest.MonkeyPatch, active: str, sizing: Sizing) -> Recording:
    settings = BlueGreenSettings.model_validate(
        {
            "image": "org/backend",
            "active": active,
            "blue": {"tag": "v1", "replicas": 3},
            "green": {"tag": "v2", "replicas": 0},
            "autoscaling": SCALING,
        }
    )
    return record(
        monkeypatch,
        lambda: BlueGreenService("it", service=settings, access=ClusterAccess(), observed=Observed(sizing=sizing)),
    )


def deployed(recording: Recording, colour: str) -> tuple[int, list[str]]:
    request = recording.requests[DEPLOYMENT, f"it-{colour}"]
    return int(request.object["spec"]["replicas"]), list(request.ignoreChanges)


def target(recording: Recording) -> str:
    return str(recording.requests[AUTOSCALER, "it-autoscaler"].object["spec"]["scaleTargetRef"]["name"])


def test_serving_colour_is_left_to_the_autoscaler(monkeypatch: pytest.MonkeyPatch) -> None:
    sizing = Sizing((), {Track.BLUE: 7, Track.GREEN: 0}, Track.BLUE, 7, 0)
    recording = colours(monkeypatch, "blue", sizing)
    assert deployed(recording, "blue") == (7, ["spec.replicas"])
    assert deployed(recording, "green") == (0, [])
    assert target(recording) == "it-blue"


def test_switch_warms_then_moves_the_autoscaler_then_changes_the_idle_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizing = Sizing((), {Track.BLUE: 7, Track.GREEN: 0}, Track.BLUE, 7, 7)
    recording = colours(monkeypatch, "green", sizing)
    assert deployed(recording, "green") == (7, [])
    assert deployed(recording, "blue") == (7, ["spec.replicas"])
    assert target(recording) == "it-green"
    assert "it" in recording.dependencies(AUTOSCALER, "it-autoscaler")
    assert "it-autoscaler" in recording.dependencies(DEPLOYMENT, "it-blue")


@pytest.mark.parametrize("more", [{"replicas": None}, {"autoscaling": SCALING}])
def test_rollout_keeps_its_live_number(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    sizing = Sizing((), {Track.ROLLOUT: 5}, Track.ROLLOUT, 5, 0)
    base = {"image": "org/backend", "tag": "v2", **more}
    canary = CanarySettings.model_validate(base | {"strategy": "canary"})
    argo = ArgoBlueGreenSettings.model_validate(base | {"strategy": "argoBlueGreen"})
    access = ClusterAccess()
    for build in (
        lambda: CanaryService("it", service=canary, access=access, observed=Observed(sizing=sizing)),
        lambda: ArgoBlueGreenService(
            "it", service=argo, access=access, observed=Observed(LiveRollout("blueGreen"), sizing=sizing)
        ),
    ):
        recording = record(monkeypatch, build)
        rollout = recording.requests[ROLLOUT, "it-rollout"]
        assert (int(rollout.object["spec"]["replicas"]), list(rollout.ignoreChanges)) == (5, ["spec.replicas"])
        assert (AUTOSCALER, "it-autoscaler") in recording.requests or "autoscaling" not in more


def test_rollout_starts_with_what_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    canary = CanarySettings.model_validate({"image": "x", "strategy": "canary", "tag": "v2", "replicas": None})
    sizing = Sizing((), {}, Track.BLUE, 5, 5)
    recording = record(
        monkeypatch,
        lambda: CanaryService("it", service=canary, access=ClusterAccess(), observed=Observed(sizing=sizing)),
    )
    rollout = recording.requests[ROLLOUT, "it-rollout"]
    assert (int(rollout.object["spec"]["replicas"]), list(rollout.ignoreChanges)) == (5, [])
