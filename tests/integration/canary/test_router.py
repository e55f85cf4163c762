"""Shares by the weights of a router: what the real controller writes to an Ingress and to a VirtualService.

Nothing applies these weights here: there is no AWS load balancer and no mesh.
"""

import json
from typing import Any

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import define_istio
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts, until

ACTION = "alb.ingress.kubernetes.io/actions.backend"
BETA_ROUTE = "alb.ingress.kubernetes.io/conditions.beta"
PUBLIC = "ingress", "public"
BETA = {"name": "beta", "cookie": "group", "value": "beta"}
STEPS: list[dict[str, Any]] = [{"weight": 17}, {"route": BETA}, {"pause": 0}, {"route": {"name": "beta"}}, {"pause": 0}]
PODS = 5


def routed(stack: Stack, traffic: str, **more: Any) -> None:
    """Configures a router for the canary, and steps that wait for a human."""
    canary = {"traffic": traffic, "steps": STEPS, "analysis": None, "abortScaleDownDelaySeconds": 1}
    stack.set("services.backend.canary", canary | more)


def refused(stack: Stack) -> str:
    """Returns the output of an update that must be refused and change nothing."""
    result = stack.up()
    assert not result.ok
    assert "Traceback" not in result.output
    assert "No route was changed." in result.output or "The Service was not changed." in result.output
    return result.output


def ingress(kubectl: Kubectl, port: str) -> None:
    """An Ingress that routes to Service `backend`, by a port's name."""
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "backend", "port": {"name": port}}}}
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "public", "namespace": kubectl.namespace},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }
    kubectl.apply(manifest)


def expect_weights(kubectl: Kubectl, **wanted: int) -> None:
    """Waits until the Ingress has these; the Rollout may be Healthy a moment before."""

    def holds(rollout: dict[str, Any]) -> bool:
        action = json.loads(rollout["metadata"].get("annotations", {}).get(ACTION, "{}"))
        groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
        return {group["ServiceName"].removeprefix("backend-"): group["Weight"] for group in groups} == wanted

    until(kubectl, holds, *PUBLIC)


def expect_shares(kubectl: Kubectl, *wanted: dict[str, int]) -> None:
    """Waits until the VirtualService has these routes, each with its weights."""

    def holds(virtual_service: dict[str, Any]) -> bool:
        routes = virtual_service["spec"]["http"]
        return [
            {way["destination"]["host"].removeprefix("backend-"): way["weight"] for way in route["route"]}
            for route in routes
        ] == list(wanted)

    until(kubectl, holds, "virtualservice", "backend")


def test_the_weights_of_a_load_balancer_follow_the_steps(serving: Stack, kubectl: Kubectl, rollouts: Rollouts) -> None:
    routed(serving, "alb", alb={"ingress": "public", "stickinessSeconds": 60})
    assert "Ingress public in namespace" in refused(serving)
    ingress(kubectl, "http")
    result = serving.up()
    assert result.ok, result.output
    assert "not by the weights of the canary" in result.output
    expect_weights(kubectl, stable=100, canary=0)
    ingress(kubectl, "use-annotation")
    assert kubectl.get("service", "backend-canary")["spec"]["type"] == "NodePort"

    old = str(rollouts.wait_for("Healthy")["status"]["stableRS"])
    serving.set("services.backend.tag", "v2.0.0")
    result = serving.up()
    assert result.ok, result.output
    assert "not by the weights" not in result.output
    rollouts.wait(lambda status: status.get("phase") == "Paused" and status.get("currentStepIndex") == 2)
    expect_weights(kubectl, stable=83, canary=17)
    until(kubectl, lambda public: "*group=beta*" in public["metadata"]["annotations"].get(BETA_ROUTE, ""), *PUBLIC)
    rollouts.expect_pods({old: PODS})
    assert serving.planned() == {}
    assert serving.up("--refresh").ok
    expect_weights(kubectl, stable=83, canary=17)
    rollouts.run("promote")
    rollouts.wait(lambda status: status.get("phase") == "Paused" and status.get("currentStepIndex") == 4)
    until(kubectl, lambda public: BETA_ROUTE not in public["metadata"]["annotations"], *PUBLIC)
    rollouts.run("promote", "--full")
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] != old
    # Not the weights: after `promote --full` the controller was seen to leave the last ones, by a stale cache. Both
    # Services select the same pods by then.

    serving.set("services.backend.strategy", None)
    serving.set("services.backend.blue.replicas", PODS)
    assert "the traffic of the Rollout is routed by alb" in refused(serving)
    serving.set("services.backend.strategy", "canary")
    serving.set("services.backend.canary", {"analysis": None, "steps": []})
    assert (
        "the release of Ingress public from the canary is refused (SY-R014): it sends requests by the weights"
        in refused(serving)
    )
    assert kubectl.get("service", "backend-stable")["spec"]["type"] == "NodePort"
    ingress(kubectl, "http")
    result = serving.up()
    assert result.ok, result.output
    serving.set("services.backend.strategy", None)
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "blue"


