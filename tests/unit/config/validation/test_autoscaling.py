"""The settings of an autoscaler, its object, and the checks of both."""

from typing import Any

import pytest

from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.config.models.service import BlueGreenSettings, CanarySettings, ServiceSettings, Track
from switchyard.config.validation.capacity import shortfalls
from switchyard.manifests.autoscaling import autoscaler, scale_target
from tests.support.configuration import BACKEND, changed, error_lines, read
from tests.support.ec2_configuration import PRODUCTION

SCALING: dict[str, Any] = {"min": 3, "max": 10}


def service(**autoscaling: Any) -> ServiceSettings:
    return read({"backend": BACKEND | {"autoscaling": SCALING | autoscaling}}).services["backend"]


def rendered(settings: ServiceSettings) -> dict[str, Any]:
    assert settings.autoscaling is not None
    return autoscaler("backend", settings, settings.autoscaling)


def test_autoscaler_sizes_the_active_colour_by_cpu() -> None:
    manifest = rendered(service())
    assert (manifest["apiVersion"], manifest["kind"]) == ("autoscaling/v2", "HorizontalPodAutoscaler")
    assert manifest["metadata"]["name"] == "backend"
    assert manifest["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend-blue"},
        "minReplicas": 3,
        "maxReplicas": 10,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    }


def test_target_follows_the_active_colour_and_the_strategy() -> None:
    assert scale_target("backend", Track.GREEN)["name"] == "backend-green"
    canary = CanarySettings.model_validate(
        {"image": "org/backend", "strategy": "canary", "tag": "v1", "autoscaling": SCALING}
    )
    assert rendered(canary)["spec"]["scaleTargetRef"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": "backend",
    }


def test_memory_alone_measures_no_cpu() -> None:
    metrics = rendered(service(memoryPercent=75))["spec"]["metrics"]
    assert [metric["resource"]["name"] for metric in metrics] == ["memory"]


def test_behavior_is_rendered_without_what_is_not_given() -> None:
    policy = {"type": "Percent", "value": 50, "periodSeconds": 30}
    down = {"stabilizationWindowSeconds": 600, "policies": [policy]}
    spec = rendered(service(behavior={"scaleDown": down, "scaleUp": {"selectPolicy": "Min"}}))["spec"]
    assert spec["behavior"] == {"scaleDown": down, "scaleUp": {"selectPolicy": "Min"}}
    assert "behavior" not in rendered(service(behavior={}))["spec"]


@pytest.mark.parametrize(
    ("autoscaling", "line"),
    [
        ({"min": 3}, "autoscaling.max: missing: the key has no default"),
        ({"min": 0, "max": 3}, "autoscaling.min: 0: must be >= 1"),
        ({"min": 3, "max": 101}, "autoscaling.max: 101: must be <= 100"),
        ({"min": 5, "max": 3}, "autoscaling.min: 5: must not be above max, 3"),
        (SCALING | {"cpuPercent": 0}, "autoscaling.cpuPercent: 0: must be >= 1"),
        (SCALING | {"cpu": 70}, "autoscaling.cpu: unknown key"),
        (
            SCALING | {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}},
            "autoscaling.behavior.scaleDown.stabilizationWindowSeconds: 0: must be at least 60",
        ),
        (
            SCALING | {"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}}},
            "policies.0.periodSeconds: 1801: must be <= 1800",
        ),
    ],
)
def test_wrong_autoscaler_gets_a_line(autoscaling: dict[str, Any], line: str) -> None:
    assert any(line in problem for problem in error_lines({"backend": BACKEND | {"autoscaling": autoscaling}}))


def test_active_colour_needs_no_number_of_its_own() -> None:
    active_without = changed("blue.replicas", 0) | {"autoscaling": SCALING}
    assert read({"backend": active_without}).services["backend"].replicas_of(Track.BLUE) == 3
    assert any("needs pods" in problem for problem in error_lines({"backend": changed("blue.replicas", 0)}))


def test_fit_counts_the_maximum() -> None:
    few = BlueGreenSettings.model_validate(BACKEND | {"autoscaling": {"min": 3, "max": 12}})
    many = BlueGreenSettings.model_validate(BACKEND | {"autoscaling": {"min": 3, "max": 60}})
    assert shortfalls({"backend": few}, DEFAULT_NODES) == []
    [short] = shortfalls({"backend": many}, DEFAULT_NODES)
    assert short.pods == 61


def test_shares_of_a_canary_are_not_checked_against_a_moving_number() -> None:
    canary = {"image": "org/backend", "strategy": "canary", "tag": "v1", "canary": {"steps": [{"weight": 15}]}}
    canary["canary"]["analysis"] = None  # type: ignore[index]
    assert any("cannot make this share" in problem for problem in error_lines({"backend": canary}))
    read({"backend": canary | {"autoscaling": SCALING}})


def test_own_cluster_without_metrics_server_is_refused() -> None:
    services = {"backend": BACKEND | {"autoscaling": SCALING, "nodePort": 30080}}
    [line] = error_lines(services, PRODUCTION | {"metricsServer": None}, "production")
    assert line.startswith(
        "switchyard:cluster.metricsServer: null: services.backend.autoscaling measures by the metrics API"
    )
