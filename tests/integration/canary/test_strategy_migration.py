"""From two colours to a canary and back: new pods ready, then the Service, then the old pods."""

import json
from typing import Any

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.faults import NEVER_READY
from tests.integration.canary.conftest import to_canary
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.rollouts import kill_once_the_rollout_exists


def backend(stack: Stack) -> dict[str, Any]:
    service: dict[str, Any] = stack.config["config"]["switchyard:services"]["backend"]
    return service


@pytest.fixture
def two_colours(stack: Stack, controlled: Sandbox) -> Stack:
    """Blue serves, in two colours."""
    result = stack.up()
    assert result.ok, result.output
    return stack


def test_a_service_migrates_and_back_in_one_update_each(two_colours: Stack, kubectl: Kubectl, metrics: str) -> None:
    service = kubectl.get("service", "backend")
    two_colours.set("services.backend", to_canary(backend(two_colours), metrics))
    preview = two_colours.planned()
    assert preview["backend"] == "update"
    assert preview["backend-rollout"] == "create"
    assert preview["backend-blue"] == "delete"
    assert "backend-account" not in preview
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = two_colours.up()
        assert result.ok, result.output
        assert kubectl.serving() == "rollout"
        assert two_colours.planned() == {}
        two_colours.set("services.backend.strategy", None)
        result = two_colours.up()
        assert not result.ok
        assert "blue.replicas is 3, but rollout serves with 5 ready pods" in result.output
        two_colours.set("services.backend.blue.replicas", 5)
        result = two_colours.up()
        assert result.ok, result.output
    assert kubectl.serving() == "blue"
    assert two_colours.planned() == {}
    assert history.colours("backend") == ["blue", "rollout", "blue"]
    assert history.fewest_ready("backend") >= 3
    kubectl.expect_pods(rollout=0, blue=5)
    now = kubectl.get("service", "backend")
    assert now["metadata"]["uid"] == service["metadata"]["uid"]
    assert now["spec"]["ports"] == service["spec"]["ports"]


def test_a_rollout_that_is_never_ready_leaves_the_colour_serving_and_the_next_update_finishes(
    two_colours: Stack, kubectl: Kubectl, metrics: str
) -> None:
    bad = to_canary(backend(two_colours), metrics) | {"tag": f"v1.0.0{NEVER_READY}", "readyTimeoutSeconds": 5}
    two_colours.set("services.backend", bad)
    result = two_colours.up()
    assert not result.ok
    assert "the strategy migration to the Rollout is refused" in result.output
    assert "0 of 5 pods available" in result.output
    assert "Traceback" not in result.output
    assert kubectl.serving() == "blue"
    kubectl.expect_pods(blue=3)
    two_colours.set("services.backend.tag", "v1.0.0")
    two_colours.set("services.backend.readyTimeoutSeconds", None)
    result = two_colours.up()
    assert result.ok, result.output
    assert kubectl.serving() == "rollout"
    kubectl.expect_pods(blue=0, rollout=5)


def test_an_engine_killed_in_the_migration_leaves_users_served_and_the_next_update_finishes(
    two_colours: Stack, kubectl: Kubectl, metrics: str
) -> None:
    two_colours.set("services.backend", to_canary(backend(two_colours), metrics))
    kill_once_the_rollout_exists(two_colours, kubectl)
    assert len(kubectl.pods(kubectl.serving())) >= 3
    result = two_colours.up("--refresh")
    assert result.ok, result.output
    assert kubectl.serving() == "rollout"
    kubectl.expect_pods(blue=0, rollout=5)
    assert two_colours.planned() == {}


def test_a_selector_that_somebody_else_changed_is_named(two_colours: Stack, kubectl: Kubectl, metrics: str) -> None:
    two_colours.set("services.backend", to_canary(backend(two_colours), metrics))
    assert two_colours.up().ok
    selector = {"spec": {"selector": {"rollouts-pod-template-hash": "abc"}}}
    kubectl.run("patch", "service", "backend", "-p", json.dumps(selector))
    result = two_colours.up()
    assert not result.ok
    assert "selects app=backend,rollouts-pod-template-hash=abc,version=rollout" in result.output
    assert "Remove it: kubectl" in result.output
