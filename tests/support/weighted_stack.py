"""A stack with a service that its load balancer switches: the real engine and API server, with a fake AWS."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from switchyard.manifests.weights import ACTIONS
from tests.support.kubectl import Kubectl
from tests.support.load_balancer_controller import Controller, load_balancer

NODE_PORTS = itertools.count(30000)
"""Node ports from the range that Kubernetes reserves for fixed ports. Each stack has its own."""

PROGRAM = Path(__file__).parents[1] / "integration/sandbox/weights_program"


def weights(of: str = "backend", /, **given: int) -> dict[str, int]:
    """Weights of all three target groups of a service; `service` is the one of the Service that is switched."""
    names = {"blue": f"{of}-blue", "green": f"{of}-green", "service": of}
    return {service: given.get(name, 0) for name, service in names.items()}


def action_of(kubectl: Kubectl, service: str = "backend") -> dict[str, int]:
    """The weights that the Ingress of a service asks for, by Service."""
    annotations = kubectl.get("ingress", service)["metadata"]["annotations"]
    action = json.loads(annotations[f"{ACTIONS}{service}"])
    return {group["serviceName"]: group["weight"] for group in action["forwardConfig"]["targetGroups"]}


def route_by_hand(kubectl: Kubectl, colour: str) -> None:
    """Has the Ingress send all requests to a colour, as an operator does with `kubectl annotate`."""
    key = f"{ACTIONS}backend"
    action = json.loads(kubectl.get("ingress", "backend")["metadata"]["annotations"][key])
    for group in action["forwardConfig"]["targetGroups"]:
        group["weight"] = 100 if group["serviceName"] == f"backend-{colour}" else 0
    kubectl.run("annotate", "--overwrite", "ingress", "backend", f"{key}={json.dumps(action)}")


@pytest.fixture
def controller(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with load_balancer(kubectl) as (running, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield running


@pytest.fixture
def stack(sandbox: Sandbox, kubectl: Kubectl, controller: Controller, tmp_path: Path) -> Stack:
    service = {
        "image": "ghcr.io/org/backend",
        "namespace": kubectl.namespace,
        "nodeSelector": {},
        # A namespace that is still being deleted has another one.
        "nodePort": next(NODE_PORTS),
        "active": "blue",
        "switchEngine": "albWeights",
        "blue": {"tag": "v1.0.0", "replicas": 3},
        "green": {"tag": "v1.0.0", "replicas": 0},
    }
    return Stack(
        tmp_path,
        {
            "sandbox:kubeconfig": str(sandbox.kubeconfig),
            "switchyard:cluster": {
                "kind": "ec2",
                "name": "test",
                "network": {"administrators": ["203.0.113.7/32"]},
                "loadBalancer": {"routes": [{"service": "backend"}], "accessLogs": False},
            },
            "switchyard:services": {"backend": service},
        },
        PROGRAM,
    )


@pytest.fixture
def serving(stack: Stack) -> Stack:
    result = stack.up()
    assert result.ok, result.output
    return stack
