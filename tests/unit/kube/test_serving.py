"""Which objects take part in serving users, seen in one namespace."""

import json
from dataclasses import replace
from typing import Any

import pytest

from switchyard.kube.object_names import ObjectName
from switchyard.kube.serving import NamespaceView, object_serves, service_serves, users_services
from switchyard.manifests.labels import object_labels

BLUE, GREEN = ({"app": "backend", "version": colour} for colour in ("blue", "green"))


def service(name: str, selector: dict[str, str], app: str = "backend") -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": object_labels(app)}, "spec": {"selector": selector}}


def slice_of(name: str, *pods: str, ready: bool = True) -> dict[str, Any]:
    endpoints = [{"targetRef": {"kind": "Pod", "name": pod}, "conditions": {"ready": ready}} for pod in pods]
    return {"metadata": {"name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}}, "endpoints": endpoints}


def pod(name: str, labels: dict[str, str], account: str = "backend", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"serviceAccountName": account, **spec}}


def workload(labels: dict[str, str]) -> dict[str, Any]:
    return {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}


def name(kind: str, of: str) -> ObjectName:
    return ObjectName("", kind, "default", of)


def ingress(spec: dict[str, Any], annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "web", "annotations": annotations or {}}, "spec": spec}


def backend(of: str, port: object = 8000) -> dict[str, Any]:
    key = "name" if isinstance(port, str) else "number"
    return {"service": {"name": of, "port": {key: port}}}


BLUE_SERVES = NamespaceView(
    services=(service("backend", BLUE), service("backend-blue", BLUE), service("backend-green", GREEN)),
    slices=(slice_of("backend", "b1", "b2"), slice_of("backend-blue", "b1", "b2"), slice_of("backend-green", "g1")),
    pods=(pod("b1", BLUE), pod("b2", BLUE), pod("g1", GREEN)),
)


@pytest.mark.parametrize(
    ("kind", "of", "live", "serves"),
    [
        ("Service", "backend", {}, True),
        ("Service", "backend-blue", {}, False),
        ("Service", "backend-green", {}, False),
        ("Deployment", "backend-blue", workload(BLUE), True),
        ("Deployment", "backend-green", workload(GREEN), False),
        ("Rollout", "backend", workload({"app": "backend", "version": "rollout"}), False),
        ("PodDisruptionBudget", "backend-blue", workload(BLUE), True),
        ("PodDisruptionBudget", "backend-green", workload(GREEN), False),
        ("ServiceAccount", "backend", {}, True),
        ("ServiceAccount", "other", {}, False),
        ("AnalysisTemplate", "backend-success-rate", {}, False),
    ],
)
def test_objects_that_serve_while_blue_serves(kind: str, of: str, live: dict[str, Any], *, serves: bool) -> None:
    assert (object_serves(name(kind, of), live, BLUE_SERVES) is not None) is serves


def test_a_deployment_whose_pods_are_gone_still_belongs_to_the_service_that_selects_it() -> None:
    view = NamespaceView(services=(service("backend", BLUE),))
    assert object_serves(name("Deployment", "backend-blue"), workload(BLUE), view) == "Service backend selects its pods"
    assert object_serves(name("Deployment", "backend-green"), workload(GREEN), view) is None


def test_a_service_without_ready_endpoints_serves_nobody() -> None:
    view = NamespaceView(services=(service("backend", BLUE),), slices=(slice_of("backend", "b1", ready=False),))
    assert users_services(view) == {}
    assert service_serves("backend", view) is None


CRASHED = NamespaceView(
    services=BLUE_SERVES.services, slices=(slice_of("backend", "b1", "b2", ready=False),), pods=BLUE_SERVES.pods
)


def test_a_service_whose_pods_are_all_unready_is_missed_all_the_same() -> None:
    assert service_serves("backend", CRASHED) == "Service backend selects 2 pods, of which none is ready"
    for kind, of, live in (
        ("Service", "backend", {}),
        ("Deployment", "backend-blue", workload(BLUE)),
        ("PodDisruptionBudget", "backend-blue", workload(BLUE)),
        ("ServiceAccount", "backend", {}),
    ):
        assert object_serves(name(kind, of), live, CRASHED) is not None
    for kind, of, live in (
        ("Service", "backend-green", {}),
        ("Deployment", "backend-green", workload(GREEN)),
        ("PodDisruptionBudget", "backend-green", workload(GREEN)),
    ):
        assert object_serves(name(kind, of), live, CRASHED) is None


def test_an_ingress_to_unready_pods_counts_as_one_to_ready_ones() -> None:
    routing = ingress({"defaultBackend": backend("backend-green")})
    view = NamespaceView((service("backend-green", GREEN),), (), (pod("g1", GREEN),), ingresses=(routing,))
    reason = users_services(view)["backend-green"]
    assert reason == "Ingress web sends requests to Service backend-green, which selects 1 pod, of which none is ready"


@pytest.mark.parametrize(
    "change",
    [{"status": {"phase": "Failed"}}, {"status": {"phase": "Succeeded"}}, {"metadata": {"deletionTimestamp": "now"}}],
)
def test_pods_that_have_ended_or_are_going_serve_nobody(change: dict[str, Any]) -> None:
    gone = pod("b1", BLUE)
    gone = {**gone, **change, "metadata": {**gone["metadata"], **change.get("metadata", {})}}
    assert service_serves("backend", NamespaceView((service("backend", BLUE),), (), (gone,))) is None


