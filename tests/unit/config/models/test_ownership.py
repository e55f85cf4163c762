"""Ownership settings: remove, adopt, formerStack, and names that are in use."""

from typing import Any

import pytest

from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service_name import NamespacedName
from tests.support.remedies import pastes

SERVICE: dict[str, Any] = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}}
CLUSTER = {"kind": "existing", "nodes": {}}


def settings(services: dict[str, Any], cluster: dict[str, Any] | None = None, **more: Any) -> StackSettings:
    return load(cluster or CLUSTER, services, "test", **more)


def refusal(services: dict[str, Any], **more: Any) -> str:
    with pytest.raises(SettingsError) as error:
        settings(services, **more)
    return str(error.value)


@pytest.mark.parametrize(
    ("entry", "namespace"),
    [
        ({**SERVICE, "remove": True}, "default"),
        ({**SERVICE, "remove": True, "namespace": "shop"}, "shop"),
        ({"remove": True, "namespace": "shop"}, "shop"),
        ({"remove": True, "unknown": 1, "active": "purple"}, "default"),
    ],
)
def test_a_removed_service_is_not_among_the_services(entry: dict[str, Any], namespace: str) -> None:
    loaded = settings({"backend": entry, "web": SERVICE})
    assert loaded.removed == {"backend": NamespacedName(namespace, "backend")}
    assert set(loaded.services) == {"web"}


def test_remove_false_keeps_the_service() -> None:
    loaded = settings({"backend": {**SERVICE, "remove": False}})
    assert set(loaded.services) == {"backend"}
    assert loaded.removed == {}


@pytest.mark.parametrize("value", ["true", 1, None])
def test_remove_is_true_or_false(value: object) -> None:
    assert "switchyard:services.backend.remove" in refusal({"backend": {**SERVICE, "remove": value}})


@pytest.mark.parametrize("value", ["true", "false", "yes", 1, None, [], {}])
@pytest.mark.parametrize("entry", [SERVICE, {}])
def test_a_removal_that_is_no_boolean_is_one_error_with_both_remedies(value: object, entry: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as error:
        settings({"backend": {**entry, "remove": value}})
    [problem] = error.value.problems
    assert problem.path == "switchyard:services.backend.remove"
    away, kept = pastes(problem.remedy)
    assert away == ["pulumi config set --path 'switchyard:services.backend.remove' true"]
    assert kept == ["pulumi config rm --path 'switchyard:services.backend.remove'"]


def test_a_removal_that_is_no_boolean_reports_nothing_about_routes() -> None:
    routes = [{"service": "backend", "host": "a.example.org"}]
    cluster = {
        "kind": "ec2",
        "name": "test",
        "network": {"administrators": ["203.0.113.0/24"]},
        "loadBalancer": {"certificate": "arn:aws:acm:ap-northeast-2:123456789012:certificate/1", "routes": routes},
    }
    with pytest.raises(SettingsError) as error:
        settings({"backend": {**SERVICE, "remove": "true"}}, cluster)
    assert [problem.path for problem in error.value.problems] == ["switchyard:services.backend.remove"]


@pytest.mark.parametrize("namespace", ["Shop", 7, None])
def test_a_removed_service_needs_its_namespace(namespace: object) -> None:
    assert "switchyard:services.backend.namespace" in refusal({"backend": {"remove": True, "namespace": namespace}})


def test_the_routes_of_a_removed_service_are_removed_as_well() -> None:
    routes = [{"service": "backend", "host": "a.example.org"}, {"service": "web", "host": "b.example.org"}]
    cluster = {
        "kind": "ec2",
        "name": "test",
        "network": {"administrators": ["203.0.113.0/24"]},
        "loadBalancer": {"certificate": "arn:aws:acm:ap-northeast-2:123456789012:certificate/1", "routes": routes},
    }
    both = {"backend": {"remove": True}, "web": {**SERVICE, "nodePort": 30081}}
    loaded = settings(both, cluster).cluster
    assert isinstance(loaded, Ec2Cluster)
    assert loaded.load_balancer is not None
    assert [route.service for route in loaded.load_balancer.routes] == ["web"]
    # The last one too: the load balancer stays until its own keys go.
    last = settings({"backend": {"remove": True}, "web": {"remove": True}}, cluster).cluster
    assert isinstance(last, Ec2Cluster)
    assert last.load_balancer is not None
    assert last.load_balancer.routes == ()


@pytest.mark.parametrize(
    ("name", "namespace", "path"),
    [
        ("kubernetes", "default", "switchyard:services.kubernetes"),
        ("kubernetes", "shop", "switchyard:services.kubernetes"),
        ("default", "shop", "switchyard:services.default"),
        ("backend", "kube-system", "switchyard:services.backend.namespace"),
        ("kube-dns", "kube-system", "switchyard:services.kube-dns.namespace"),
        ("backend", "kube-public", "switchyard:services.backend.namespace"),
        ("backend", "kube-node-lease", "switchyard:services.backend.namespace"),
    ],
)
def test_what_kubernetes_itself_uses_is_refused(name: str, namespace: str, path: str) -> None:
    assert f" {path}: " in refusal({name: {**SERVICE, "namespace": namespace}})


@pytest.mark.parametrize("reference", ["payments", "serviceaccount/payments", "ServiceAccount/", "Service/A"])
def test_what_is_adopted_is_a_kind_and_a_name(reference: str) -> None:
    assert "switchyard:services.backend.adopt.0" in refusal({"backend": {**SERVICE, "adopt": [reference]}})


@pytest.mark.parametrize("reference", ["argo-rollouts", "Namespace/", "ServiceAccount/payments"])
def test_only_namespaces_are_adopted_for_the_cluster(reference: str) -> None:
    assert "switchyard:cluster.adopt.0" in refusal({}, cluster={**CLUSTER, "adopt": [reference]})


def test_objects_are_adopted_one_by_one() -> None:
    adopt = ["ServiceAccount/backend", "Service/backend"]
    assert settings({"backend": {**SERVICE, "adopt": adopt}}).services["backend"].adopt == tuple(adopt)


@pytest.mark.parametrize("former", ["staging", "a/b/c", "/staging", "switchyard/", 7, "a b/c"])
def test_a_former_stack_is_project_and_name(former: object) -> None:
    assert "switchyard:formerStack" in refusal({"backend": SERVICE}, former=former)


def test_a_former_stack_is_taken() -> None:
    assert settings({"backend": SERVICE}, former="switchyard/staging").former == "switchyard/staging"


def test_leaves_may_not_name_the_services_own_namespace() -> None:
    service = {**SERVICE, "namespace": "shop"}
    assert "pulumi config rm --path 'switchyard:services.backend.leaves'" in refusal(
        {"backend": {**service, "leaves": "shop"}}
    )
    assert settings({"backend": {**service, "leaves": "default"}}).services["backend"].leaves == "default"
