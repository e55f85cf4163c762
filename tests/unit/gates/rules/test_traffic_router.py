"""How a traffic router is configured, and when it may take over: pure functions."""

import re
from typing import Any

import pytest

from switchyard.config.models.service import CanarySettings, Track
from switchyard.gates.rules.traffic_router import (
    former_ingress_of,
    refuse_foreign_route,
    refuse_ingress,
    refuse_other_route_port,
    refuse_routed,
    refuse_still_routed,
    refuse_still_weighted,
    router_of,
    warn_without_weights,
)
from switchyard.kube.ingresses import rules_of
from switchyard.manifests.canary import rollout, virtual_service
from switchyard.manifests.rollout import version_service
from tests.support.configuration import error_lines

ACTION = "alb.ingress.kubernetes.io/actions.backend"
ROUTE = {"name": "beta", "cookie": "group", "value": "a.b"}
STEPS = [{"weight": 17}, {"route": ROUTE}, {"scale": {"percent": 50}}, {"analysis": ["latency-p95"]}]


def service(traffic: str, **canary: Any) -> CanarySettings:
    return CanarySettings.model_validate(
        {
            "image": "ghcr.io/org/backend",
            "strategy": "canary",
            "tag": "v1.0.0",
            "canary": {"traffic": traffic, "alb": {"ingress": "public"}, "steps": STEPS} | canary,
        }
    )


def strategy(traffic: str, **canary: Any) -> dict[str, Any]:
    rendered: dict[str, Any] = rollout("backend", service(traffic, **canary))["spec"]["strategy"]["canary"]
    return rendered


def ingress(port: str, routed_to: str = "backend", action: str = "") -> dict[str, Any]:
    backend = {"service": {"name": routed_to, "port": {"name": port}}}
    return {
        "metadata": {"name": "public", "annotations": {ACTION: action} if action else {}},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]},
    }


def test_an_alb_router_has_its_ingress_its_steps_and_node_ports() -> None:
    rendered = strategy("alb", alb={"ingress": "public", "stickinessSeconds": 60})
    assert rendered["trafficRouting"] == {
        "alb": {
            "ingress": "public",
            "rootService": "backend",
            "servicePort": 8000,
            "stickinessConfig": {"enabled": True, "durationSeconds": 60},
        },
        "managedRoutes": [{"name": "beta"}],
    }
    assert rendered["steps"][1]["setHeaderRoute"]["match"] == [
        {"headerName": "Cookie", "headerValue": {"exact": "*group=a.b*"}}
    ]
    for version in ("backend-stable", "backend-canary"):
        for settings in (service("alb"), service("replicas", steps=[])):
            assert version_service("backend", version, settings)["spec"]["type"] == "NodePort"


def test_a_mesh_starts_with_all_weight_on_the_stable_version() -> None:
    [route] = virtual_service("backend", service("istio"))["spec"]["http"]
    assert [(way["destination"]["host"], way["weight"]) for way in route["route"]] == [
        ("backend-stable", 100),
        ("backend-canary", 0),
    ]
    rendered = strategy("istio", dynamicStableScale=True, abortScaleDownDelaySeconds=0)
    assert rendered["trafficRouting"]["istio"] == {"virtualService": {"name": "backend", "routes": [route["name"]]}}
    assert (rendered["dynamicStableScale"], rendered["abortScaleDownDelaySeconds"]) == (True, 0)
    assert rendered["steps"][2] == {"setCanaryScale": {"weight": 50}}
    assert rendered["steps"][3]["analysis"]["templates"] == [{"templateName": "backend-latency-p95"}]
    assert virtual_service("backend", service("istio"))["spec"]["hosts"] == ["backend"]


@pytest.mark.parametrize(
    ("cookies", "matches"),
    [
        ("group=a.b", True),
        ("x=1; group=a.b", True),
        ("group=a.b; x=1", True),
        ("group=acb", False),
        ("my-group=a.b", False),
    ],
)
def test_a_cookie_is_found_among_others_and_not_within_one(cookies: str, matches: bool) -> None:
    [match] = strategy("istio")["steps"][1]["setHeaderRoute"]["match"]
    assert bool(re.fullmatch(match["headerValue"]["regex"], cookies)) is matches


