"""Configurations with errors in a service in two colours, and in the shape of the whole."""

import copy
from typing import Any

from switchyard.config.models.cluster import CLUSTER
from switchyard.config.validation.services import SERVICES
from tests.support.configuration import BACKEND, EXISTING
from tests.support.ec2_configuration import PRODUCTION

EC2_SERVICES: dict[str, Any] = {"backend": BACKEND | {"nodePort": 30080}}


def service(base: dict[str, Any] = BACKEND, /, **values: Any) -> dict[str, Any]:
    return {CLUSTER: EXISTING, SERVICES: {"backend": copy.deepcopy(base) | values}}


def without_bottom() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(100):
        value = {"spec": value}
    return value


WRONG: dict[str, dict[str, Any]] = {
    "no cluster": {SERVICES: {"backend": BACKEND}},
    "a cluster that is text": {CLUSTER: "existing", SERVICES: {"backend": BACKEND}},
    "no kind": {CLUSTER: {}, SERVICES: {"backend": BACKEND}},
    "a kind with a typing error": {CLUSTER: PRODUCTION | {"kind": "ec"}, SERVICES: EC2_SERVICES},
    "no services": {CLUSTER: EXISTING},
    "secret": service() | {"secret": [SERVICES]},
    "a typing error in a key": service() | {"switchyard:prodution": True},
    "production: yes": service() | {"switchyard:production": "yes"},
    "production: off": service() | {"switchyard:production": "off"},
    "a patch without a bottom": service(podPatch=without_bottom()),
    "a list without a bottom": {CLUSTER: EXISTING, SERVICES: {"backend": [without_bottom()]}},
    "a name": {CLUSTER: EXISTING, SERVICES: {"Back.end": BACKEND}},
    "a colour's name": {CLUSTER: EXISTING, SERVICES: {"backend": BACKEND, "backend-blue": BACKEND}},
    "one name for two services": {
        CLUSTER: EXISTING,
        SERVICES: {"backend": BACKEND, "b": BACKEND | {"name": "backend"}},
    },
    "a colour's name under another key": {
        CLUSTER: EXISTING,
        SERVICES: {"backend": BACKEND, "b": BACKEND | {"name": "backend-blue"}},
    },
    "a name in capitals": service(name="Backend"),
    "a removed service's name": {CLUSTER: EXISTING, SERVICES: {"backend": BACKEND, "b": {"remove": True, "name": "B"}}},
    "a removed service that stays": {
        CLUSTER: EXISTING,
        SERVICES: {"backend": BACKEND, "b": {"remove": True, "name": "backend"}},
    },
    "what another service has left": {
        CLUSTER: EXISTING,
        SERVICES: {
            "backend": BACKEND | {"namespace": "b", "leaves": "a"},
            "b": BACKEND | {"name": "backend", "namespace": "a"},
        },
    },
    "the namespace that it is in, left": service(namespace="shop", leaves="shop"),
    "metrics of two services of one name": {
        CLUSTER: EXISTING,
        SERVICES: {
            name: {"image": "org/b", "strategy": "canary", "tag": "v1", "name": "backend", "namespace": name}
            for name in ("a", "b", "c")
        },
    },
    "one port": {
        CLUSTER: EXISTING,
        SERVICES: {name: BACKEND | {"nodePort": 32767} for name in ("a", "b", "c")},
    },
    "nothing but a name": {CLUSTER: EXISTING, SERVICES: {"backend": {}}},
    "a list for a service": {CLUSTER: EXISTING, SERVICES: {"backend": ["x"]}},
    "a typing error": service(nodeport=30080),
    "Python's key": service(secret_env={"TOKEN": {"secret": "S_", "key": "k"}}),
    "an unknown key": service(envFromSecrets=[]),
    "a number for a tag": service(blue={"tag": 2, "replicas": 3}),
    "a number with a fraction for a tag": service(blue={"tag": 1.5, "replicas": 3}),
    "a boolean for a tag": service(blue={"tag": True, "replicas": 3}),
    "a tag": service(blue={"tag": "v1:0", "replicas": 3}),
    "an image with a tag": service(image="ghcr.io:443/Org/backend:v1"),
    "an image with a digest": service(image="ghcr.io/org/backend@sha256:00"),
    "a colour": service(active="purple"),
    "a strategy": service(strategy="bluegreen"),
    "text for a number": service(port="8000"),
    "a boolean for a number": service(nodePort=True),
    "a fraction for a whole number": service(port=80.5),
    "too small": service(nodePort=80),
    "too large": service(blue={"tag": "v1", "replicas": 500}),
    "text for a boolean": service(allowInPlaceUpdate="yes"),
    "text for another boolean": service(gate={"checkNodes": "no"}),
    "a list for text": service(namespace=["default"]),
    "nothing for text": service(podAnnotations={"a": None, "b.c/d": 5, "e": True, "f": "x"}),
    "text for a list": service(tolerations="all"),
    "text for a mapping": service(resources="small"),
    "an environment": service(env={"A": 5, "B": None, "C": True, "D": [1], "1E": "x", "VERSION": "blue"}),
    "a secret in a key": service(env={"TOKEN=hunter2": "x"}),
    "an environment that is a list": service(env=["A=1"]),
    "secrets": service(secretEnv={"A": "text", "B": {"secret": "S_", "key": "a b"}, "C": {}, "D": {"sekret": 1}}),
    "in both": service(
        env={"A": "x", "N": "y"}, secretEnv={"A": {"secret": "s", "key": "k"}}, fieldEnv={"N": "spec.nodeName"}
    ),
    "a field": service(fieldEnv={"NODE": "spec.node"}),
    "a NUL": service(env={"A": "hunter2\0"}),
    "a circle": service(env={"A": "$(B)", "B": "$(A)"}),
    "a reference to nothing": service(env={"A": "$(DB_HSOT)", "DB_HOST": "db"}),
    "a date": service(
        env={"A": "2024-11-20 00:00:00 +0000 UTC"}, podAnnotations={"a.b": "2024-11-20 10:00:00 +0000 UTC"}
    ),
    "a date for a key": {
        SERVICES: EC2_SERVICES,
        CLUSTER: PRODUCTION | {"tags": {"2024-11-20 00:00:00 +0000 UTC": "x"}},
    },
    "quantities": service(resources={"requests": {"cpu": "1.5.1", "memory": 1.2345678901234567e19}}),
    "more than the limit": service(resources={"requests": {"cpu": "2"}}),
    "nobody's labels": service(nodeSelector={"a.b/c": "x", "a b": "y", "d.e/f": "g h", "i": 5}),
    "no room": service(resources={"requests": {"memory": "8Gi"}, "limits": {"memory": "8Gi"}}),
    "no smoke test": service(gate={"smoke": {"paths": []}}),
    "smoke tests": service(gate={"smoke": {"paths": [{"path": "health", "bodyMatches": "("}, {"paht": "/"}]}}),
    "a drain": service(drain={"preStopSeconds": 60}),
    "tolerations": service(
        tolerations=[{"key": "a", "operator": "Exists", "value": "b"}, {"value": "b"}, {"key": "a b", "value": "c d"}]
    ),
    "seconds of a toleration": service(tolerations=[{"key": "a", "operator": "Exists", "tolerationSeconds": 30}]),
    "a toleration of no key": service(tolerations=[{"value": "b"}]),
    "a toleration of every value": service(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
    "no pods": service(blue={"replicas": 0}, green={"replicas": 1}),
    "latest": service(blue={"tag": "latest", "replicas": 3}) | {"switchyard:production": True},
    "an engine": service(switchEngine="albWeights"),
}
"""Configurations by their error."""
