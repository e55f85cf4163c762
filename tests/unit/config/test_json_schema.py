"""The JSON schema takes what the program takes, and refuses wrong keys, types and options at every depth."""

import copy
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from switchyard.config.json_schema import definitions, stack_file
from switchyard.config.reference import PROJECT
from tests.support.configuration import BACKEND, changed, read

VALIDATOR = Draft7Validator(stack_file())
STACKS = sorted(path.name for path in PROJECT.glob("Pulumi.*.yaml"))

CANARY = {"image": "ghcr.io/org/backend", "strategy": "canary", "tag": "v1.0.0"}
ARGO = CANARY | {"strategy": "argoBlueGreen"}


def errors(document: Any) -> list[str]:
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def of_service(service: Any, **others: Any) -> dict[str, Any]:
    return {
        "config": {"switchyard:cluster": {"kind": "existing"}, "switchyard:services": {"backend": service}, **others}
    }


def of_cluster(**cluster: Any) -> dict[str, Any]:
    return {"config": {"switchyard:cluster": cluster, "switchyard:services": {"backend": BACKEND}}}


def staging() -> Any:
    return yaml.safe_load((PROJECT / "Pulumi.staging.yaml").read_text())


def put(document: Any, path: str, value: Any) -> Any:
    document = copy.deepcopy(document)
    *above, last = path.split("/")
    node = document
    for key in above:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    node[last] = value
    return document


def test_schema_is_a_valid_json_schema() -> None:
    Draft7Validator.check_schema(stack_file())


@pytest.mark.parametrize("name", STACKS)
def test_the_schema_accepts_the_stack_files(name: str) -> None:
    assert errors(yaml.safe_load((PROJECT / name).read_text())) == []


def test_the_schema_accepts_the_examples_of_every_key() -> None:
    for name, definition in definitions().items():
        for key, schema in definition.get("properties", {}).items():
            value = {"$ref": f"#/$defs/{name}/properties/{key}", "$defs": stack_file()["$defs"]}
            for example in schema.get("examples", ()):
                assert list(Draft7Validator(value).iter_errors(example)) == [], (name, key, example)


def test_the_schema_accepts_the_defaults_of_every_key() -> None:
    for name, definition in definitions().items():
        for key, schema in definition.get("properties", {}).items():
            value = {"$ref": f"#/$defs/{name}/properties/{key}", "$defs": stack_file()["$defs"]}
            if "default" in schema:
                assert list(Draft7Validator(value).iter_errors(schema["default"])) == [], (name, key)


@pytest.mark.parametrize("service", [BACKEND, CANARY, ARGO, CANARY | {"active": "blue", "blue": {"tag": "v1"}}])
def test_the_schema_accepts_every_strategy(service: dict[str, Any]) -> None:
    assert errors(of_service(service)) == []
    assert read({"backend": service})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("resources.limits.cpu", 2),
        ("resources.limits.cpu", 0.5),
        ("liveness", {"tcpSocket": {"port": "http"}}),
        ("liveness", {"grpc": {"port": 8000}}),
        ("canary.analysis.successRate.min", "0.95"),
        ("canary.analysis", {"latencyP95": {"enabled": False}}),
        ("env", {"LOG_LEVEL": "info", "a.b-c": ""}),
        ("nodeSelector", {"example.org/Work_load.v1": "", "workload": "application"}),
        ("podAnnotations", {"Example.org/a": "anything at all: {}"}),
        ("replicas", None),
        ("affinity", {"podAntiAffinity": {}}),
        (
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
            [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}],
        ),
    ],
)
def test_the_schema_accepts_what_the_program_accepts(path: str, value: Any) -> None:
    service = changed(path, {}) if value is None else changed(path, value)
    if value is None:
        service[path] = None
    assert errors(of_service(service)) == []
    assert read({"backend": service}, {"kind": "existing", "nodes": {}})


def test_a_service_that_is_removed_needs_no_other_key() -> None:
    assert errors(of_service({"remove": True})) == []
    assert errors(of_service({"remove": True, "strategy": "canary"})) == []


