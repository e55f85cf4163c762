"""What the API server takes is taken, and what it refuses half-way through an update is refused before.

Each value was given to an API server of the pinned version in a dry run.
"""

from typing import Any

import pytest

from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.manifests.blue_green import deployment
from switchyard.manifests.pods import active_service
from tests.support.configuration import BACKEND, error_lines, read

VOLUME: dict[str, Any] = {"emptyDir": {}}
LOAD_BALANCER = {"type": "LoadBalancer"}


def entry(**more: Any) -> dict[str, Any]:
    return {"backend": BACKEND | more}


def template(**more: Any) -> dict[str, Any]:
    service = read(entry(**more)).services["backend"]
    assert isinstance(service, BlueGreenSettings)
    rendered: dict[str, Any] = deployment(service.named("backend"), Colour.BLUE, service)["spec"]["template"]["spec"]
    return rendered


def mounted(path: str, sub_path: str | None = None) -> dict[str, Any]:
    mount = {"volume": "data", "path": path} | ({} if sub_path is None else {"subPath": sub_path})
    return {"volumes": {"data": VOLUME}, "mounts": [mount]}


@pytest.mark.parametrize(
    ("settings", "key", "rendered"),
    [
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}]},
            "tolerations",
            [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}],
        ),
        ({"imagePullSecrets": ["registry.example.org"]}, "imagePullSecrets", [{"name": "registry.example.org"}]),
        ({"dnsConfig": {"searches": ["example.org."]}}, "dnsConfig", {"searches": ["example.org."]}),
    ],
)
def test_a_value_that_kubernetes_takes_is_taken(settings: dict[str, Any], key: str, rendered: Any) -> None:
    assert template(**settings)[key] == rendered


def test_a_quantity_that_kubernetes_rounds_up_is_taken() -> None:
    [app] = template(resources={"limits": {"memory": "1.1Gi"}})["containers"]
    assert app["resources"]["limits"]["memory"] == "1.1Gi"


def test_files_of_an_image_may_be_those_of_group_0() -> None:
    security = template(security={"runAsUser": 1000, "runAsGroup": 0, "fsGroup": 0, "supplementalGroups": [0]})
    context = security["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (1000, 0, 0)
    assert context["supplementalGroups"] == [0]
    assert template()["securityContext"]["fsGroup"] == template()["securityContext"]["runAsUser"]


def test_one_service_may_have_a_node_port_for_tcp_and_for_udp() -> None:
    quic = {"containerPort": 8000, "servicePort": 8000, "nodePort": 30080, "protocol": "UDP"}
    service = read(entry(nodePort=30080, ports={"quic": quic})).services["backend"]
    ports = active_service("backend", service)["spec"]["ports"]
    assert [(port["nodePort"], port["protocol"]) for port in ports] == [(30080, "TCP"), (30080, "UDP")]
    both = {"quic": quic, "dtls": quic | {"containerPort": 8001, "servicePort": 8001}}
    [line] = error_lines(entry(nodePort=30080, ports=both))
    assert line.startswith("switchyard:services.backend.ports.dtls.nodePort: 30080: backend has this port")
    [line] = error_lines(entry(nodePort=30080) | {"shop": BACKEND | {"ports": {"quic": quic}}})
    assert line.startswith("switchyard:services.shop.ports.quic.nodePort: 30080: backend has this port")


@pytest.mark.parametrize("path", ["/tmp", "/tmp/", "//tmp/./"])  # noqa: S108
def test_a_volume_at_the_place_for_temporary_files_replaces_the_programs_own(path: str) -> None:
    [app] = template(**mounted(path))["containers"]
    assert app["volumeMounts"] == [{"name": "data", "mountPath": path}]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"volumes": {"a": {"projected": [{"secret": {"name": "b", "defaultMode": 256}}]}}},
            "volumes.a.projected.0.secret.defaultMode: unknown key: only known keys are allowed. "
            "Known keys: name, items, optional.",
        ),
        (
            {"volumes": {"a": {"configMap": {"name": "b", "items": {"c": "..c"}}}}},
            "volumes.a.configMap.items.c: '..c': must not begin with ..",
        ),
        (
            {"hostAliases": [{"ip": "fe80::1%eth0", "hostnames": ["a"]}]},
            "hostAliases.0.ip: 'fe80::1%eth0': must be an IP address",
        ),
        (
            {"service": LOAD_BALANCER | {"loadBalancerSourceRanges": ["10.0.0.1"]}},
            "service.loadBalancerSourceRanges.0: '10.0.0.1': must be a CIDR range",
        ),
        (
            {"service": LOAD_BALANCER | {"loadBalancerSourceRanges": ["10.0.0.0/255.0.0.0"]}},
            "service.loadBalancerSourceRanges.0: '10.0.0.0/255.0.0.0': must be a CIDR range",
        ),
        (
            {"service": LOAD_BALANCER | {"loadBalancerClass": "a..b/c"}},
            "service.loadBalancerClass: 'a..b/c': must be a label key",
        ),
        (
            {"resources": {"requests": {"memory": "256m"}}},
            "resources.requests.memory: '256m': is a fraction of a byte: m is a thousandth, and Mi is 1024 * 1024. "
            "For example: pulumi config set --path 'switchyard:services.backend.resources.requests.memory' 256Mi",
        ),
        (
            {"resources": {"extended": {f"example.org/{'g' * 64}": 1}}},
            f'resources.extended["example.org/{"g" * 64}"]: ',
        ),
        (
            {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["A"]}]},
            "hostAliases.0.hostnames.0: 'A': must be a DNS subdomain",
        ),
        (
            {"hostAliases": [{"ip": "10.0.0.1", "hostnames": []}]},
            "hostAliases.0.hostnames: a list: must have at least 1 entry. Write it so in the stack file.",
        ),
        (
            mounted("/data", "/data"),
            "mounts.0.subPath: '/data': must be a relative path without ... For example: "
            "pulumi config set --path 'switchyard:services.backend.mounts[0].subPath' app.yaml",
        ),
    ],
)
def test_a_value_that_would_be_refused_or_dropped_later_is_refused(settings: dict[str, Any], line: str) -> None:
    [only] = error_lines(entry(**settings))
    assert only.startswith(f"switchyard:services.backend.{line}")


def test_a_path_that_the_kubelet_takes_below_a_volume_is_taken() -> None:
    assert template(**mounted("/data", "..2026/file"))["containers"][0]["volumeMounts"][1]["subPath"] == "..2026/file"


def test_an_autoscalers_number_is_raised_by_its_own_key() -> None:
    from switchyard.gates.rules.release import refuse_fewer_replicas

    service = read(entry(autoscaling={"min": 3, "max": 10})).services["backend"]
    text = str(refuse_fewer_replicas("backend", service, Track.BLUE, Track.GREEN, 11))
    assert "autoscaling.max is 10, but green serves with 11 ready pods" in text
    assert "pulumi config set --path 'switchyard:services.backend.autoscaling.max' 11" in text
