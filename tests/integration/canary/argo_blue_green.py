"""A service in two colours, and the same with Argo Rollouts' own blue/green."""

from typing import Any

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts

HASH = "rollouts-pod-template-hash"
PODS = 3


def backend(stack: Stack) -> dict[str, Any]:
    service: dict[str, Any] = stack.config["config"]["switchyard:services"]["backend"]
    return service


def to_argo(service: dict[str, Any], **argo: Any) -> dict[str, Any]:
    """The settings of a service, under Argo's blue/green."""
    return service | {
        "strategy": "argoBlueGreen",
        "tag": "v1.0.0",
        "replicas": PODS,
        # The hash of a template is the same in every namespace, and the metrics are those of all tests.
        "podAnnotations": {"example.org/namespace": service["namespace"]},
        "argoBlueGreen": {"scaleDownDelaySeconds": 1, "abortScaleDownDelaySeconds": 1, **argo},
    }


def measured(metrics: str) -> dict[str, Any]:
    """An analysis of seconds instead of minutes."""
    times = {"windowSeconds": 3, "intervalSeconds": 1, "count": 3, "initialDelaySeconds": 3}
    limits = {"failureLimit": 1, "inconclusiveLimit": 1, "consecutiveErrorLimit": 1, "minRequests": 10}
    return {"prometheus": metrics, **times, **limits}


@pytest.fixture
def two_colours(stack: Stack, controlled: Sandbox) -> Stack:
    """Blue serves, in two colours."""
    stack.set("services.backend.podAnnotations", {"example.org/namespace": backend(stack)["namespace"]})
    result = stack.up()
    assert result.ok, result.output
    return stack


@pytest.fixture
def manual(stack: Stack, controlled: Sandbox) -> Stack:
    """A stack whose Rollout serves v1.0.0 and whose releases wait for a promotion by hand."""
    stack.set("services.backend", to_argo(backend(stack), autoPromotion={"enabled": False}))
    result = stack.up()
    assert result.ok, result.output
    return stack


def selected(kubectl: Kubectl, service: str = "backend") -> dict[str, str]:
    selector: dict[str, str] = kubectl.get("service", service)["spec"]["selector"]
    return selector


def hashes(history: History) -> set[str | None]:
    """Returns the hashes that Service `backend` selected, in order; None where it selected all versions."""
    return {
        event["object"]["spec"]["selector"].get(HASH)
        for event in history.events
        if event["object"]["kind"] == "Service" and event["object"]["metadata"]["name"] == "backend"
    }


def stable(rollouts: Rollouts) -> str:
    """Returns the pod-template hash of the version that serves before a release."""
    return str(rollouts.wait_for("Healthy")["status"]["stableRS"])


def release(stack: Stack, tag: str = "v2.0.0") -> None:
    stack.set("services.backend.tag", tag)
    result = stack.up()
    assert result.ok, result.output
    assert "kubectl argo rollouts get rollout backend" in result.output