def test_the_weights_of_a_mesh_follow_the_steps_and_an_abort_resets_them(
    serving: Stack, sandbox: Sandbox, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    routed(serving, "istio", istio={"hosts": ["api.example.org"], "gateways": ["istio-system/public"]})
    define_istio(sandbox)
    result = serving.up()
    assert result.ok, result.output
    old = str(rollouts.wait_for("Healthy")["status"]["stableRS"])

    expect_shares(kubectl, {"stable": 100, "canary": 0})
    serving.set("services.backend.tag", "v2.0.0")
    result = serving.up()
    assert result.ok, result.output
    rollouts.wait(lambda status: status.get("phase") == "Paused" and status.get("currentStepIndex") == 2)
    expect_shares(kubectl, {"canary": 100}, {"stable": 83, "canary": 17})
    assert serving.planned() == {}
    assert serving.up("--refresh").ok
    expect_shares(kubectl, {"canary": 100}, {"stable": 83, "canary": 17})
    rollouts.run("abort")
    rollouts.wait(lambda status: status.get("abort") is True and not status.get("updatedReplicas"))
    expect_shares(kubectl, {"stable": 100, "canary": 0})
    rollouts.expect_pods({old: PODS})

    serving.set("services.backend.tag", "v1.0.0")
    serving.set("services.backend.canary", {"analysis": None, "steps": []})
    assert "istio-system/public routes requests to it" in refused(serving)
    expect_shares(kubectl, {"stable": 100, "canary": 0})
    routed(serving, "istio", istio={"hosts": ["api.example.org"]})
    result = serving.up()
    assert result.ok, result.output
    assert "will no longer route requests of gateway istio-system/public (SY-S016)" in result.output
    serving.set("services.backend.canary", {"analysis": None, "steps": []})
    serving.set("services.backend.servicePort", 80)
    result = serving.up()
    assert not result.ok
    assert "VirtualService backend routes to port 8000 of Services backend-canary and backend-stable" in result.output
    assert {port["port"] for port in kubectl.get("service", "backend-stable")["spec"]["ports"]} == {8000}
    serving.set("services.backend.servicePort", None)
    result = serving.up()
    assert result.ok, result.output
    assert "will no longer route requests of host api.example.org (SY-S016)" in result.output
    assert kubectl.get("virtualservices") == []
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == old


@pytest.mark.parametrize("traffic", ["alb", "istio"])
def test_a_router_before_the_strategy_migration_is_refused(
    stack: Stack, controlled: Sandbox, kubectl: Kubectl, traffic: str
) -> None:
    assert stack.up().ok
    stack.set("services.backend.strategy", "canary")
    stack.set("services.backend.tag", "v1.0.0")
    stack.set("services.backend.replicas", PODS)
    routed(stack, traffic, alb={"ingress": "public"})
    assert f"traffic {traffic} is refused (SY-R010): blue serves, not the Rollout" in refused(stack)
    assert kubectl.serving() == "blue"


def test_another_port_is_refused_while_the_rollout_serves(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.port", 9000)
    for result in (serving.preview(), serving.up()):
        assert not result.ok
        assert "a change of its port to 9000 is refused (SY-R018): Service backend targets port 8000" in result.output
    for service in ("backend", "backend-stable", "backend-canary"):
        assert kubectl.get("service", service)["spec"]["ports"][0]["targetPort"] == 8000
