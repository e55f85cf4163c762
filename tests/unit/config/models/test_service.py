"""Keys of a realistic service: what is refused, with path, value, rule and remedy."""

from typing import Any

import pytest

from switchyard.config.models.nodes import DEFAULT_NODES
from switchyard.config.validation.capacity import shortfalls
from tests.support.configuration import BACKEND, EXISTING, error_lines, read
from tests.support.full_service import ARGO_BLUE_GREEN, CANARY, TWO_COLOURS

CONFIG = {"config": {"configMap": {"name": "c"}}}
SIDECAR = {"name": "proxy", "image": "org/proxy:v1"}


@pytest.mark.parametrize("raw", [TWO_COLOURS, CANARY, ARGO_BLUE_GREEN])
def test_a_service_with_every_key_is_taken(raw: dict[str, Any]) -> None:
    assert read({"backend": raw}, EXISTING | {"nodes": {}})


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"labels": {"app": "x"}}, "labels.app: 'app': is reserved: objects and pods are found by"),
        ({"podLabels": {"version": "x"}}, "podLabels.version: 'version': is reserved"),
        ({"podLabels": {"switchyard/x": "y"}}, "podLabels.switchyard/x: 'switchyard/x': is reserved"),
        ({"podLabels": {"pod-template-hash": "y"}}, "podLabels.pod-template-hash: 'pod-template-hash': is reserved"),
        ({"podAnnotations": {"switchyard/content-hash": "y"}}, "is reserved: switchyard/* are this program's own"),
        ({"blue": {"tag": "v1@sha256:abc", "replicas": 1}}, "blue.tag: 'v1@sha256:abc': must be an image tag"),
        ({"blue": {"tag": "v1@", "replicas": 1}}, "blue.tag: 'v1@': must be an image tag"),
        (
            {"volumes": {"a": {"hostPath": {"path": "/"}}}},
            "has hostPath, which the restricted pod security level forbids",
        ),
        ({"volumes": {"a": {}}}, "volumes.a: a mapping: must have exactly one of configMap, secret, emptyDir,"),
        ({"volumes": {"a": {"emptyDir": {}, "secret": {"name": "s"}}}}, "must have exactly one of configMap, secret"),
        ({"volumes": {"a": {"configMap": {"nmae": "c"}}}}, "volumes.a.configMap.nmae: unknown key: only known keys"),
        ({"volumes": {"tmp": {"emptyDir": {}}}}, "volumes.tmp: 'tmp': is the program's own volume for temporary files"),
        ({"volumes": {"A_b": {"emptyDir": {}}}}, "volumes.A_b: 'A_b': must be a DNS label"),
        (
            {"mounts": [{"volume": "x", "path": "/x"}]},
            "mounts.0.volume: 'x': is not a volume of every pod, which have tmp",
        ),
        (
            {"blue": {"tag": "v1", "replicas": 1, "volumes": CONFIG}, "mounts": [{"volume": "config", "path": "/c"}]},
            "mounts.0.volume: 'config': is not a volume of every pod",
        ),
        ({"volumes": CONFIG, "mounts": [{"volume": "config", "path": "c"}]}, "mounts.0.path: 'c': must be an absolute"),
        (
            {"volumes": CONFIG, "mounts": [{"volume": "config", "path": "/c"}, {"volume": "config", "path": "/c/"}]},
            "mounts.1.path: '/c/': is the path of mounts.0",
        ),
        (
            {"volumes": CONFIG, "mounts": [{"volume": "config", "path": "/c", "subPath": "../x"}]},
            "mounts.0.subPath: '../x': must be a relative path without ..",
        ),
        ({"envFrom": [{}]}, "envFrom.0: a mapping: must have exactly one of configMap, secret"),
        ({"envFrom": [{"secret": "s", "prefix": "1"}]}, "envFrom.0.prefix: '1': must be letters, digits"),
        (
            {"env": {"A": "1"}, "configEnv": {"A": {"configMap": "c", "key": "a"}}},
            "configEnv.A: a mapping: has another value in switchyard:services.backend.env",
        ),
        ({"env": {"1A": "x"}}, "env.1A: (not shown): must be letters, digits and _ - ."),
        ({"env": {"a=b": "x"}}, "must be letters, digits and _ - ."),
        ({"ports": {"http": {"containerPort": 1}}}, "ports.http: 'http': is the name of the application's first port"),
        ({"ports": {"a": {"containerPort": 8000}}}, "ports.a.containerPort: 8000: is the port of switchyard:services."),
        (
            {"ports": {"a": {"containerPort": 1, "servicePort": 8000}}},
            "ports.a.servicePort: 8000: is the port of switchyard:services.backend.port",
        ),
        (
            {"ports": {"a": {"containerPort": 1, "nodePort": 30001}}},
            "ports.a.nodePort: 30001: is a port of the Service,",
        ),
        ({"ports": {"too-long-for-a-port": {"containerPort": 1}}}, "must be the name of a port: at most 15"),
        ({"ports": {"a": {"containerPort": 70000}}}, "ports.a.containerPort: 70000: must be <= 65535"),
        ({"readiness": None}, "readiness: None: may not be switched off: a version gets traffic when"),
        (
            {"readiness": {"port": "metrics"}},
            "readiness.port: 'metrics': is not a port of the container, which has http",
        ),
        ({"liveness": {"port": 0}}, "liveness.port: 0: must be a port: a number from 1 to 65535"),
        ({"liveness": {"port": True}}, "liveness.port: True: must be a port"),
        (
            {"liveness": {"path": "/x", "exec": ["true"]}},
            "liveness: a mapping: has path and exec, and a probe does one",
        ),
        ({"startup": {"grpc": {"port": 1}, "tcpSocket": {"port": 1}}}, "has tcpSocket and grpc, and a probe does one"),
        ({"startup": {"grpc": {"port": "http"}}}, "startup.grpc.port: 'http': must be a whole number"),
        (
            {"readiness": {"terminationGracePeriodSeconds": 5}},
            "readiness.terminationGracePeriodSeconds: 5: belongs to liveness and startup",
        ),
        (
            {"liveness": {"headers": {"a b": "x"}}},
            "liveness.headers.a b: (not shown): must be the name of an HTTP header",
        ),
        ({"gate": {"smoke": {"paths": [{"path": "/", "headers": {"Authorization": "x"}}]}}}, "cannot be sent: the API"),
        (
            {"release": {"watch": {"errors": {"accepted": 0.01, "condemned": 0.015}}}},
            "release.watch.errors: a mapping: condemned (0.015) must be at least twice accepted (0.01): no number",
        ),
        ({"release": {"watch": {"falseRollback": 0}}}, "release.watch.falseRollback: 0: must be >= 0.0001"),
        ({"release": {"watch": {"requestsMetric": "a b"}}}, "release.watch.requestsMetric: 'a b': must be the name of"),
        (
            {"release": {"watch": {"prometheus": "http://ada:s3cret@prometheus.monitoring:9090"}}},
            "release.watch.prometheus: 'http://…@prometheus.monitoring:9090': must be an http or https address,",
        ),
        (
            {"release": {"watch": {"prometheus": "https://prometheus.example.org/?token=s3cret"}}},
            "release.watch.prometheus: 'https://prometheus.example.org/?…': must be an http or https address,",
        ),
        (
            {"release": {"watch": {"maxSampleAgeSeconds": 301}}},
            "release.watch.maxSampleAgeSeconds: 301: must be <= 300",
        ),
        ({"gate": {"smoke": {"scheme": "ftp"}}}, "gate.smoke.scheme: 'ftp': allowed: HTTP, HTTPS"),
        ({"sidecars": [{"name": "app", "image": "a:b"}]}, "sidecars.0.name: 'app': is the name of the application's"),
        (
            {"sidecars": [SIDECAR, SIDECAR]},
            "sidecars.1.name: 'proxy': is the name of switchyard:services.backend.sidecars",
        ),
        ({"sidecars": [{"name": "a", "image": "org/a"}]}, "sidecars.0.image: 'org/a': must be an image with a tag,"),
        (
            {"sidecars": [SIDECAR | {"readiness": {}}]},
            "sidecars.0.readiness.port: missing: is missing, and the container",
        ),
        (
            {"sidecars": [SIDECAR | {"ports": {"a": {"containerPort": 8000}}}]},
            "sidecars.0.ports.a.containerPort: 8000: is the port of switchyard:services.backend.port, and the",
        ),
        (
            {"initContainers": [SIDECAR | {"resources": {"requests": {"cpu": "1"}}}]},
            "initContainers.0.resources.requests.cpu: '1': must not be above the limit, 100m",
        ),
        ({"initContainers": [SIDECAR | {"ports": {}}]}, "initContainers.0.ports: unknown key"),
        (
            {"serviceAccount": {"name": "a", "annotations": {"x": "y"}}},
            "serviceAccount.annotations: a mapping: are of the service's own ServiceAccount, and the pods use a",
        ),
        ({"service": {"type": "ExternalName"}}, "service.type: 'ExternalName': allowed: NodePort, ClusterIP, LoadBal"),
        (
            {"nodePort": 30080, "service": {"type": "ClusterIP"}},
            "nodePort: 30080: a Service of type ClusterIP has no port",
        ),
        (
            {"service": {"type": "ClusterIP", "externalTrafficPolicy": "Local"}},
            "service.externalTrafficPolicy: 'Local': is of type NodePort and LoadBalancer",
        ),
        (
            {"service": {"loadBalancerClass": "a/b"}},
            "service.loadBalancerClass: 'a/b': is of type LoadBalancer, and the",
        ),
        (
            {"service": {"sessionAffinitySeconds": 5}},
            "service.sessionAffinitySeconds: 5: is of sessionAffinity ClientIP",
        ),
        (
            {"service": {"annotations": {"pulumi.com/skipAwait": "false"}}},
            "is reserved: pulumi.com/* say how the provider",
        ),
        (
            {"serviceAccount": {"annotations": {"pulumi.com/patchForce": "true"}}},
            "is reserved: pulumi.com/* say how the provider",
        ),
        (
            {"service": {"internalTrafficPolicy": "Local"}, "spread": {"whenUnsatisfiable": "ScheduleAnyway"}},
            "service.internalTrafficPolicy: 'Local': routes to pods of the same node alone",
        ),
        (
            {"service": {"externalTrafficPolicy": "Local"}, "spread": {"maxSkew": 2}},
            "service.externalTrafficPolicy: 'Local': routes to pods of the same node alone",
        ),
        (
            {"service": {"loadBalancerSourceRanges": ["10.0.0.1/8"]}},
            "loadBalancerSourceRanges.0: '10.0.0.1/8': must be a",
        ),
        ({"resources": {"limits": {"memory": None}}}, "resources.limits.memory: None: must be a Kubernetes quantity"),
        ({"resources": {"extended": {"gpu": 1}}}, "resources.extended.gpu: 'gpu': must be the name of an extended res"),
        ({"resources": {"extended": {"kubernetes.io/x": 1}}}, "must be the name of an extended resource"),
        (
            {"resources": {"requests": {"ephemeralStorage": "2Gi"}, "limits": {"ephemeralStorage": "1Gi"}}},
            "resources.requests.ephemeralStorage: '2Gi': must not be above the limit, 1Gi",
        ),
        (
            {"affinity": {"nodeAfinity": {}}},
            "affinity: a mapping: nodeAfinity: is no field that Kubernetes has there; did you mean nodeAffinity?",
        ),
        (
            {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}},
            "requiredDuringSchedulingIgnoredDuringExecution.0.topologyKey: is missing, and Kubernetes needs it",
        ),
        (
            {"spread": {"whenUnsatisfiable": "Maybe"}},
            "spread.whenUnsatisfiable: 'Maybe': allowed: DoNotSchedule, Sched",
        ),
        ({"minReadySeconds": 300}, "minReadySeconds: 300: must be less than progressDeadlineSeconds (300)"),
        ({"dnsPolicy": "None"}, "dnsPolicy: 'None': leaves the resolver to dnsConfig, which names no server"),
        ({"hostAliases": [{"ip": "host", "hostnames": ["a"]}]}, "hostAliases.0.ip: 'host': must be an IP address"),
        (
            {"release": {"drain": {"path": "/drain?x=1"}}},
            "drain.path: '/drain?x=1': must be a URL path without a query",
        ),
        ({"release": {"drain": {"method": "restart"}}}, "drain.method: 'restart': allowed: endpoint, renew, none"),
        (
            {"port": 8001, "release": {"drain": {"method": "endpoint"}}},
            "release.drain.port: 8001: is a port of the Service, by which everybody who reaches the service could end",
        ),
        (
            {
                "ports": {"more": {"containerPort": 8001, "servicePort": 81}},
                "release": {"drain": {"method": "endpoint"}},
            },
            "for it: pulumi config set --path 'switchyard:services.backend.release.drain.port' 8002",
        ),
        ({"contentHash": "some"}, "contentHash: 'some': allowed: references, all, none"),
    ],
)
def test_an_error_gets_a_line(keys: dict[str, Any], line: str) -> None:
    lines = error_lines({"backend": BACKEND | keys})
    assert any(line in problem for problem in lines), lines
    assert all(problem.startswith("switchyard:services.backend.") for problem in lines)


