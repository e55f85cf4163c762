"""Rules across the fields of a service's pods: a PodDisruptionBudget that protects nothing."""

from typing import Any

import pytest

from tests.support.configuration import BACKEND, error_lines, read

BUDGET = "switchyard:services.backend.podDisruptionBudget.maxUnavailable"


def service(most: int, **more: Any) -> dict[str, Any]:
    return {"backend": BACKEND | {"podDisruptionBudget": {"maxUnavailable": most}} | more}


def pods(count: int, tag: str = "v1.0.0") -> dict[str, Any]:
    return {"tag": tag, "replicas": count}


ROLLOUT = {"strategy": "argoBlueGreen", "tag": "v1.0.0"}


@pytest.mark.parametrize(
    ("services", "rule"),
    [
        (service(3, blue=pods(3)), "3: must be less than blue.replicas (3)"),
        (service(50, blue=pods(3)), "50: must be less than blue.replicas (3)"),
        # A rollback makes the idle colour active.
        (service(2, blue=pods(3), green=pods(2)), "2: must be less than green.replicas (2)"),
        (service(3, blue=pods(5), autoscaling={"min": 3, "max": 6}), "3: must be less than autoscaling.min (3)"),
        (service(2, replicas=2, **ROLLOUT), "2: must be less than replicas (2)"),
    ],
)
def test_a_budget_that_lets_a_drain_evict_all_pods_is_refused(services: dict[str, Any], rule: str) -> None:
    [line] = error_lines(services)
    assert line.startswith(f"{BUDGET}: {rule}, or draining nodes may evict all pods at once.")
    assert line.endswith(f"Set it: pulumi config set --path '{BUDGET}' 1")


@pytest.mark.parametrize(
    "services",
    [
        service(2, blue=pods(3)),
        service(1, blue=pods(1)),  # its node could not be drained otherwise
        service(2, blue=pods(3), green=pods(1)),
        service(2, blue=pods(3), green=pods(0)),
        service(3, replicas=None, **ROLLOUT),
    ],
)
def test_a_budget_that_keeps_a_pod_is_taken(services: dict[str, Any]) -> None:
    assert read(services)
