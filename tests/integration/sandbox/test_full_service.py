"""A service that uses nearly every key, against a real API server; and a change of its ConfigMap."""

from typing import Any

from devtools.engine import Stack
from tests.support.kubectl import Kubectl

SCOPED = "switchyard-test"
"""Name of what belongs to no namespace, the same in every run."""

SERVICE: dict[str, Any] = {
    "labels": {"example.org/team": "shop"},
    "podLabels": {"example.org/tier": "web"},
    "command": ["/bin/server"],
    "args": ["--version=$(VERSION)"],
    "workingDir": "/srv",
    "servicePort": 80,
    "ports": {
        "metrics": {"containerPort": 9090, "servicePort": 9100, "appProtocol": "http"},
        "dns": {"containerPort": 8053, "servicePort": 53, "protocol": "UDP"},
    },
    "env": {"spring.profiles.active": "prod", "LOG-LEVEL": "info"},
    "configEnv": {"GREETING": {"configMap": "config", "key": "greeting"}},
    "envFrom": [{"secret": "tokens", "prefix": "TOKEN_"}],
    "volumes": {
        "config": {"configMap": {"name": "config", "defaultMode": 0o440}},
        "cache": {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        "uploads": {"persistentVolumeClaim": {"name": "uploads"}},
        "vault": {"csi": {"driver": "secrets-store.csi.k8s.io", "attributes": {"secretProviderClass": "backend"}}},
        "identity": {"projected": [{"token": {"path": "token", "audience": "vault"}}, {"secret": {"name": "tokens"}}]},
    },
    "mounts": [
        {"volume": "config", "path": "/etc/backend", "readOnly": True},
        {"volume": "cache", "path": "/cache"},
        {"volume": "uploads", "path": "/uploads"},
        {"volume": "identity", "path": "/identity", "readOnly": True},
    ],
    "resources": {"limits": {"cpu": None, "ephemeralStorage": "1Gi"}},
    "liveness": None,
    "readiness": {"port": "metrics", "scheme": "HTTPS", "headers": {"X-Probe": "kubelet"}},
    "startup": {"exec": ["true"]},
    "initContainers": [{"name": "migrate", "image": "ghcr.io/org/migrate:v1", "args": ["up"]}],
    "sidecars": [
        {"name": "proxy", "image": "ghcr.io/org/proxy:v1", "startup": {"tcpSocket": {"port": 15000}}},
        {"name": "agent", "image": "ghcr.io/org/agent:v1", "native": False},
    ],
    "serviceAccount": {"annotations": {"example.org/role": "backend"}, "automountToken": True},
    "service": {
        "annotations": {"example.org/contact": "shop"},
        "sessionAffinity": "ClientIP",
        "sessionAffinitySeconds": 600,
        "internalTrafficPolicy": "Cluster",
        "appProtocol": "kubernetes.io/h2c",
        "ipFamilyPolicy": "PreferDualStack",
        "ipFamilies": ["IPv4"],
    },
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "topologyKey": "topology.kubernetes.io/zone",
                        "labelSelector": {"matchLabels": {"example.org/tier": "web"}},
                    },
                }
            ]
        }
    },
    "spread": {"whenUnsatisfiable": "ScheduleAnyway"},
    "priorityClassName": SCOPED,
    "runtimeClassName": SCOPED,
    "minReadySeconds": 1,
    "drain": {"terminationGracePeriodSeconds": 7200},
    "security": {"fsGroupChangePolicy": "OnRootMismatch", "supplementalGroups": [4000], "netBindService": True},
    "hostAliases": [{"ip": "10.0.0.10", "hostnames": ["legacy.example.org"]}],
    "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
    "terminationMessagePolicy": "FallbackToLogsOnError",
    "podPatch": {"spec": {"shareProcessNamespace": True, "containers": [{"name": "app", "stdin": True}]}},
}
DIGEST = "sha256:" + "0123456789abcdef" * 4


