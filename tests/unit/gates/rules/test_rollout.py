"""What is said of a Rollout, from what its controller reports."""

from typing import Any

import pytest

from switchyard.config.models.service import CanarySettings
from switchyard.gates.rules.rollout import refuse_degraded
from switchyard.kube.objects import rollout_pods
from switchyard.kube.rollout import measured, state_of

SERVICE = CanarySettings.model_validate({"image": "org/backend", "strategy": "canary", "tag": "v2"})


def rollout(observed: str = "3", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": 3},
        "spec": {"replicas": 5, "strategy": {"canary": {"steps": [{}, {}]}}},
        "status": {"observedGeneration": observed, "phase": "Healthy", "currentPodHash": "new", **status},
    }


@pytest.mark.parametrize(("phase", "ended"), [("Healthy", True), ("Degraded", True), ("Paused", False)])
def test_a_rollout_has_ended_when_the_controller_has_nothing_left_to_do(phase: str, ended: bool) -> None:
    assert state_of(rollout(phase=phase)).ended is ended


def test_a_status_of_an_earlier_generation_says_nothing() -> None:
    state = state_of(rollout(observed="2"))
    assert not state.observed
    assert not state.ended
    assert not state_of({"metadata": {"generation": 1}, "spec": {"strategy": {}}}).observed


def test_only_pods_of_the_present_template_are_current() -> None:
    pods = [
        {"metadata": {"name": name, "labels": {"rollouts-pod-template-hash": name}}} for name in ("old", "new", "other")
    ]
    assert rollout_pods(rollout(), pods) == {"new"}
    assert rollout_pods(rollout(observed="2"), pods) == frozenset()


def test_the_values_of_failed_metrics_are_reported() -> None:
    runs = [
        {
            "status": {
                "metricResults": [
                    {"name": "latency-p95", "phase": "Successful", "measurements": [{"value": "[0.1]"}]},
                    {
                        "name": "success-rate",
                        "phase": "Failed",
                        "message": "failed (2) > failureLimit (1)",
                        "measurements": [{"value": "[0.91]"}, {"value": "[0.9]"}],
                    },
                    {"name": "other", "phase": "Error", "measurements": [{"message": "connection refused"}]},
                ]
            }
        },
        {},
    ]
    assert measured(runs) == [
        "success-rate Failed, failed (2) > failureLimit (1): [0.91], [0.9]",
        "other Error: connection refused",
    ]
    text = str(refuse_degraded("backend", SERVICE, state_of(rollout(phase="Degraded")), measured(runs)))
    assert text.startswith(
        "backend: the release of version v2 is refused (SY-R004): the Rollout is Degraded, step 0 of 2; success-rate "
        "Failed"
    )
