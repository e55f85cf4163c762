"""Every error in the settings of a load balancer, and of the services behind it, gets its line at preview."""

from typing import Any

import pytest

from switchyard.config.loader import load
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.load_balancer import LoadBalancerRoute
from switchyard.manifests.ingress_routes import parts
from tests.support.configuration import BACKEND, error_lines
from tests.support.ec2_configuration import CERTIFICATE, PRODUCTION, SERVICES, cluster_errors, with_


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (
            "loadBalancer/healthIntervalSeconds",
            5,
            "loadBalancer.healthTimeoutSeconds: 5: must be less than healthIntervalSeconds (5). "
            "Set it: pulumi config set --path '{}.loadBalancer.healthTimeoutSeconds' 2",
        ),
        (
            "loadBalancer/certificate",
            None,
            "loadBalancer.certificate: missing: production serves backend.example.org with TLS, which needs a "
            "certificate. Set it: pulumi config set --path '{}.loadBalancer.certificate' "
            "arn:aws:acm:ap-northeast-2:123456789012:certificate/11111111-2222-3333-4444-555555555555",
        ),
        (
            "loadBalancer/certificate",
            CERTIFICATE.replace("ap-northeast-2", "us-east-1"),
            "loadBalancer.certificate: 'arn:aws:acm:us-east-1:123456789012:certificate/1f2e': must be in the load "
            "balancer's region, ap-northeast-2. Create one there, and set its ARN.",
        ),
        (
            "loadBalancer/routes",
            [],
            "loadBalancer.routes: missing: a load balancer needs at least one route. "
            "Add one, - {service: NAME}, or remove loadBalancer.",
        ),
        (
            "loadBalancer/routes/0/service",
            "backed",
            "loadBalancer.routes.0.service: 'backed': is no key of switchyard:services. Did you mean backend? "
            "Set it: pulumi config set --path '{}.loadBalancer.routes[0].service' backend",
        ),
        (
            "loadBalancer/routes/0/service",
            "shop",
            "loadBalancer.routes.0.service: 'shop': is no key of switchyard:services. Known: backend.",
        ),
        (
            "loadBalancer/routes",
            [{"service": "backend", "path": "/api"}, {"service": "backend", "path": "/api/"}],
            "loadBalancer.routes.1: every host, /api/: has the host and path of routes.0. Remove one of the two.",
        ),
        (
            "loadBalancer/accessLogDays",
            0,
            "loadBalancer.accessLogDays: 0: must be >= 1. "
            "Set it: pulumi config set --path '{}.loadBalancer.accessLogDays' 1",
        ),
        (
            "loadBalancer/certificate",
            CERTIFICATE.replace("arn:aws:", "arn:aws-cn:"),
            "loadBalancer.certificate: 'arn:aws-cn:acm:ap-northeast-2:123456789012:certificate/1f2…: is of partition "
            "aws-cn, and ap-northeast-2 is in aws: its ARNs begin with arn:aws:. Copy the ARN that AWS shows, or "
            "remove it: pulumi config rm --path 'switchyard:cluster.loadBalancer.certificate'",
        ),
        (
            "loadBalancer/routes/0/path",
            "api",
            "loadBalancer.routes.0.path: 'api': must begin with /. "
            "For example: pulumi config set --path '{}.loadBalancer.routes[0].path' /",
        ),
    ],
)
def test_an_error_is_reported_on_exactly_one_line(path: str, value: Any, line: str) -> None:
    assert cluster_errors((path, value)) == [f"{CLUSTER}.{line.replace('{}', CLUSTER)}"]


def test_a_load_balancer_in_one_zone_is_refused() -> None:
    zone = "ap-northeast-2a"
    nodes = {name: node | {"zone": zone} for name, node in PRODUCTION["nodes"].items()}
    assert cluster_errors(("nodes", nodes), ("network/subnets", {zone: "10.0.1.0/24"})) == [
        f"{CLUSTER}.network.subnets: of 1: a load balancer needs subnets in 2 zones. Add a zone with a subnet."
    ]


def test_a_service_behind_the_load_balancer_has_a_node_port() -> None:
    assert cluster_errors(services={"backend": BACKEND}) == [
        "switchyard:services.backend.nodePort: missing: the load balancer has a route to it, and finds it by its port "
        "on the nodes. Set it: pulumi config set --path 'switchyard:services.backend.nodePort' 30080"
    ]


def test_two_services_get_different_suggested_ports() -> None:
    services = {name: BACKEND | {"blue": {"tag": "v1", "replicas": 1}} for name in ("backend", "shop", "admin")}
    services["admin"] |= {"nodePort": 30080}
    routes = [{"service": name, "path": f"/{name}"} for name in services]
    lines = cluster_errors(("loadBalancer/routes", routes), services=services)
    assert [line.rpartition(" ")[2] for line in lines] == ["30081", "30082"]


def test_a_load_balancer_without_its_controller_is_refused() -> None:
    without = {"loadBalancerController": None}
    assert error_lines(SERVICES, with_() | without, "production") == [
        f"{CLUSTER}.loadBalancerController: null: no controller would create the load balancer of "
        f"{CLUSTER}.loadBalancer. Remove the key, whose default is a pinned chart, or remove loadBalancer."
    ]
    assert load(with_(("loadBalancer", None)) | without, SERVICES, "production")


