"""Objects registered by their type token ask the engine for what the classes of the provider's SDK ask for."""

from collections.abc import Callable

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi.runtime.proto import resource_pb2

from components.cluster.load_balancer import _hostname
from components.kubernetes_provider import KubernetesProvider
from components.manifest import register_patch, type_token
from tests.support.engine import record

METADATA = {"name": "worker-1", "labels": {"workload": "application"}}
SPEC = {"taints": [{"key": "dedicated", "value": "redis", "effect": "NoSchedule"}]}


@pytest.mark.parametrize(
    ("version", "kind", "token"),
    [
        ("v1", "Service", "kubernetes:core/v1:Service"),
        ("apps/v1", "Deployment", "kubernetes:apps/v1:Deployment"),
        ("networking.k8s.io/v1", "Ingress", "kubernetes:networking.k8s.io/v1:Ingress"),
        ("policy/v1", "PodDisruptionBudget", "kubernetes:policy/v1:PodDisruptionBudget"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"),
        ("argoproj.io/v1alpha1", "Rollout", "kubernetes:argoproj.io/v1alpha1:Rollout"),
    ],
)
def test_a_type_token_is_the_one_of_the_sdk(version: str, kind: str, token: str) -> None:
    assert type_token({"apiVersion": version, "kind": kind}) == token


def request(
    monkeypatch: pytest.MonkeyPatch, build: Callable[[], pulumi.CustomResource]
) -> resource_pb2.RegisterResourceRequest:
    """What one resource asks the engine for, without the place in the source that it comes from."""
    (asked,) = (recorded for (_, name), recorded in record(monkeypatch, build).requests.items() if name == "it")
    asked.ClearField("sourcePosition")
    asked.ClearField("stackTrace")
    return asked


def test_a_patch_is_registered_as_by_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    opts = pulumi.ResourceOptions(ignore_changes=["spec.taints"])
    node = {"apiVersion": "v1", "kind": "Node", "metadata": METADATA, "spec": SPEC}
    sdk = kubernetes.core.v1.NodePatch
    ours = request(monkeypatch, lambda: register_patch("it", node, opts))
    assert ours == request(monkeypatch, lambda: sdk("it", opts=opts, metadata=METADATA, spec=SPEC))


@pytest.mark.parametrize("kubeconfig", [None, "", "path"])
def test_a_provider_is_registered_as_by_the_sdk(monkeypatch: pytest.MonkeyPatch, kubeconfig: str | None) -> None:
    monkeypatch.setenv("KUBECONFIG", "/one:/two")
    monkeypatch.setenv("PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS", "T")
    monkeypatch.setenv("PULUMI_K8S_ENABLE_SECRET_MUTABLE", "perhaps")
    opts = pulumi.ResourceOptions()

    def ours() -> pulumi.CustomResource:
        return KubernetesProvider("it", kubeconfig=kubeconfig, context="c", cluster_identifier="i", opts=opts)

    def sdk() -> pulumi.CustomResource:
        return kubernetes.Provider(
            "it",
            kubeconfig=kubeconfig,
            context="c",
            cluster_identifier="i",
            enable_server_side_apply=True,
            opts=opts,
        )

    assert request(monkeypatch, ours) == request(monkeypatch, sdk)


@pytest.mark.parametrize(
    ("status", "hostname"),
    [
        (None, ""),
        ({}, ""),
        ({"loadBalancer": {}}, ""),
        ({"loadBalancer": {"ingress": [{"hostname": "alb.example"}]}}, "alb.example"),
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, ""),
    ],
)
def test_the_hostname_is_read_from_the_status_of_the_ingress(status: object, hostname: str) -> None:
    assert _hostname(status) == hostname
