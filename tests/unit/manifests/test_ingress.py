"""The rendered Ingresses of the load balancer."""

import json
from typing import Any

import kubernetes_validate
import pytest

from devtools.toolchain.versions import KUBERNETES
from switchyard.config.kubernetes import ALB_ANNOTATIONS
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.load_balancer import LoadBalancerRoute
from switchyard.manifests.ingress import (
    GROUP_INGRESS,
    GROUP_NAMESPACE,
    NO_ROUTE,
    TLS_POLICY,
    group_ingress,
    ingress,
    load_balancer_attributes,
    url,
)
from switchyard.manifests.ingress_routes import RoutePart, parts
from switchyard.manifests.pods import Manifest
from tests.support.balanced import CERTIFICATE, GROUP, MANY, cluster, service

WAF = "arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/shop/1"


def rendered(settings: Ec2Cluster, **changes: Any) -> list[Manifest]:
    """The Ingresses of the services."""
    assert settings.load_balancer is not None
    return [ingress(settings, part, service(**changes)) for part in parts(settings.load_balancer.routes)]


def group(settings: Ec2Cluster) -> Manifest:
    """The Ingress of the load balancer itself."""
    return group_ingress(settings, GROUP, load_balancer_attributes(settings, "logs", production=True))


def said(manifest: Manifest) -> dict[str, str]:
    """Annotations of the controller, without their prefix."""
    annotations = manifest["metadata"]["annotations"]
    return {
        key.removeprefix(f"{ALB_ANNOTATIONS}/"): value
        for key, value in annotations.items()
        if key.startswith(ALB_ANNOTATIONS)
    }


def annotations(settings: Ec2Cluster, **changes: Any) -> dict[str, str]:
    """The annotations of the only service's Ingress, without their prefix."""
    (manifest,) = rendered(settings, **changes)
    return said(manifest)


def attributes(settings: Ec2Cluster, bucket: str | None = "logs", *, production: bool = False) -> dict[str, str]:
    pairs = load_balancer_attributes(settings, bucket, production=production)
    return dict(pair.split("=") for pair in pairs.split(","))


def route(service: str, path: str = "/", host: str | None = None) -> LoadBalancerRoute:
    return LoadBalancerRoute(service=service, path=path, host=host)


@pytest.mark.parametrize(
    "settings",
    [cluster(), cluster(MANY, certificate=CERTIFICATE, waf=WAF), cluster(accessLogs=False)],
    ids=["minimal", "full", "without logs"],
)
def test_every_ingress_is_valid_to_the_pinned_kubernetes_version_with_no_unknown_field(settings: Ec2Cluster) -> None:
    for manifest in (group(settings), *rendered(settings)):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        assert all(isinstance(value, str) for value in manifest["metadata"]["annotations"].values())


def test_the_load_balancer_has_every_annotation_that_its_settings_ask_for_and_no_other() -> None:
    assert said(group(cluster())) == {
        "group.name": "production",
        "group.order": "1000",
        "scheme": "internet-facing",
        "ip-address-type": "ipv4",
        "security-groups": GROUP,
        "manage-backend-security-group-rules": "false",
        "listen-ports": '[{"HTTP": 80}]',
        "load-balancer-attributes": "idle_timeout.timeout_seconds=60,deletion_protection.enabled=true,"
        "routing.http.drop_invalid_header_fields.enabled=true,"
        "access_logs.s3.enabled=true,access_logs.s3.bucket=logs,access_logs.s3.prefix=alb",
        "tags": "team=shop,stage=production",
        "actions.no-route": '{"type": "fixed-response", "fixedResponseConfig": {"contentType": "text/plain", '
        '"statusCode": "404", "messageBody": "No route leads here."}}',
    }


def test_unmatched_requests_are_answered_by_the_load_balancers_own_ingress() -> None:
    manifest = group(cluster(MANY))
    assert manifest["spec"] == {
        "ingressClassName": "alb",
        "defaultBackend": {"service": {"name": NO_ROUTE, "port": {"name": "use-annotation"}}},
    }
    assert not any("defaultBackend" in manifest["spec"] for manifest in rendered(cluster(MANY)))


def test_the_load_balancers_own_ingress_belongs_to_no_service() -> None:
    metadata = group(cluster(MANY))["metadata"]
    assert (
        (metadata["name"], metadata["namespace"])
        == (GROUP_INGRESS, GROUP_NAMESPACE)
        == ("load-balancer.group", "default")
    )
    assert metadata["labels"] == {"app.kubernetes.io/managed-by": "switchyard"}


def test_a_service_has_every_annotation_that_its_settings_ask_for_and_no_other() -> None:
    assert annotations(cluster()) == {
        "group.name": "production",
        "group.order": "900",
        "listen-ports": '[{"HTTP": 80}]',
        "target-type": "instance",
        "target-node-labels": "workload=application",
        "backend-protocol": "HTTP",
        "target-group-attributes": "deregistration_delay.timeout_seconds=30",
        "healthcheck-protocol": "HTTP",
        "healthcheck-path": "/ready",
        "healthcheck-port": "traffic-port",
        "healthcheck-interval-seconds": "10",
        "healthcheck-timeout-seconds": "5",
        "healthy-threshold-count": "2",
        "unhealthy-threshold-count": "2",
        "success-codes": "200-399",
    }


