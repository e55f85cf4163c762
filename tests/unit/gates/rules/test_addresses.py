"""Warnings of addresses at which a Service no longer answers."""

import copy
from typing import Any

import pytest

from switchyard.gates.rules.addresses import lost_addresses, lost_hosts, lost_networks, lost_sources, lost_urls
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
        lambda spec: spec["ports"][0].update(protocol="TCP"),
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
        # The number stays, and with it the node port; only who uses the name finds nothing.
        (
            lambda spec: spec["ports"][1].update(name="rpc", nodePort=None) or spec["ports"][1].pop("nodePort"),
            "port grpc by its name, which an Ingress may have (it becomes rpc) (SY-S016)",
        ),
        (
            lambda spec: spec["ports"][1].update(name="rpc", nodePort=31001),
            "port grpc by its name, which an Ingress may have (it becomes rpc), node port 31000 (it becomes 31001)",
        ),
        (
            lambda spec: spec["ports"][1].update(protocol="UDP"),
            "backend:9000 in the cluster (it becomes backend:9000/UDP) (SY-S016)",
        ),
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


def test_a_port_without_a_name_that_gets_one_keeps_its_address() -> None:
    old = {"spec": {"type": "NodePort", "ports": [{"port": 8000.0, "nodePort": 30080.0}]}}
    assert (
        lost_addresses("backend", old, {"spec": {"type": "NodePort", "ports": [{"name": "http", "port": 8000}]}})
        is None
    )


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


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["203.0.113.0/24"], ["203.0.113.0/24", "198.51.100.0/24"]),
        (["203.0.113.0/24"], ["203.0.112.0/23"]),
        (["203.0.112.0/23"], ["203.0.112.0/24", "203.0.113.0/24"]),
        (["0.0.0.0/0", "::/0"], ["::/0", "0.0.0.0/1", "128.0.0.0/1"]),
        ([], ["10.0.0.0/8"]),
    ],
)
def test_blocks_that_keep_their_access_are_not_warned_of(before: list[str], now: list[str]) -> None:
    assert lost_networks("switchyard:cluster.loadBalancer.inbound", before, now) is None


@pytest.mark.parametrize(
    ("before", "now", "named"),
    [
        (["0.0.0.0/0"], ["203.0.113.0/24"], "0.0.0.0/0 will no longer have access, and what remains is 203.0.113.0/24"),
        (["10.0.0.0/8", "203.0.113.0/24"], ["10.0.0.0/8"], "203.0.113.0/24 will no longer have access"),
        (
            ["10.0.0.0/8", "203.0.113.0/24"],
            ["198.51.100.7/32"],
            "10.0.0.0/8, 203.0.113.0/24 will no longer have access",
        ),
        (["10.0.0.0/8", "::/0"], ["10.0.0.0/8"], ": ::/0 will no longer have access"),
        (["10.0.0.0/8"], [], "10.0.0.0/8 will no longer have access, and what remains is none (SY-S021)"),
    ],
)
def test_every_block_that_loses_its_access_is_named(before: list[str], now: list[str], named: str) -> None:
    text = lost_networks("switchyard:cluster.loadBalancer.inbound", before, now)
    assert str(text).startswith("switchyard:cluster.loadBalancer.inbound: ")
    assert named in str(text)
    assert "(SY-S021)" in str(text)


def load_balancer(*ranges: str, **more: Any) -> dict[str, Any]:
    """A Service of type LoadBalancer."""
    return {"spec": {"type": "LoadBalancer", **({"loadBalancerSourceRanges": list(ranges)} if ranges else {}), **more}}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (load_balancer(), load_balancer("10.0.0.0/8"), "loadBalancerSourceRanges: 0.0.0.0/0 will"),
        (load_balancer(ipFamilies=["IPv6"]), load_balancer("10.0.0.0/8"), "loadBalancerSourceRanges: ::/0 will"),
        (load_balancer("10.0.0.0/8"), load_balancer("10.1.0.0/16"), "loadBalancerSourceRanges: 10.0.0.0/8 will"),
        (load_balancer("10.1.0.0/16"), load_balancer("10.0.0.0/8"), None),
        # Of an adopted Service: Kubernetes accepts an address inside of the block, and spaces.
        (load_balancer("10.1.2.3/16"), load_balancer("10.0.0.0/8"), None),
        (load_balancer(" 10.1.2.3/16"), load_balancer("10.2.0.0/16"), "loadBalancerSourceRanges: 10.1.0.0/16 will"),
        (load_balancer("10.1.0.0/16"), load_balancer(), None),
        ({"spec": {"type": "NodePort"}}, load_balancer("10.1.0.0/16"), None),
        ({}, load_balancer("10.1.0.0/16"), None),
    ],
)
def test_a_load_balancer_of_a_service_that_admits_fewer_clients_is_named(
    old: dict[str, Any], new: dict[str, Any], named: str | None
) -> None:
    text = lost_sources("backend", old, new)
    assert (text is None) if named is None else (named in str(text))


def mesh(hosts: list[str], *gateways: str) -> dict[str, Any]:
    """A VirtualService."""
    return {
        "metadata": {"name": "backend", "namespace": "shop"},
        "spec": {"hosts": hosts, **({"gateways": list(gateways)} if gateways else {})},
    }


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (mesh(["a.org", "b.org"]), mesh(["a.org"]), "will no longer route requests of host b.org (SY-S016)"),
        (mesh(["a.b.org"]), mesh(["*.org", "c.org"]), None),
        (mesh(["a.org"], "public", "mesh"), mesh(["a.org"], "mesh"), "of gateway public (SY-S016)"),
        (mesh(["a.org"]), mesh(["a.org"], "public"), "of gateway mesh (SY-S016)"),
        (mesh(["a.org"]), mesh(["a.org", "b.org"], "public", "mesh"), None),
        (mesh(["a.org"], "public"), mesh(["b.org"]), "of host a.org, gateway public (SY-S016)"),
        ({}, mesh(["a.org"], "public"), None),
        # A name without a dot is the Service of that name in the namespace of the VirtualService.
        (mesh(["backend"]), mesh(["backend.shop.svc.cluster.local"]), None),
        (mesh(["backend.shop.svc.cluster.local"]), mesh(["backend"]), None),
        (mesh(["backend"]), mesh(["backend.other.svc.cluster.local"]), "of host backend (SY-S016)"),
    ],
)
def test_every_host_and_gateway_that_a_virtual_service_loses_is_named(
    old: dict[str, Any], new: dict[str, Any], named: str | None
) -> None:
    text = lost_hosts("backend", old, new)
    assert (text is None) if named is None else (named in str(text))
