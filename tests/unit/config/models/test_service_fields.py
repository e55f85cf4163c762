"""Keys of the Service and of volumes that a chart's service has: what is refused, and what is rendered."""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, CanarySettings, Colour
from switchyard.manifests import blue_green, canary, pods
from switchyard.manifests.urls import service_url
from switchyard.manifests.volumes import pod_volumes
from tests.support.configuration import BACKEND, error_lines

CANARY = {"image": "org/backend", "strategy": "canary", "tag": "v1", "replicas": 3}


def service(**more: Any) -> BlueGreenSettings:
    return BlueGreenSettings.model_validate(BACKEND | more)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"servicePort": 80, "ports": {"web": {"containerPort": 8080, "servicePort": 80}}},
            "ports.web.servicePort: 80: is the port of switchyard:services.backend.servicePort",
        ),
        (
            {"ports": {"web": {"containerPort": 8080, "appProtocol": "http"}}},
            "ports.web.appProtocol: 'http': is of the port of the Service, which has this one only with servicePort",
        ),
        ({"service": {"appProtocol": "a b"}}, "service.appProtocol: 'a b': must be a label key"),
        ({"service": {"ipFamilies": ["IPv4", "IPv4"]}}, "service.ipFamilies: a list: names a family twice"),
        (
            {"service": {"ipFamilies": ["IPv4", "IPv6"]}},
            "names two families, and a Service has both only with another ipFamilyPolicy than SingleStack",
        ),
        ({"service": {"ipFamilyPolicy": "DualStack"}}, "allowed: SingleStack, PreferDualStack, RequireDualStack"),
        ({"drain": {"terminationGracePeriodSeconds": 86401}}, "must be <= 86400"),
        ({"volumes": {"a": {"ephemeral": {}}}}, "volumes.a.ephemeral.size: missing"),
        ({"volumes": {"a": {"csi": {"driver": "A"}}}}, "volumes.a.csi.driver: 'A': must be a DNS subdomain"),
    ],
)
def test_an_error_gets_a_line(keys: dict[str, Any], line: str) -> None:
    lines = error_lines({"backend": BACKEND | keys})
    assert any(line in problem for problem in lines), lines


@pytest.mark.parametrize("traffic", ["alb", "istio"])
def test_a_port_of_the_service_alone_is_refused_under_a_traffic_router(traffic: str) -> None:
    """Its routes name the port, and are not changed once the controller sets their weights."""
    keys = {"servicePort": 80, "canary": {"traffic": traffic, "alb": {"ingress": "web"}}}
    [line] = [line for line in error_lines({"backend": CANARY | keys}) if "servicePort" in line]
    assert f"services.backend.servicePort: 80: the routes of canary.traffic {traffic} name the port" in line


def test_services_route_from_their_port_to_that_of_the_pods() -> None:
    settings = service(servicePort=80)
    for rendered in (
        pods.active_service("backend", settings),
        blue_green.colour_service("backend", Colour.BLUE, settings),
    ):
        [port] = rendered["spec"]["ports"]
        assert (port["port"], port["targetPort"]) == (80, 8000)
    assert service_url("backend", settings).endswith(":80")
    template = blue_green.deployment("backend", Colour.BLUE, settings)["spec"]["template"]
    assert template == blue_green.deployment("backend", Colour.BLUE, service())["spec"]["template"]


def test_a_traffic_router_names_the_port_of_the_service() -> None:
    settings = CanarySettings.model_validate(CANARY | {"port": 9000, "canary": {"traffic": "istio"}})
    [http] = canary.virtual_service("backend", settings)["spec"]["http"]
    assert {route["destination"]["port"]["number"] for route in http["route"]} == {9000}


def test_every_service_has_the_protocol_of_the_application() -> None:
    settings = service(
        service={"appProtocol": "kubernetes.io/h2c"},
        ports={"grpc": {"containerPort": 9000, "servicePort": 9000, "appProtocol": "grpc"}},
    )
    for rendered in (
        pods.active_service("backend", settings),
        blue_green.colour_service("backend", Colour.GREEN, settings),
    ):
        protocols = {port["name"]: port["appProtocol"] for port in rendered["spec"]["ports"]}
        assert protocols == {"http": "kubernetes.io/h2c", "grpc": "grpc"}


def test_the_families_of_addresses_are_those_of_the_service_of_users() -> None:
    options = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    spec = pods.active_service("backend", service(service=options))["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("PreferDualStack", ["IPv6", "IPv4"])
    assert "ipFamilies" not in pods.active_service("backend", service())["spec"]


def test_volumes_of_a_driver_and_of_a_pod_alone_are_rendered() -> None:
    settings = service(
        volumes={
            "vault": {"csi": {"driver": "secrets-store.csi.k8s.io", "attributes": {"secretProviderClass": "backend"}}},
            "scratch": {"ephemeral": {"size": "10Gi"}},
        }
    )
    _, vault, scratch = pod_volumes(settings.volumes)
    attributes = {"secretProviderClass": "backend"}
    assert vault["csi"] == {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": attributes}
    claim = scratch["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