@pytest.mark.parametrize(
    ("setting", "value", "annotation", "expected"),
    [
        ("deregistrationDelaySeconds", 7, "target-group-attributes", "deregistration_delay.timeout_seconds=7"),
        ("healthyThreshold", 3, "healthy-threshold-count", "3"),
        ("unhealthyThreshold", 4, "unhealthy-threshold-count", "4"),
        ("healthIntervalSeconds", 15, "healthcheck-interval-seconds", "15"),
        ("healthTimeoutSeconds", 9, "healthcheck-timeout-seconds", "9"),
    ],
)
def test_a_setting_of_the_targets_is_in_its_annotation(
    setting: str, value: Any, annotation: str, expected: str
) -> None:
    assert annotations(cluster(**{setting: value}))[annotation] == expected


def test_targets_are_the_nodes_of_the_pods_with_the_readiness_probe_as_health_check() -> None:
    by_key = annotations(
        cluster(), readiness={"path": "/healthy"}, nodeSelector={"workload": "application", "disk": "fast"}
    )
    assert by_key["healthcheck-path"] == "/healthy"
    assert by_key["target-node-labels"] == "workload=application,disk=fast"
    assert "target-node-labels" not in annotations(cluster(), nodeSelector={})


def test_with_a_certificate_443_needs_tls_1_2_and_80_redirects_to_it() -> None:
    settings = cluster(certificate=CERTIFICATE)
    own = said(group(settings))
    for by_key in (own, annotations(settings)):
        assert json.loads(by_key["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
        # The controller would look for one for each Ingress that names none.
        assert by_key["certificate-arn"] == CERTIFICATE
    assert own["ssl-policy"] == TLS_POLICY == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert own["ssl-redirect"] == "443"


def test_without_a_certificate_80_does_not_redirect() -> None:
    for by_key in (said(group(cluster())), annotations(cluster())):
        assert not {"certificate-arn", "ssl-policy", "ssl-redirect"} & by_key.keys()


def test_a_web_acl_and_tags_are_the_load_balancers_where_there_are_some() -> None:
    assert said(group(cluster(waf=WAF)))["wafv2-acl-arn"] == WAF
    bare = Ec2Cluster.model_validate(
        {"kind": "ec2", "name": "production", "loadBalancer": {"routes": [{"service": "backend"}]}}
    )
    assert not {"wafv2-acl-arn", "tags"} & said(group(bare)).keys()


@pytest.mark.parametrize(
    ("setting", "production", "protected"),
    [(None, True, "true"), (None, False, "false"), (False, True, "false"), (True, False, "true")],
)
def test_the_load_balancer_of_production_is_protected_unless_the_settings_say_otherwise(
    setting: bool | None, production: bool, protected: str
) -> None:
    by_key = attributes(cluster(deletionProtection=setting), production=production)
    assert by_key["deletion_protection.enabled"] == protected


def test_access_logs_that_are_not_wanted_are_turned_off_and_not_left_as_they_were() -> None:
    by_key = attributes(cluster(accessLogs=False))
    assert by_key["access_logs.s3.enabled"] == "false"
    assert "access_logs.s3.bucket" not in by_key


def test_idle_connections_end_when_the_settings_say() -> None:
    assert attributes(cluster(idleTimeoutSeconds=120))["idle_timeout.timeout_seconds"] == "120"


def test_a_rule_routes_host_and_path_to_the_named_port_of_the_service() -> None:
    _, backend = rendered(cluster(MANY))
    assert backend["spec"]["ingressClassName"] == "alb"
    assert backend["spec"]["rules"] == [
        {"host": "api.example.org", "http": {"paths": [path("/v1")]}},
        {"http": {"paths": [path("/")]}},
    ]


def path(prefix: str) -> dict[str, Any]:
    backend = {"service": {"name": "backend", "port": {"name": "http"}}}
    return {"path": prefix, "pathType": "Prefix", "backend": backend}


def test_nothing_of_the_load_balancer_as_a_whole_is_on_two_ingresses() -> None:
    settings = cluster(MANY, certificate=CERTIFICATE, waf=WAF)
    every = [said(group(settings)), *map(said, rendered(settings))]
    # Several certificates of a listener are no conflict to the controller, and what serves which ports is merged.
    alike = {"group.name", "listen-ports", "certificate-arn"}
    for key in alike:
        assert len({by_key[key] for by_key in every}) == 1
    assert every[0].keys() & set().union(*every[1:]) == alike | {"group.order"}
    assert len({by_key["group.order"] for by_key in every}) == 3


@pytest.mark.parametrize(
    ("certificate", "host", "expected"),
    [
        (None, None, "http://alb.amazonaws.com/api"),
        (CERTIFICATE, "api.example.org", "https://api.example.org/api"),
    ],
)
def test_an_address_has_the_host_of_the_route_or_of_the_load_balancer(
    certificate: str | None, host: str | None, expected: str
) -> None:
    alb = cluster(certificate=certificate).load_balancer
    assert alb is not None
    assert url(alb, route("backend", "/api", host), "alb.amazonaws.com") == expected


def test_a_cluster_without_a_load_balancer_has_no_ingress() -> None:
    with pytest.raises(ValueError, match="no load balancer"):
        ingress(Ec2Cluster(kind="ec2", name="production"), RoutePart("a", "a", 1, ()), service())
    with pytest.raises(ValueError, match="no load balancer"):
        group_ingress(Ec2Cluster(kind="ec2", name="production"), GROUP, "")