def canary(ingress: str, **changes: Any) -> dict[str, Any]:
    weights = {"traffic": "alb", "alb": {"ingress": ingress}}
    rollout = {"image": "ghcr.io/org/shop", "strategy": "canary", "tag": "v1.0.0", "nodePort": 30090}
    return rollout | {"replicas": 2, "canary": weights} | changes


TO_REPLICAS = (
    "; or let the number of pods be the share. "
    "Set it: pulumi config set --path 'switchyard:services.shop.canary.traffic' replicas"
)


def test_a_canary_by_weights_has_no_route_of_the_stacks_own_load_balancer() -> None:
    routes = [{"service": "backend"}, {"service": "shop", "path": "/shop"}]
    for ingress in ("shop", "somebody-elses"):
        assert cluster_errors(("loadBalancer/routes", routes), services=SERVICES | {"shop": canary(ingress)}) == [
            "switchyard:services.shop.canary.traffic: 'alb': sets weights of an Ingress, and what the stack makes for "
            f"{CLUSTER}.loadBalancer.routes has none. Remove its routes there and name an Ingress of your own in "
            f"switchyard:services.shop.canary.alb.ingress{TO_REPLICAS}"
        ]
    by_pods = canary("shop") | {"canary": {"steps": [{"weight": 50}], "analysis": None}}
    assert load(with_(("loadBalancer/routes", routes)), SERVICES | {"shop": by_pods}, "production")


@pytest.mark.parametrize("ingress", ["backend", "backend.2"])
def test_a_canary_by_weights_takes_no_ingress_that_the_stack_makes_for_another_service(ingress: str) -> None:
    assert cluster_errors(services=SERVICES | {"shop": canary(ingress)}) == [
        f"switchyard:services.shop.canary.traffic: 'alb': sets weights of an Ingress, and {ingress}, which the stack "
        "makes for its routes, has none. Name an Ingress of your own in switchyard:services.shop.canary.alb.ingress"
        + TO_REPLICAS
    ]


@pytest.mark.parametrize(
    "shop", [canary("shop"), canary("backend.example"), canary("backend", namespace="shop")], ids=str
)
def test_a_canary_by_weights_of_somebody_elses_ingress_is_taken(shop: dict[str, Any]) -> None:
    assert load(PRODUCTION, SERVICES | {"shop": shop}, "production")


def test_the_names_that_a_canary_may_not_take_are_those_of_the_rendered_ingresses() -> None:
    routes = [
        LoadBalancerRoute(service="backend", path="/api/v1"),
        LoadBalancerRoute(service="shop", path="/api"),
        LoadBalancerRoute(service="backend"),
    ]
    assert [part.name for part in parts(routes)] == ["backend.2", "shop", "backend"]


def test_pods_drain_longer_than_the_deregistration_delay() -> None:
    assert cluster_errors(("loadBalancer/deregistrationDelaySeconds", 35)) == [
        f"switchyard:services.backend.drain.preStopSeconds: 35: must be more than {CLUSTER}.loadBalancer."
        "deregistrationDelaySeconds (35), or pods end before their node is deregistered. "
        "Set it: pulumi config set --path 'switchyard:services.backend.drain.preStopSeconds' 40"
    ]
    assert load(with_(("loadBalancer/deregistrationDelaySeconds", 34)), SERVICES, "production")


def test_a_service_without_a_route_may_drain_for_any_time() -> None:
    other = BACKEND | {"drain": {"preStopSeconds": 0}}
    assert load(PRODUCTION, SERVICES | {"other": other}, "production")


def test_a_route_for_every_host_needs_no_certificate() -> None:
    assert load(with_(("loadBalancer/certificate", None), ("loadBalancer/routes/0/host", None)), SERVICES, "production")


def test_a_web_acl_is_in_the_region_of_the_load_balancer() -> None:
    acl = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/1f"
    assert cluster_errors(("loadBalancer/waf", acl)) == [
        f"{CLUSTER}.loadBalancer.waf: '{acl}': must be in the load balancer's region, ap-northeast-2. "
        "Create one there, and set its ARN."
    ]


def test_a_web_acl_of_cloudfront_is_refused() -> None:
    [line] = cluster_errors(("loadBalancer/waf", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/it/1f2e"))
    assert "must be the ARN of a web ACL of scope REGIONAL" in line


@pytest.mark.parametrize(
    ("key", "arn"),
    [("certificate", CERTIFICATE), ("waf", "arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/it/1f2e")],
)
def test_a_certificate_and_a_web_acl_are_of_the_account_of_the_load_balancer(key: str, arn: str) -> None:
    own = ("account", "123456789012")
    assert load(with_((f"loadBalancer/{key}", arn), own), SERVICES, "production")
    lines = cluster_errors((f"loadBalancer/{key}", arn), ("account", "210987654321"))
    [line] = [line for line in lines if line.startswith(f"{CLUSTER}.loadBalancer.{key}: ")]
    assert "is of account 123456789012, and the load balancer is in 210987654321" in line


def test_a_service_that_cannot_be_read_is_not_called_unknown() -> None:
    [line] = cluster_errors(services={"backend": "v1.0.0"})
    assert line.startswith("switchyard:services.backend: ")
    [line] = cluster_errors(services={"backend": SERVICES["backend"] | {"nodePort": 80}})
    assert line.startswith("switchyard:services.backend.nodePort: 80: must be >= 30000.")
