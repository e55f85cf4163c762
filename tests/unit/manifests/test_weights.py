"""The weights of an Ingress: what is rendered, what is read, what is refused."""

import json
from typing import Any

import kubernetes_validate
import pytest

from components.cluster.ec2 import _node_ports
from devtools.toolchain.versions import KUBERNETES
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.gates.rules.load_balancer_weights import (
    not_switched,
    refuse_early_selector,
    refuse_early_weights,
    refuse_still_sent,
    refuse_unhealthy,
    switched,
    unforwarded,
    unwritten,
)
from switchyard.kube.ingresses import IngressRoute, hostnames, routes_to, targets_of
from switchyard.manifests.blue_green import colour_service
from switchyard.manifests.ingress import ingress
from switchyard.manifests.ingress_routes import parts
from switchyard.manifests.pods import Manifest
from switchyard.manifests.weights import ACTIONS, weights

ROUTES = [{"service": "backend"}, {"service": "backend", "path": "/api"}]
OWN = f"{ACTIONS}backend"


def service(engine: str = "albWeights", active: str = "green") -> BlueGreenSettings:
    pods = {"tag": "v1", "replicas": 3}
    raw = {"image": "org/backend", "active": active, "blue": pods, "green": pods, "nodePort": 30080}
    return BlueGreenSettings.model_validate(raw | {"switchEngine": engine})


def cluster(routes: list[dict[str, Any]] | None = None) -> Ec2Cluster:
    return Ec2Cluster.model_validate({"kind": "ec2", "name": "it", "loadBalancer": {"routes": routes or ROUTES}})


def rendered(engine: str = "albWeights", active: str = "green") -> Manifest:
    settings = cluster()
    assert settings.load_balancer is not None
    (part,) = parts(settings.load_balancer.routes)
    return ingress(settings, part, service(engine, active))


@pytest.mark.parametrize(
    ("engine", "active", "expected"),
    [
        ("albWeights", "blue", {"backend-blue": 100, "backend-green": 0, "backend": 0}),
        ("albWeights", "green", {"backend-blue": 0, "backend-green": 100, "backend": 0}),
        ("albTargets", "blue", {"backend-blue": 0, "backend-green": 0, "backend": 100}),
        ("albTargets", "green", {"backend-blue": 0, "backend-green": 0, "backend": 100}),
    ],
)
def test_one_target_group_has_all_the_weight(engine: str, active: str, expected: dict[str, int]) -> None:
    assert weights("backend", service(engine, active)) == expected


def test_a_weighted_ingress_has_its_weights_in_its_annotation_and_no_other_route() -> None:
    manifest = rendered()
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    assert json.loads(manifest["metadata"]["annotations"][OWN]) == {
        "type": "forward",
        "forwardConfig": {
            "targetGroups": [
                {"serviceName": "backend-blue", "servicePort": "http", "weight": 0},
                {"serviceName": "backend-green", "servicePort": "http", "weight": 100},
                {"serviceName": "backend", "servicePort": "http", "weight": 0},
            ]
        },
    }
    (rule,) = manifest["spec"]["rules"]
    backends = [path["backend"] for path in rule["http"]["paths"]]
    assert backends == [{"service": {"name": "backend", "port": {"name": "use-annotation"}}}] * 2


def test_a_switch_changes_the_annotation_alone_and_another_engine_the_port_as_well() -> None:
    blue, green = rendered(active="blue"), rendered(active="green")
    for written in (blue, green):
        del written["metadata"]["annotations"][OWN]
    assert blue == green
    selector, targets = rendered("selector"), rendered("albTargets")
    assert OWN not in selector["metadata"]["annotations"]
    del targets["metadata"]["annotations"][OWN]
    assert selector["metadata"] == targets["metadata"]


@pytest.mark.parametrize(
    ("engine", "kind"), [("selector", "ClusterIP"), ("albTargets", "NodePort"), ("albWeights", "NodePort")]
)
def test_the_load_balancer_reaches_the_colours_where_it_has_target_groups_for_them(engine: str, kind: str) -> None:
    manifest = colour_service("backend", Colour.BLUE, service(engine))
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    assert manifest["spec"]["type"] == kind
    assert "nodePort" not in manifest["spec"]["ports"][0]
    assert _node_ports(cluster(), {"backend": service(engine)}) == ((30080,) if kind == "ClusterIP" else ())


def test_rendered_weights_are_read_back() -> None:
    (route,) = routes_to("backend", [rendered()])
    assert route == IngressRoute("backend", by_weights=True, weights=weights("backend", service()))
    assert route.targets == {"backend-green"}
    (route,) = routes_to("backend", [rendered("selector")])
    assert route == IngressRoute("backend", by_weights=False, weights={"backend": 100})


def test_only_the_requested_ingresses_that_route_to_the_service_count() -> None:
    assert routes_to("shop", [rendered()]) == []
    assert routes_to("backend", [rendered()], ["backend.2"]) == []
    assert routes_to("backend", [rendered()], ["backend", "backend.2"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"forwardConfig": {}}',
        '{"forwardConfig": {"targetGroups": 1}}',
        '{"forwardConfig": {"targetGroups": [{"serviceName": "backend-blue", "weight": "all"}]}}',
    ],
)
def test_an_invalid_annotation_has_no_route(text: str) -> None:
    manifest = rendered()
    manifest["metadata"]["annotations"][OWN] = text
    assert targets_of(routes_to("backend", [manifest])) == frozenset()