def test_a_service_that_selects_nothing_serves_nobody() -> None:
    assert service_serves("backend", NamespaceView((service("backend", {}),), (), (pod("b1", BLUE),))) is None


def test_the_pods_of_a_rollout_serve_under_a_selector_with_its_hash() -> None:
    labels = {"app": "backend", "version": "rollout"}
    hashed = {"app": "backend", "rollouts-pod-template-hash": "abc"}
    view = NamespaceView(
        services=(service("backend", hashed),),
        slices=(slice_of("backend", "r1"),),
        pods=(pod("r1", labels | hashed), pod("b1", BLUE)),
    )
    assert object_serves(name("Rollout", "backend"), workload(labels), view) is not None
    assert object_serves(name("Deployment", "backend-blue"), workload(BLUE), view) is None


WEIGHTS = {
    "alb.ingress.kubernetes.io/actions.backend": json.dumps(
        {
            "forwardConfig": {
                "targetGroups": [
                    {"serviceName": "backend-blue", "weight": 0},
                    {"serviceName": "backend-green", "weight": 100},
                ]
            }
        }
    )
}


@pytest.mark.parametrize(
    ("routing", "routed"),
    [
        (ingress({"defaultBackend": backend("backend-green")}), True),
        (ingress({"rules": [{"http": {"paths": [{"backend": backend("backend-green")}]}}]}), True),
        (ingress({"rules": [{"http": {"paths": [{"backend": backend("backend", "use-annotation")}]}}]}, WEIGHTS), True),
        (ingress({"rules": [{"http": {"paths": [{"backend": backend("other")}]}}]}), False),
        (ingress({}), False),
    ],
)
def test_a_service_that_an_ingress_sends_requests_to_serves(routing: dict[str, Any], *, routed: bool) -> None:
    view = NamespaceView(BLUE_SERVES.services, BLUE_SERVES.slices, BLUE_SERVES.pods, ingresses=(routing,))
    assert (object_serves(name("Service", "backend-green"), {}, view) is not None) is routed
    assert (object_serves(name("Deployment", "backend-green"), workload(GREEN), view) is not None) is routed


def test_a_colour_with_weight_zero_serves_nobody() -> None:
    routing = ingress({"rules": [{"http": {"paths": [{"backend": backend("backend", "use-annotation")}]}}]}, WEIGHTS)
    view = NamespaceView(BLUE_SERVES.services, BLUE_SERVES.slices, BLUE_SERVES.pods, ingresses=(routing,))
    assert object_serves(name("Service", "backend-blue"), {}, view) is None


@pytest.mark.parametrize(("weight", "serves"), [(100, True), (0, False)])
def test_a_service_that_a_mesh_sends_requests_to_serves(weight: int, *, serves: bool) -> None:
    route = {"destination": {"host": "backend-green.default.svc.cluster.local"}, "weight": weight}
    mesh = {"metadata": {"name": "backend"}, "spec": {"http": [{"route": [route]}]}}
    view = NamespaceView(BLUE_SERVES.services, BLUE_SERVES.slices, BLUE_SERVES.pods, routes=(mesh,))
    assert (object_serves(name("Service", "backend-green"), {}, view) is not None) is serves


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_what_serving_pods_read_serves(kind: str) -> None:
    volume = {"configMap": {"name": "settings"}} if kind == "ConfigMap" else {"secret": {"secretName": "settings"}}
    reference = "configMapRef" if kind == "ConfigMap" else "secretRef"
    from_volume = pod("b1", BLUE, volumes=[volume])
    from_environment = pod("b1", BLUE, containers=[{"envFrom": [{reference: {"name": "settings"}}]}])
    for reader in (from_volume, from_environment):
        view = NamespaceView(BLUE_SERVES.services, BLUE_SERVES.slices, (reader,))
        assert object_serves(name(kind, "settings"), {}, view) is not None
        assert object_serves(name(kind, "other"), {}, view) is None


@pytest.mark.parametrize("label", ["app", "app.kubernetes.io/managed-by"])
def test_a_service_that_lost_a_label_by_hand_serves_all_the_same(label: str) -> None:
    bare = service("backend", BLUE)
    del bare["metadata"]["labels"][label]
    view = NamespaceView(services=(bare,), slices=BLUE_SERVES.slices, pods=BLUE_SERVES.pods)
    assert service_serves("backend", view) is not None
    assert object_serves(name("Deployment", "backend-blue"), workload(BLUE), view) is not None


def gateway_route(**backend_ref: Any) -> dict[str, Any]:
    """An HTTPRoute, without its kind, as it is in a list."""
    rules = [{"backendRefs": [{"name": "backend-green", "port": 8000} | backend_ref]}]
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": {"rules": rules}}


@pytest.mark.parametrize(
    ("route", "serves"),
    [
        (gateway_route(), True),
        (gateway_route(weight=10, kind="Service", namespace="default"), True),
        (gateway_route(weight=0), False),
        (gateway_route(namespace="other"), False),
        (gateway_route(kind="ServiceImport"), False),
        ({"metadata": {"name": "redirect", "namespace": "default"}, "spec": {"rules": [{}]}}, False),
    ],
)
def test_a_service_behind_a_route_of_the_gateway_api_serves(route: dict[str, Any], *, serves: bool) -> None:
    view = replace(BLUE_SERVES, gateway_routes=(route,))
    reason = object_serves(name("Service", "backend-green"), {}, view)
    text = "Gateway API route web sends requests to Service backend-green, which has 1 ready endpoint"
    assert reason == (text if serves else None)
