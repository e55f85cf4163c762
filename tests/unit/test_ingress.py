"""The load balancer before the services: what its Ingresses say, and when they come."""

import json
from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pulumi
import pytest

from components.addons import platform_addons, pod_network
from components.ingress import AlbIngress
from render.ingress import PREFIX, TLS_POLICY, Part, ingress, load_balancer_attributes, parts, url
from render.pods import Manifest
from settings.ec2 import Ec2Cluster, Route
from settings.service import BlueGreenSettings
from tests.unit.engine import Recording, record
from toolchain.versions import KUBERNETES

CERTIFICATE = "arn:aws:acm:ap-northeast-2:123456789012:certificate/0c0ffee0"
WAF = "arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/shop/1"
GROUP = "sg-0123456789abcdef0"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
ALB = "switchyard:ingress:AlbIngress"
RELEASE = "kubernetes:helm.sh/v3:Release"


def cluster(routes: list[dict[str, Any]] | None = None, **load_balancer: Any) -> Ec2Cluster:
    routes = routes or [{"service": "backend"}]
    raw = {"kind": "ec2", "name": "production", "tags": {"team": "shop", "stage": "production"}}
    chart = {"version": "1.0.0", "chart": "./charts/any", "repository": "https://example.org"}
    alb = {"routes": routes} | load_balancer
    return Ec2Cluster.model_validate(raw | {"loadBalancer": alb, "metricsServer": chart})


def service(**changes: Any) -> BlueGreenSettings:
    raw = {"image": "org/backend", "active": "blue", "blue": {"tag": "v1", "replicas": 3}, "nodePort": 30080}
    return BlueGreenSettings.model_validate(raw | changes)


def rendered(settings: Ec2Cluster, **changes: Any) -> list[Manifest]:
    assert settings.load_balancer is not None
    attributes = load_balancer_attributes(settings, "logs", production=True)
    return [
        ingress(settings, part, service(**changes), GROUP, attributes) for part in parts(settings.load_balancer.routes)
    ]


def annotations(settings: Ec2Cluster, **changes: Any) -> dict[str, str]:
    """Annotations of the controller on the only Ingress, without their prefix."""
    (manifest,) = rendered(settings, **changes)
    found = manifest["metadata"]["annotations"]
    return {key.removeprefix(f"{PREFIX}/"): value for key, value in found.items() if key.startswith(PREFIX)}


def attributes(settings: Ec2Cluster, bucket: str | None = "logs", *, production: bool = False) -> dict[str, str]:
    pairs = load_balancer_attributes(settings, bucket, production=production)
    return dict(pair.split("=") for pair in pairs.split(","))


def route(service: str, path: str = "/", host: str | None = None) -> Route:
    return Route(service=service, path=path, host=host)


MANY = [
    {"service": "backend"},
    {"service": "backend", "host": "api.example.org", "path": "/v1"},
    {"service": "shop", "path": "/shop"},
]


@pytest.mark.parametrize(
    "settings",
    [cluster(), cluster(MANY, certificate=CERTIFICATE, waf=WAF), cluster(accessLogs=False)],
    ids=["minimal", "full", "without logs"],
)
def test_every_ingress_is_valid_to_the_pinned_kubernetes_version_with_no_unknown_field(settings: Ec2Cluster) -> None:
    for manifest in rendered(settings):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        assert all(isinstance(value, str) for value in manifest["metadata"]["annotations"].values())


def test_an_ingress_has_every_annotation_that_its_settings_ask_for_and_no_other() -> None:
    assert annotations(cluster()) == {
        "group.name": "production",
        "group.order": "1",
        "scheme": "internet-facing",
        "ip-address-type": "ipv4",
        "security-groups": GROUP,
        "manage-backend-security-group-rules": "false",
        "listen-ports": '[{"HTTP": 80}]',
        "load-balancer-attributes": "idle_timeout.timeout_seconds=60,deletion_protection.enabled=true,"
        "routing.http.drop_invalid_header_fields.enabled=true,"
        "access_logs.s3.enabled=true,access_logs.s3.bucket=logs,access_logs.s3.prefix=alb",
        "tags": "team=shop,stage=production",
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
        "success-codes": "200",
    }