def test_target_groups_come_before_requests() -> None:
    direct = routes_to("backend", [rendered("selector")])
    assert str(refuse_early_weights("backend", service(), direct)) == (
        "backend: switchEngine albWeights is refused (SY-L003): Ingress backend has no target group for Service "
        "backend-green; a target group must exist and be healthy before it gets requests. No weight was changed. Run "
        "`pulumi config set --path 'switchyard:services.backend.switchEngine' albTargets`, `pulumi up`; then "
        "`pulumi config set --path 'switchyard:services.backend.switchEngine' albWeights`."
    )
    assert refuse_early_weights("backend", service("albTargets"), direct) is None
    assert refuse_early_weights("backend", service(), routes_to("backend", [rendered("albTargets")])) is None
    assert refuse_early_weights("backend", service(), []) is None


def test_the_services_of_the_colours_are_left_when_nobody_uses_them() -> None:
    assert refuse_early_selector("backend", service("selector"), None) is None
    assert str(refuse_early_selector("backend", service("selector"), "users reach them")) == (
        "backend: strategy blueGreen with switchEngine selector is refused (SY-L004): users reach them; the load "
        "balancer must send all requests to Service backend before their target groups are deleted. No target group "
        "was deleted. Run "
        "`pulumi config set --path 'switchyard:services.backend.switchEngine' albTargets` under strategy blueGreen, "
        "`pulumi up`; then make this change again."
    )


def test_every_refusal_names_the_command_that_shows_the_cause() -> None:
    for text in (
        str(refuse_unhealthy("backend", "backend-green", "no target is healthy")),
        str(refuse_still_sent("backend", service(), Colour.BLUE, "backend-green", "a rule sends 100 to backend-blue")),
        not_switched("backend", service(), "backend-green", "a rule sends 100 to backend-blue"),
    ):
        assert "kubectl -n aws-load-balancer-controller logs deployment/aws-load-balancer-controller" in text
        assert "\n" not in text


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([], "its Ingress does not exist"),
        ([IngressRoute("backend", by_weights=True, weights={"backend-green": 100, "backend-blue": 0})], None),
        (
            [IngressRoute("backend", by_weights=True, weights={"backend-green": 100, "backend-blue": 1})],
            "Ingress backend on the cluster routes to backend-blue and backend-green, but the stack has backend-green",
        ),
        (
            [IngressRoute("backend", by_weights=True, weights={})],
            "routes to no Service, but the stack has backend-green",
        ),
        (
            [
                IngressRoute("backend", by_weights=True, weights={"backend-green": 100}),
                IngressRoute("backend.2", by_weights=False, weights={"backend": 100}),
            ],
            "Ingress backend.2 on the cluster routes to backend, but the stack has backend-green",
        ),
    ],
)
def test_all_ingresses_of_a_service_must_route_to_one_target_group(
    routes: list[IngressRoute], expected: str | None
) -> None:
    reason = unwritten("backend-green", routes)
    assert reason is None if expected is None else expected in (reason or "")


GROUPS = {
    "arn:b": "backend-blue",
    "arn:g": "backend-green",
    "arn:s": "backend",
    "arn:x": "shop",
    "arn:g2": "backend-green",
}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], "no rule with the weights of both colours yet"),
        ([{"arn:s": 1}, {"arn:x": 1}], "no rule with the weights of both colours yet"),
        ([{"arn:b": 0, "arn:g": 100, "arn:s": 0}], None),
        ([{"arn:b": 0, "arn:g": 100, "arn:s": 0}, {"arn:x": 1}, {"arn:unknown": 1}], None),
        ([{"arn:b": 100, "arn:g": 0, "arn:s": 0}], "sends 0 to backend, 100 to backend-blue, 0 to backend-green"),
        ([{"arn:b": 1, "arn:g": 99}], "sends 1 to backend-blue, 99 to backend-green"),
        ([{"arn:b": 0, "arn:g": 100}, {"arn:b": 100, "arn:g2": 0}], "sends 100 to backend-blue, 0 to backend-green"),
        # Somebody's own route to a colour is no rule of the switch.
        ([{"arn:b": 0, "arn:g": 100}, {"arn:b": 1}], None),
    ],
)
def test_every_rule_that_knows_both_colours_must_send_all_requests_to_one(
    rules: list[dict[str, int]], expected: str | None
) -> None:
    reason = unforwarded("backend-green", switched("backend", rules, GROUPS))
    assert reason is None if expected is None else expected in (reason or "")


def test_the_name_of_the_load_balancer_is_in_the_status() -> None:
    there = {"status": {"loadBalancer": {"ingress": [{"hostname": "it.amazonaws.com"}]}}}
    assert hostnames([there, there, {"status": {"loadBalancer": {}}}, {}]) == {"it.amazonaws.com"}
