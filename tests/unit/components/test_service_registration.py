"""The outputs of a service, from which the next update reads what the last one has configured."""

from typing import Any

import pulumi
import pytest

from components.platform import ClusterPlatform
from components.service_registration import register_service
from switchyard.config.models.releases import Releases
from switchyard.config.models.service import Track
from switchyard.gates.rules.sizes import last_configured
from switchyard.kube.access import ClusterAccess
from tests.support.configuration import EXISTING, read
from tests.support.engine import record

COLOURS = {
    "image": "org/backend",
    "active": "green",
    "blue": {"tag": "v1", "replicas": 0},
    "green": {"tag": "v2", "replicas": 3},
}
ROLLOUT = {"image": "org/backend", "strategy": "canary", "tag": "v1"}
SCALING = {"autoscaling": {"min": 3, "max": 20}}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (COLOURS, {Track.BLUE: 0, Track.GREEN: 3}),
        (COLOURS | SCALING, {}),
        (ROLLOUT | {"replicas": 10}, {Track.ROLLOUT: 10}),
        (ROLLOUT | {"replicas": None}, {}),
        (ROLLOUT | SCALING, {}),
    ],
)
def test_the_outputs_tell_the_configured_numbers_of_pods(
    monkeypatch: pytest.MonkeyPatch, service: dict[str, Any], expected: dict[Track, int]
) -> None:
    settings = read({"backend": service}, EXISTING)
    platform = ClusterPlatform(ClusterAccess(), {}, pulumi.ResourceOptions(), lambda _: {})
    outputs: dict[str, Any] = {}

    def build() -> None:
        registered = register_service("backend", settings.services["backend"], platform, Releases())
        outputs["services"] = {"backend": registered.outputs}

    for module in ("services.base", "services.rollout"):  # nothing is asked of a cluster
        monkeypatch.setattr(f"components.{module}.is_destroy", lambda: True)
    record(monkeypatch, build)
    assert last_configured(outputs, "backend") == expected


@pytest.mark.parametrize("outputs", [{}, {"services": {"other": {"namespace": "default"}}}])
def test_a_service_that_the_stack_did_not_have_has_no_configured_number(outputs: dict[str, Any]) -> None:
    assert last_configured(outputs, "backend") == {}