def test_an_ingress_without_a_route_is_refused_and_one_without_weights_is_named() -> None:
    wanted = service("alb")
    assert refuse_ingress("backend", wanted, rules_of([ingress("http")]), exists=True) is None
    other = refuse_ingress("backend", wanted, rules_of([ingress("http", routed_to="web")]), exists=True)
    assert "Ingress public in namespace default has rules for web; it must have a rule for Service backend" in str(
        other
    )
    assert "does not exist" in str(refuse_ingress("backend", wanted, [], exists=False))
    assert "set the port of its backend to use-annotation" in str(
        warn_without_weights("backend", wanted, rules_of([ingress("http")]))
    )
    assert warn_without_weights("backend", wanted, rules_of([ingress("use-annotation")])) is None


def test_weights_must_be_reset_before_the_controller_stops() -> None:
    weights = '{"ForwardConfig":{"TargetGroups":[{"ServiceName":"backend-stable","Weight":100}]}}'
    still = refuse_still_weighted("backend", service("alb"), rules_of([ingress("use-annotation", action=weights)]))
    assert "Change its rule for backend to Service backend, port http" in str(still)
    for harmless in (ingress("http", action=weights), ingress("use-annotation", action="{}")):
        assert refuse_still_weighted("backend", service("alb"), rules_of([harmless])) is None


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (service("alb"), None),
        (service("alb", alb={"ingress": "other"}), "public"),
        (service("alb", alb={"ingress": "public", "rootService": "web"}), "public"),
        (service("istio"), "public"),
        (service("replicas", steps=[]), "public"),
    ],
    ids=["the same", "another Ingress", "another rule", "a mesh", "none"],
)
def test_an_ingress_that_is_not_configured_any_more_is_ignored(wanted: CanarySettings, left: str | None) -> None:
    assert former_ingress_of("backend", wanted, router_of(rollout("backend", service("alb")))) == left
    assert former_ingress_of("backend", wanted, router_of(None)) is None


def test_routes_of_a_gateway_and_foreign_virtual_services_are_refused() -> None:
    wanted = service("istio", istio={"gateways": ["mesh", "istio-system/public"]})
    own = virtual_service("backend", wanted)
    assert "istio-system/public routes requests to it" in str(refuse_still_routed("backend", wanted, own))
    for harmless in (None, virtual_service("backend", service("istio", istio={"gateways": ["mesh"]}))):
        assert refuse_still_routed("backend", wanted, harmless) is None
    assert refuse_foreign_route("backend", wanted, own) is None
    assert refuse_foreign_route("backend", wanted, None) is None
    assert "already has a VirtualService backend" in str(refuse_foreign_route("backend", wanted, {"metadata": {}}))


def test_a_port_to_which_a_mesh_routes_is_not_changed() -> None:
    route = virtual_service("backend", service("istio"))
    moved = service("istio").model_copy(update={"service_port": 80})
    text = str(refuse_other_route_port("backend", moved, route))
    assert text.startswith("backend: a change of the port of its Services to 80 is refused (SY-R018): ")
    assert "VirtualService backend routes to port 8000 of Services backend-canary and backend-stable" in text
    assert "pulumi config set --path 'switchyard:services.backend.canary.traffic' replicas" in text
    assert refuse_other_route_port("backend", service("istio"), route) is None
    assert refuse_other_route_port("backend", moved, None) is None
    foreign = {**route, "metadata": {"name": "backend"}}
    assert refuse_other_route_port("backend", moved, foreign) is None


def test_a_default_backend_is_a_rule_too() -> None:
    backend = {"service": {"name": "backend", "port": {"number": 8000}}}
    [rule] = rules_of([{"metadata": {"name": "public"}, "spec": {"defaultBackend": backend}}])
    assert (rule.service, rule.by_weights) == ("backend", False)


def test_a_migration_waits_for_the_end_of_the_router() -> None:
    routed = rollout("backend", service("alb"))
    assert "the traffic of the Rollout is routed by alb" in str(refuse_routed("backend", Track.BLUE, routed))
    for harmless in (None, rollout("backend", service("replicas", steps=[]))):
        assert refuse_routed("backend", Track.BLUE, harmless) is None


def test_under_a_router_both_versions_may_have_all_their_pods() -> None:
    raw = service("istio").model_dump(by_alias=True, exclude_unset=True, mode="json") | {"replicas": 12}
    [problem] = error_lines({"backend": raw | {"resources": {"requests": {"cpu": "200m"}}}})
    assert "24 pods" in problem