def test_the_schema_accepts_keys_of_providers_and_of_pulumi() -> None:
    document = of_service(
        BACKEND, **{"aws:region": "eu-central-1", "aws:secretKey": {"secure": "v1:abc"}, "switchyard:production": True}
    )
    assert errors(document | {"encryptionsalt": "v1:abc", "secretsprovider": "awskms://alias/x"}) == []


def test_the_schema_accepts_keys_without_a_namespace() -> None:
    assert errors({"config": {"cluster": {"kind": "existing"}, "services": {"backend": BACKEND}}}) == []
    assert errors({"config": {"cluster": {"kind": "existing", "name": "x"}}})


def test_encrypted_settings_are_refused_as_the_program_does() -> None:
    assert errors(of_service(BACKEND | {"image": {"secure": "v1:abc"}}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("configuration", {}),
        ("config/switchyard:prodution", True),
        ("config/switchyard:production", "yes"),
        ("config/switchyard:formerStack", "staging"),
        ("config/switchyard:cluster/kind", "eks"),
        ("config/switchyard:cluster/kubeconfig", "x"),
        ("config/switchyard:cluster/region", 1),
        ("config/switchyard:cluster/network/vpcs", "10.0.0.0/16"),
        ("config/switchyard:cluster/network/vpc", "10.0.0.0"),
        ("config/switchyard:cluster/network/flowLogDays", 8),
        ("config/switchyard:cluster/nodes/k8s-redis/diskGB", 20),
        ("config/switchyard:cluster/nodes/k8s-redis/diskGb", "20"),
        ("config/switchyard:cluster/nodes/k8s-redis/role", "control-plane"),
        ("config/switchyard:cluster/nodes/K8S", {"type": "t3.small", "zone": "a", "diskGb": 20}),
        ("config/switchyard:cluster/loadBalancer/routes/0/hosts", "api.example.org"),
        ("config/switchyard:cluster/loadBalancer/idleTimeoutSeconds", 0),
        ("config/switchyard:services/Backend", BACKEND),
        ("config/switchyard:services/backend/node_port", 30080),
        ("config/switchyard:services/backend/nodePort", 80),
        ("config/switchyard:services/backend/active", "purple"),
        ("config/switchyard:services/backend/active", None),
        ("config/switchyard:services/backend/strategy", "bluegreen"),
        ("config/switchyard:services/backend/strategy", "canary"),
        ("config/switchyard:services/backend/blue/tag", 2.0),
        ("config/switchyard:services/backend/blue/replica", 3),
        ("config/switchyard:services/backend/resources/limits/memory", "512MB"),
        ("config/switchyard:services/backend/canary/analysis/successRate/min", 95),
        ("config/switchyard:services/backend/canary/analysis/successRate/minimum", 0.9),
        ("config/switchyard:services/backend/canary/steps", [{"wieght": 10}]),
        ("config/switchyard:services/backend/canary/steps", [{"analysis": ["success"]}]),
        ("config/switchyard:services/backend/volumes", {"a": {"configMap": {"nam": "x"}}}),
        ("config/switchyard:services/backend/sidecars", [{"name": "p", "image": "a:1", "liveness": {"paht": "/"}}]),
        ("config/switchyard:services/backend/tolerations", [{"operator": "Exist"}]),
        ("config/switchyard:services/backend/env", {"VERSION": "blue"}),
        ("config/switchyard:services/backend/affinity", {"podAntiAffinty": {}}),
        ("config/switchyard:services/backend/affinity", {"nodeAffinity": {"requiredDuringScheduling": {}}}),
        ("config/switchyard:services/backend/labels", {"a b": "x"}),
    ],
)
def test_wrong_keys_types_and_options_are_refused(path: str, value: Any) -> None:
    assert errors(staging()) == []
    assert errors(put(staging(), path, value))


@pytest.mark.parametrize("key", ["image", "active"])
def test_missing_keys_of_a_service_are_refused(key: str) -> None:
    service = {name: value for name, value in BACKEND.items() if name != key}
    assert errors(of_service(service))


def test_missing_keys_of_a_cluster_are_refused() -> None:
    assert errors(of_cluster(kind="ec2")) == ["config.switchyard:cluster: 'name' is a required property"]
    assert errors(of_cluster())