def make_what_it_needs(kubectl: Kubectl) -> None:
    volume = f"uploads-{kubectl.namespace}"
    size, modes, no_class = {"storage": "1Gi"}, ["ReadWriteMany"], {"storageClassName": ""}
    claim: dict[str, Any] = {"accessModes": modes, "resources": {"requests": size}, "volumeName": volume} | no_class
    bound = {"namespace": kubectl.namespace, "name": "uploads"}
    place = {"hostPath": {"path": "/srv"}, "claimRef": bound}
    for version, kind, name, rest in (
        ("v1", "ConfigMap", "config", {"data": {"greeting": "hello"}}),
        ("v1", "Secret", "tokens", {"stringData": {"A": "hunter2-of-the-test"}}),
        ("v1", "PersistentVolume", volume, {"spec": {"capacity": size, "accessModes": modes} | place | no_class}),
        ("v1", "PersistentVolumeClaim", "uploads", {"spec": claim}),
        ("scheduling.k8s.io/v1", "PriorityClass", SCOPED, {"value": 1}),
        ("node.k8s.io/v1", "RuntimeClass", SCOPED, {"handler": "runc"}),
    ):
        kubectl.apply({"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest})


def uids(kubectl: Kubectl, colour: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in kubectl.pods(colour)}


def test_a_service_with_nearly_every_key_and_a_change_of_its_config_map(stack: Stack, kubectl: Kubectl) -> None:
    make_what_it_needs(kubectl)
    for key, value in SERVICE.items():
        stack.set(f"services.backend.{key}", value)
    stack.set("services.backend.green", {"tag": f"v2@{DIGEST}", "replicas": 3})
    result = stack.up()
    assert result.ok, result.output
    kubectl.expect_pods(blue=3, green=3)
    assert stack.planned() == {}

    service, blue, green = kubectl.get("service", "backend"), uids(kubectl, "blue"), uids(kubectl, "green")
    kubectl.run("patch", "configmap", "config", "--patch", '{"data": {"greeting": "good evening"}}')
    assert stack.planned() == {"backend-green": "update"}
    result = stack.up()
    assert result.ok, result.output
    kubectl.expect_pods(blue=3, green=3)
    assert uids(kubectl, "blue") == blue
    assert not uids(kubectl, "green") & green
    assert stack.planned() == {}

    # The switch goes to the pods that were warmed, and what served stays as it is, for a rollback. With it the
    # Service changes its type, which keeps the object and its address.
    green = uids(kubectl, "green")
    stack.set("services.backend.active", "green")
    stack.set("services.backend.service.type", "ClusterIP")
    assert stack.planned() == {"backend": "update"}
    result = stack.up()
    assert result.ok, result.output
    changed = kubectl.get("service", "backend")
    assert changed["metadata"]["uid"] == service["metadata"]["uid"]
    assert changed["spec"]["clusterIP"] == service["spec"]["clusterIP"]
    assert (changed["spec"]["type"], changed["spec"]["selector"]["version"]) == ("ClusterIP", "green")
    assert not any("nodePort" in port for port in changed["spec"]["ports"])
    lost = ", ".join(f"node port {port['nodePort']}" for port in service["spec"]["ports"])
    assert f"Service backend will no longer answer at {lost} (SY-S016). " in " ".join(result.output.split())
    assert stack.planned() == {}
    assert (uids(kubectl, "blue"), uids(kubectl, "green")) == (blue, green)
    assert not any(b"hunter2" in file.read_bytes() for file in stack.directory.rglob("*") if file.is_file())

    # Without versions no template changes; nor does that of what serves when they are named again.
    stack.set("services.backend.contentHash", "none")
    assert stack.planned() == {}
    kubectl.run("patch", "configmap", "config", "--patch", '{"data": {"greeting": "good night"}}')
    assert stack.planned() == {}
    result = stack.up()
    assert result.ok, result.output
    stack.set("services.backend.contentHash", None)
    assert stack.planned() == {"backend-blue": "update"}