@pytest.mark.parametrize(
    "keys",
    [
        {"port": 8001},  # nothing is asked at it by `renew`
        {"release": {"drain": {"method": "endpoint"}}, "ports": {"admin": {"containerPort": 8001}}},
    ],
)
def test_a_port_for_drains_that_the_service_does_not_have_is_taken(keys: dict[str, Any]) -> None:
    assert read({"backend": BACKEND | keys})


def test_a_value_in_a_patch_or_a_header_is_never_shown() -> None:
    secret = "hunter2"
    for keys in (
        {"podPatch": {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "vlaue": secret}]}]}}},
        {"podPatch": {"spec": {"containers": [{"name": "app", "args": secret}]}}},
        {"liveness": {"headers": {"X-Token": f"{secret}\n"}}},
        {"args": secret},
        {"sidecars": [SIDECAR | {"env": {"A": [secret]}}]},
    ):
        assert secret not in "\n".join(error_lines({"backend": BACKEND | keys}))


@pytest.mark.parametrize(
    "name", ["spring.profiles.active", "x-y", "_", ".hidden", "a..b", "my.env-name", "MY_ENV.NAME", "-a"]
)
def test_a_variables_name_that_kubernetes_takes_is_taken(name: str) -> None:
    assert read({"backend": BACKEND | {"env": {name: "x"}}})