@pytest.mark.parametrize(
    ("setting", "value", "annotation", "expected"),
    [
        ("deregistrationDelaySeconds", 7, "target-group-attributes", "deregistration_delay.timeout_seconds=7"),
        ("healthyThreshold", 3, "healthy-threshold-count", "3"),
        ("unhealthyThreshold", 4, "unhealthy-threshold-count", "4"),
        ("healthIntervalSeconds", 15, "healthcheck-interval-seconds", "15"),
        ("healthTimeoutSeconds", 9, "healthcheck-timeout-seconds", "9"),
        ("waf", WAF, "wafv2-acl-arn", WAF),
    ],
)
def test_a_setting_of_the_load_balancer_is_in_its_annotation(
    setting: str, value: Any, annotation: str, expected: str
) -> None:
    assert annotations(cluster(**{setting: value}))[annotation] == expected


def test_targets_are_the_nodes_where_the_pods_may_be_and_are_asked_what_the_kubelet_asks() -> None:
    found = annotations(
        cluster(), readiness={"path": "/healthy"}, nodeSelector={"workload": "application", "disk": "fast"}
    )
    assert found["healthcheck-path"] == "/healthy"
    assert found["target-node-labels"] == "workload=application,disk=fast"
    assert "target-node-labels" not in annotations(cluster(), nodeSelector={})


