"""URNs of a service's resources, which the state of every stack has: a renamed resource would be replaced."""

from collections.abc import Callable
from typing import Any

import pytest

from components.services.argo_blue_green import ArgoBlueGreenService
from components.services.blue_green import BlueGreenService
from components.services.canary import CanaryService
from switchyard.config.models.service import ArgoBlueGreenSettings, BlueGreenSettings, CanarySettings
from switchyard.kube.access import ClusterAccess
from tests.support.engine import Recording, record

pytestmark = pytest.mark.usefixtures("healthy_cluster")

COMMON: dict[str, Any] = {"image": "org/backend", "name": "api", "autoscaling": {"min": 3, "max": 10}}
ANALYSIS = {"prometheus": "http://prometheus:9090"}


def blue_green() -> BlueGreenService:
    settings = {"active": "blue", "blue": {"tag": "v1"}, "green": {"replicas": 0}}
    return BlueGreenService("it", service=BlueGreenSettings.model_validate(COMMON | settings), access=ClusterAccess())


def canary() -> CanaryService:
    settings = {
        "strategy": "canary",
        "tag": "v2",
        "canary": {
            "steps": [{"weight": 20}, {"analysis": True}],
            "traffic": "istio",
            "istio": {"hosts": ["api.example.com"], "gateways": ["public"]},
            "analysis": ANALYSIS,
        },
    }
    return CanaryService("it", service=CanarySettings.model_validate(COMMON | settings), access=ClusterAccess())


def argo_blue_green() -> ArgoBlueGreenService:
    settings = {
        "strategy": "argoBlueGreen",
        "tag": "v2",
        "argoBlueGreen": {"prePromotion": ANALYSIS, "postPromotion": ANALYSIS},
    }
    service = ArgoBlueGreenSettings.model_validate(COMMON | settings)
    return ArgoBlueGreenService("it", service=service, access=ClusterAccess())


BUILT: dict[str, Callable[[], object]] = {
    "BlueGreenService": blue_green,
    "CanaryService": canary,
    "ArgoBlueGreenService": argo_blue_green,
}
URNS: dict[str, list[str]] = {
    "BlueGreenService": [
        "kubernetes:apps/v1:Deployment::it-blue",
        "kubernetes:apps/v1:Deployment::it-green",
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler::it-autoscaler",
        "kubernetes:core/v1:Service::it",
        "kubernetes:core/v1:Service::it-blue",
        "kubernetes:core/v1:Service::it-green",
        "kubernetes:core/v1:ServiceAccount::it-account",
        "kubernetes:policy/v1:PodDisruptionBudget::it-blue",
        "kubernetes:policy/v1:PodDisruptionBudget::it-green",
        "switchyard:service:BlueGreenService::it",
    ],
    "CanaryService": [
        "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate::it-latency-p95",
        "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate::it-success-rate",
        "kubernetes:argoproj.io/v1alpha1:Rollout::it-rollout",
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler::it-autoscaler",
        "kubernetes:core/v1:Service::it",
        "kubernetes:core/v1:Service::it-canary",
        "kubernetes:core/v1:Service::it-stable",
        "kubernetes:core/v1:ServiceAccount::it-account",
        "kubernetes:networking.istio.io/v1:VirtualService::it-route",
        "kubernetes:policy/v1:PodDisruptionBudget::it-rollout",
        "switchyard:service:CanaryService::it",
    ],
    "ArgoBlueGreenService": [
        "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate::it-latency-p95-post-promotion",
        "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate::it-latency-p95-pre-promotion",
        "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate::it-success-rate-post-promotion",
        "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate::it-success-rate-pre-promotion",
        "kubernetes:argoproj.io/v1alpha1:Rollout::it-rollout",
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler::it-autoscaler",
        "kubernetes:core/v1:Service::it",
        "kubernetes:core/v1:Service::it-preview",
        "kubernetes:core/v1:ServiceAccount::it-account",
        "kubernetes:policy/v1:PodDisruptionBudget::it-rollout",
        "switchyard:service:ArgoBlueGreenService::it",
    ],
}
"""Type and logical name of each resource, by the class of the component that registers it."""


def urns(recording: Recording) -> list[str]:
    """Type and logical name of each resource."""
    return sorted(f"{type_}::{name}" for type_, name in recording.requests if type_ != "pulumi:pulumi:Stack")


@pytest.mark.parametrize("kind", BUILT)
def test_urns_of_a_service_stay(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    assert urns(record(monkeypatch, BUILT[kind])) == URNS[kind]