@pytest.mark.parametrize("name", [".", "..", "..a", "1a", "a b", "a=b", "ä", ""])
def test_a_variables_name_that_some_kubernetes_does_not_take_is_refused(name: str) -> None:
    assert error_lines({"backend": BACKEND | {"env": {name: "x"}}})


def test_a_fixed_node_port_of_a_further_port_is_unique() -> None:
    ports = {"metrics": {"containerPort": 9090, "servicePort": 9090, "nodePort": 30080}}
    [problem] = error_lines({"a": BACKEND | {"nodePort": 30080}, "b": BACKEND | {"ports": ports}})
    assert problem.startswith("switchyard:services.b.ports.metrics.nodePort: 30080: a has this port on every node.")


def test_sidecars_are_counted_and_the_largest_init_container_is() -> None:
    # 100m of the application and 400m of the sidecar; a worker has 1630m, so 3 pods, and two workers 6.
    sidecar = SIDECAR | {"resources": {"requests": {"cpu": "400m"}, "limits": {"cpu": "1"}}}
    for keys in (
        {"sidecars": [sidecar]},
        {"sidecars": [sidecar | {"native": False}]},
        {"initContainers": [sidecar | {"resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}}]},
    ):
        services = read({"backend": BACKEND | {"blue": {"tag": "v1", "replicas": 5}} | keys}).services
        assert shortfalls(services, DEFAULT_NODES) == []
        [problem] = error_lines({"backend": BACKEND | {"blue": {"tag": "v1", "replicas": 6}} | keys})
        assert "1 of them find no room on k8s-worker-1, k8s-worker-2: 500m CPU" in problem


def test_a_soft_spread_fills_one_node_when_the_other_is_full() -> None:
    nodes = {
        "big": {"type": "t3.large", "zone": "z", "diskGb": 40, "workload": "application"},
        "small": {"type": "t3.small", "zone": "z", "diskGb": 40, "workload": "application"},
    }
    cluster = EXISTING | {"nodes": nodes}
    service = BACKEND | {"blue": {"tag": "v1", "replicas": 7}, "resources": {"requests": {"memory": "768Mi"}}}
    service["resources"] |= {"limits": {"memory": "1Gi"}}
    assert "find no room" in error_lines({"backend": service}, cluster)[0]
    assert read({"backend": service | {"spread": {"whenUnsatisfiable": "ScheduleAnyway"}}}, cluster)