def test_with_a_certificate_443_is_served_by_tls_1_2_at_least_and_80_leads_there() -> None:
    found = annotations(cluster(certificate=CERTIFICATE))
    assert json.loads(found["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert found["certificate-arn"] == CERTIFICATE
    assert found["ssl-policy"] == TLS_POLICY == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert found["ssl-redirect"] == "443"


def test_without_a_certificate_80_leads_nowhere_else() -> None:
    assert not {"certificate-arn", "ssl-policy", "ssl-redirect"} & annotations(cluster()).keys()


@pytest.mark.parametrize(
    ("setting", "production", "protected"),
    [(None, True, "true"), (None, False, "false"), (False, True, "false"), (True, False, "true")],
)
def test_the_load_balancer_of_production_is_protected_unless_the_settings_say_otherwise(
    setting: bool | None, production: bool, protected: str
) -> None:
    found = attributes(cluster(deletionProtection=setting), production=production)
    assert found["deletion_protection.enabled"] == protected


def test_access_logs_that_are_not_wanted_are_turned_off_and_not_left_as_they_were() -> None:
    found = attributes(cluster(accessLogs=False))
    assert found["access_logs.s3.enabled"] == "false"
    assert "access_logs.s3.bucket" not in found


def test_idle_connections_end_when_the_settings_say() -> None:
    assert attributes(cluster(idleTimeoutSeconds=120))["idle_timeout.timeout_seconds"] == "120"


def test_a_rule_leads_from_host_and_path_to_the_named_port_of_the_service() -> None:
    _, backend = rendered(cluster(MANY))
    assert backend["spec"]["ingressClassName"] == "alb"
    assert backend["spec"]["rules"] == [
        {"host": "api.example.org", "http": {"paths": [path("/v1")]}},
        {"http": {"paths": [path("/")]}},
    ]


def path(prefix: str) -> dict[str, Any]:
    backend = {"service": {"name": "backend", "port": {"name": "http"}}}
    return {"path": prefix, "pathType": "Prefix", "backend": backend}


def test_services_share_one_load_balancer_and_what_has_to_be_the_same_on_all_of_it_is() -> None:
    found = rendered(cluster(MANY, certificate=CERTIFICATE, waf=WAF))
    shared = {"group.name", "scheme", "ip-address-type", "security-groups", "load-balancer-attributes"}
    shared |= {"wafv2-acl-arn", "ssl-policy", "ssl-redirect", "listen-ports", "certificate-arn"}
    for key in shared:
        assert len({manifest["metadata"]["annotations"][f"{PREFIX}/{key}"] for manifest in found}) == 1
    assert [manifest["metadata"]["annotations"][f"{PREFIX}/group.order"] for manifest in found] == ["1", "2"]


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
        ingress(Ec2Cluster(kind="ec2", name="production"), Part("a", "a", 1, ()), service(), GROUP, "")


def program(settings: Ec2Cluster, **arguments: Any) -> Callable[[], AlbIngress]:
    def build() -> AlbIngress:
        network = pod_network(settings, pulumi.ResourceOptions())
        after = pulumi.ResourceOptions(depends_on=[network])
        addons = platform_addons(settings, pulumi.Output.from_input("vpc-1"), after)
        return AlbIngress(
            "ingress",
            cluster=settings,
            services={"backend": service(), "shop": service(namespace="shop", nodePort=30081)},
            production=True,
            security_group_id=pulumi.Output.from_input(GROUP),
            **{"access_log_bucket": pulumi.Output.from_input("logs")} | arguments,
            opts=pulumi.ResourceOptions(depends_on=addons),
        )

    return build


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    return record(monkeypatch, program(cluster(MANY, certificate=CERTIFICATE)))


def test_the_component_registers_an_ingress_for_each_part_as_its_child(recording: Recording) -> None:
    assert recording.names(INGRESS) == {"ingress-backend", "ingress-shop"}
    for name in recording.names(INGRESS):
        assert recording.requests[INGRESS, name].parent.endswith(f"{ALB}::ingress")
    assert recording.outputs["ingress"] == ["hostname", "urls"]


def test_what_aws_gives_is_in_the_annotations(recording: Recording) -> None:
    metadata = recording.requests[INGRESS, "ingress-shop"].object["metadata"]
    found = metadata["annotations"]
    assert (metadata["name"], metadata["namespace"]) == ("shop", "shop")
    assert found[f"{PREFIX}/security-groups"] == GROUP
    assert "access_logs.s3.bucket=logs" in found[f"{PREFIX}/load-balancer-attributes"]


def test_the_coming_and_going_of_a_load_balancer_is_waited_for_with_a_bound(recording: Recording) -> None:
    request = recording.requests[INGRESS, "ingress-backend"]
    timeouts = request.customTimeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == ("600s", "600s", "600s")
    assert "pulumi.com/skipAwait" not in dict(request.object["metadata"]["annotations"])


def test_the_load_balancer_waits_for_its_controller_and_that_for_the_pod_network(recording: Recording) -> None:
    controller = ("switchyard:addons:LoadBalancerController", "aws-load-balancer-controller")
    assert "calico-release" in recording.dependencies(*controller)
    assert "aws-load-balancer-controller-release" in recording.dependencies(ALB, "ingress")
    metrics = recording.dependencies("switchyard:addons:MetricsServer", "metrics-server")
    assert {"calico-release", "aws-load-balancer-controller-release"} <= metrics
    release = recording.requests[RELEASE, "aws-load-balancer-controller-release"]
    assert release.object["values"]["vpcId"] == "vpc-1"


def test_the_hostname_and_the_addresses_are_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, object] = {}

    def run() -> None:
        made = program(cluster())()
        pulumi.Output.all(made.hostname, made.urls).apply(lambda both: shown.update(hostname=both[0], urls=both[1]))

    record(monkeypatch, run)
    # On mocks nobody writes an Ingress's status.
    assert shown == {"hostname": "", "urls": {"backend": ["http:///"]}}


@pytest.mark.parametrize(
    ("settings", "arguments", "problem"),
    [
        (Ec2Cluster(kind="ec2", name="production"), {}, "no load balancer"),
        (cluster(), {"access_log_bucket": None}, "need a bucket"),
    ],
)
def test_a_load_balancer_that_lacks_something_is_not_registered(
    monkeypatch: pytest.MonkeyPatch, settings: Ec2Cluster, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        record(monkeypatch, program(settings, **arguments))
