"""Configurations with errors in the pods of a service, its Service, its autoscaler and its removal."""

from typing import Any

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.validation.services import SERVICES
from tests.support.configuration import BACKEND, EXISTING
from tests.support.wrong_rollouts import ROLLOUT
from tests.support.wrong_services import service

SIDECAR: dict[str, Any] = {"name": "proxy", "image": "ghcr.io/org/proxy:v1"}


def _patched(**spec: Any) -> dict[str, Any]:
    return service(podPatch={"spec": spec})


WRONG: dict[str, dict[str, Any]] = {
    "names of containers": service(sidecars=[SIDECAR, dict(SIDECAR)], initContainers=[SIDECAR | {"name": "app"}]),
    "ports": service(
        ports={
            "http": {"containerPort": 9000},
            "metrics": {"containerPort": 8000, "servicePort": 8000},
            "admin": {"containerPort": 9001, "nodePort": 30090},
        },
        sidecars=[SIDECAR | {"ports": {"admin": {"containerPort": 9001}}}],
    ),
    "protocol of a port": service(ports={"grpc": {"containerPort": 9000, "appProtocol": "grpc"}}),
    "families of addresses": service(service={"ipFamilies": ["IPv4", "IPv6"]}),
    "a family of addresses twice": service(service={"ipFamilies": ["IPv4", "IPv4"]}),
    "port of a service with a traffic router": service(
        ROLLOUT, strategy="canary", servicePort=80, canary={"traffic": "alb", "alb": {"ingress": "backend"}}
    ),
    "ports of probes": service(
        liveness={"port": "metrics"},
        readiness={"tcpSocket": {"port": "http2"}, "terminationGracePeriodSeconds": 5},
        sidecars=[SIDECAR | {"liveness": {"path": "/live"}}],
    ),
    "a port of a sidecar's probe": service(
        sidecars=[SIDECAR | {"ports": {"admin": {"containerPort": 9001}}, "readiness": {"port": "metrics"}}]
    ),
    "volumes": service(
        volumes={"tmp": {"emptyDir": {}}, "config": {"configMap": {"name": "backend"}}},
        mounts=[
            {"volume": "confg", "path": "/etc/a"},
            {"volume": "data", "path": "/etc/b"},
            {"volume": "config", "path": "/etc/c"},
            {"volume": "config", "path": "/etc/c/"},
        ],
    ),
    "references in a patch": _patched(
        containers=[
            {"name": "app", "env": [{"name": "A", "value": "$(B)"}, {"name": "B", "value": "$(A)"}], "args": ["$(C)"]},
            {"name": "proxy", "image": "ghcr.io/org/proxy:v1", "env": [{"name": "A", "value": "$(HOST)"}]},
        ]
    ),
    "words of containers": service(args=["--host=$(HOST)"], command=["run\0"], sidecars=[SIDECAR | {"args": ["$(A)"]}]),
    "lists of the resolver": service(
        hostAliases=[{"ip": "10.0.0.1", "hostnames": []}],
        dnsConfig={"nameservers": [f"10.0.0.{number}" for number in range(4)]},
    ),
    "fractions of a byte": service(
        resources={"requests": {"memory": "256m"}, "limits": {"memory": "512m", "ephemeralStorage": "0.5m"}}
    ),
    "an address twice": service(hostAliases=[{"ip": "10.0.0.1", "hostnames": [name]} for name in ("a", "b")]),
    "a variable in env and configEnv": service(env={"A": "x"}, configEnv={"A": {"configMap": "c", "key": "k"}}),
    "someone else's account": service(serviceAccount={"name": "backend", "annotations": {"a.b/c": "x"}}),
    "no resolver": service(dnsPolicy="None"),
    "a drain on a port of the Service": service(release={"drain": {"method": "endpoint", "port": 8000}}),
    "seconds of being ready": service(minReadySeconds=1000),
    "a budget of all pods": service(podDisruptionBudget={"maxUnavailable": 50}),
    "the port of a drain": service(port=8001, release={"drain": {"method": "endpoint"}}),
    "affinity of sessions": service(service={"sessionAffinitySeconds": 60}),
    "traffic of one node": service(
        service={"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"},
        spread={"whenUnsatisfiable": "ScheduleAnyway"},
    ),
    "keys of a load balancer": service(
        service={"loadBalancerClass": "service.k8s.aws/nlb", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    ),
    "a Service in the cluster": service(
        nodePort=30080,
        ports={"admin": {"containerPort": 9001, "servicePort": 9001, "nodePort": 30090}},
        service={"type": "ClusterIP", "externalTrafficPolicy": "Cluster"},
    ),
    "weights on a Service in the cluster": service(
        ROLLOUT,
        strategy="canary",
        service={"type": "ClusterIP"},
        canary={"traffic": "alb", "alb": {"ingress": "x"}},
    ),
    "an autoscaler": service(
        autoscaling={"min": 5, "max": 3, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}}
    ),
    "a field that Kubernetes lacks": _patched(nodeNme="x"),
    "a container without a name": _patched(containers=[{"image": "x"}]),
    "a template that is none": service(podPatch={"metadata": None, "spec": None}),
    "what a patch may not change": service(
        podPatch={
            "metadata": {"name": "x", "labels": {"app": "x", "app.kubernetes.io/managed-by": "x"}},
            "spec": {
                "nodeName": "x",
                "volumes": None,
                "containers": [{"name": "app", "image": "x", "securityContext": None}],
                "initContainers": [{"name": "app"}],
            },
        }
    ),
    "a container without an image": _patched(containers=[{"name": "prxy"}]),
    "a removal": {CLUSTER: EXISTING, SERVICES: {"backend": {"remove": "yes"}}},
    "a removal from nowhere": {CLUSTER: EXISTING, SERVICES: {"backend": {"remove": True, "namespace": "Shop"}}},
    "a namespace of Kubernetes": service(namespace="kube-system"),
    "a name of Kubernetes": {CLUSTER: EXISTING, SERVICES: {"kubernetes": BACKEND}},
    "a former stack": service() | {"switchyard:formerStack": "staging"},
}
"""Configurations by their error."""
