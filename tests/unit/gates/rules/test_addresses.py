"""Warnings of addresses at which a Service no longer answers."""

import copy
from typing import Any

import pytest

from switchyard.gates.rules.addresses import lost_addresses, lost_urls
from switchyard.gates.runbook import section

SERVICE: dict[str, Any] = {
    "spec": {
        "type": "NodePort",
        "ports": [{"name": "http", "port": 8000, "nodePort": 30080}, {"name": "grpc", "port": 9000, "nodePort": 31000}],
    }
}


def recorded() -> dict[str, Any]:
    """The Service as the engine records it: with every number a float."""
    service = copy.deepcopy(SERVICE)
    for port in service["spec"]["ports"]:
        port |= {"port": float(port["port"]), "nodePort": float(port["nodePort"])}
    return service


def lost(change: Any) -> str | None:
    new = copy.deepcopy(SERVICE)
    change(new["spec"])
    return lost_addresses("backend", recorded(), new)


@pytest.mark.parametrize(
    "change",
    [
        dict,  # a copy, which changes nothing
        lambda spec: spec.update(selector={"version": "green"}, type="LoadBalancer"),
        lambda spec: spec["ports"].append({"name": "admin", "port": 9100, "nodePort": 31001}),
        # Kubernetes keeps the number that it has given to a port of this name.
        lambda spec: spec["ports"][0].pop("nodePort"),
        lambda spec: spec["ports"].reverse(),
    ],
)
def test_a_service_that_keeps_its_addresses_is_not_warned_of(change: Any) -> None:
    assert lost(change) is None


@pytest.mark.parametrize(
    ("change", "lost_address"),
    [
        (lambda spec: spec["ports"][0].update(nodePort=30081), "node port 30080 (it becomes 30081)"),
        (lambda spec: spec["ports"][1].update(nodePort=31001), "node port 31000 (it becomes 31001)"),
        (lambda spec: spec["ports"][0].update(port=80), "backend:8000 in the cluster (it becomes backend:80)"),
        (lambda spec: spec["ports"].pop(), "backend:9000 in the cluster, node port 31000"),
        (lambda spec: spec.update(externalTrafficPolicy="Local"), "node ports of backend, on nodes without one of its"),
        (
            lambda spec: spec.update(internalTrafficPolicy="Local"),
            "backend in the cluster, on nodes without one of its",
        ),
        (lambda spec: spec.update(type="ClusterIP"), "node port 30080, node port 31000"),
    ],
)
def test_every_lost_address_is_named(change: Any, lost_address: str) -> None:
    text = lost(change)
    assert text is not None
    assert f"backend: Service backend will no longer answer at {lost_address}" in text
    assert "(SY-S016)." in text
    assert section("Rename a service") in text


def test_a_service_that_loses_its_load_balancer_is_named() -> None:
    old = recorded()
    old["spec"]["type"] = "LoadBalancer"
    assert "will no longer answer at its load balancer (SY-S016)" in str(lost_addresses("backend", old, SERVICE))


def test_a_service_that_had_no_node_ports_loses_none() -> None:
    old, new = recorded(), copy.deepcopy(SERVICE)
    old["spec"] |= {"type": "ClusterIP", "ports": [{"name": "http", "port": 8000.0}]}
    new["spec"]["externalTrafficPolicy"] = "Local"
    assert lost_addresses("backend", old, new) is None


def test_a_service_of_which_nothing_is_recorded_loses_no_address() -> None:
    assert lost_addresses("backend", {}, SERVICE) is None


ROUTES = {"backend": ["https://api.example.org/", "https://example.org/api"], "web": ["https://example.org/"]}


@pytest.mark.parametrize(
    "now",
    [
        ROUTES,
        ROUTES | {"new": ["https://new.example.org/"]},
        # Another service answers, by a path that includes the former one.
        {"web": ["https://example.org/", "https://api.example.org/"]},
        {"web": ["http:///"]},  # the name of the load balancer is not known
    ],
)
def test_a_load_balancer_that_keeps_its_urls_is_not_warned_of(now: dict[str, list[str]]) -> None:
    assert lost_urls(ROUTES, now) is None


@pytest.mark.parametrize(
    ("before", "now", "named"),
    [
        (ROUTES, {}, "https://api.example.org/, https://example.org/, https://example.org/api"),
        (ROUTES, ROUTES | {"backend": ["https://example.org/api"]}, "https://api.example.org/"),
        ({"a": ["https://a.org/api"]}, {"a": ["https://a.org/apis"]}, "https://a.org/api"),
        ({"a": ["https://a.org/"]}, {"a": ["http://a.org/"]}, "https://a.org/"),
    ],
)
def test_every_lost_url_is_named(before: dict[str, list[str]], now: dict[str, list[str]], named: str) -> None:
    text = lost_urls(before, now)
    assert f"the load balancer will no longer reach a service at {named} (SY-S016)" in str(text)


def test_a_route_for_every_host_keeps_the_urls_of_each_host() -> None:
    balancer, before = "k8s-it-1.elb.amazonaws.com", {"a": ["http://a.org/api", "http://b.org/"]}
    assert lost_urls(before, {"web": [f"http://{balancer}/"]}, balancer) is None
    text = lost_urls(before, {"web": [f"http://{balancer}/api"]}, balancer)
    assert "no longer reach a service at http://b.org/ (SY-S016)" in str(text)


def test_urls_of_a_load_balancer_that_had_no_name_yet_are_not_lost() -> None:
    assert lost_urls({"a": ["http:///"]}, {"a": ["http://k8s-it-1.elb.amazonaws.com/"]}) is None


def test_a_certificate_keeps_the_urls_without_tls() -> None:
    assert lost_urls({"a": ["http://a.org/"]}, {"a": ["https://a.org/"]}) is None
