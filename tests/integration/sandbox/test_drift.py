"""Somebody changes the cluster by hand: the change is detected and repaired, and nothing that serves is removed."""

import json
import shlex

import pytest

from devtools.engine import Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl

pytestmark = pytest.mark.shared_stack

TO_GREEN = '{"spec": {"selector": {"version": "green"}}}'


def test_a_selector_patched_by_hand_is_reported_and_repaired_and_retires_nothing_that_serves(
    serving: Stack, kubectl: Kubectl
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok

    # Every preview warns of it, an update ends in an error and does not say that all is well.
    kubectl.run("patch", "service", "backend", "-p", TO_GREEN)
    assert "green serves on the cluster, though the stack has blue" in serving.preview().output
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert not result.ok
        assert "error: backend: green serves on the cluster, though the stack has blue" in result.output
        assert "pulumi up --refresh" in result.output
        assert "Traceback" not in result.output
        assert serving.outputs()["services"]["backend"]["active"] == "green"
        assert kubectl.serving() == "green"

        # A refresh shows it and puts it right.
        assert '~ version: "green" => "blue"' in serving.preview("--refresh").output
        result = serving.up("--refresh")
        assert result.ok, result.output
        assert kubectl.serving() == "blue"
        assert serving.planned() == {}

        # What serves by hand is not retired by a stack that has it idle.
        kubectl.run("patch", "service", "backend", "-p", TO_GREEN)
        serving.set("services.backend.green.replicas", 0)
        serving.set("services.backend.gate", {"timeoutSeconds": 5})
        result = serving.up()
        assert not result.ok
        assert "Service backend on the cluster selects green, not blue as the stack has it" in result.output
        assert "pulumi refresh" in result.output
        assert len(kubectl.pods("green")) == 3
        result = serving.up("--refresh")
        assert result.ok, result.output
    assert history.fewest_ready("backend") == 3
    assert kubectl.serving() == "blue"
    kubectl.expect_pods(green=0)


def test_a_switch_of_single_resources_is_refused_before_anything_is_changed(serving: Stack, kubectl: Kubectl) -> None:
    """The engine would fail half-way with "Duplicate resource URN"."""
    before = serving.snapshot()
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    result = serving.up("--target", "**$kubernetes:core/v1:Service::backend")
    serving.restore(before)
    assert not result.ok
    assert "backend: the switch from blue to green is refused (SY-S019)" in result.output
    assert "Duplicate resource URN" not in result.output
    assert (kubectl.serving(), kubectl.pods("green")) == ("blue", [])


def test_a_colour_scaled_by_hand_and_a_port_changed_by_hand_are_repaired(serving: Stack, kubectl: Kubectl) -> None:
    kubectl.run("scale", "deployment", "backend-blue", "--replicas=1")
    closed = [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9000}]
    kubectl.run("patch", "service", "backend", "--type=json", "-p", json.dumps(closed))
    assert "Service backend on the cluster targets port 9000 of its pods, which listen on 8000" in serving.up().output
    refresh = serving.run("refresh", "--yes", "--diff")
    assert "replicas" in refresh.output
    result = serving.up()
    assert result.ok, result.output
    kubectl.expect_pods(blue=3)
    assert kubectl.get("service", "backend")["spec"]["ports"][0]["targetPort"] == 8000


def test_a_label_added_to_the_selector_by_hand_is_named_with_the_command_that_removes_it(
    serving: Stack, kubectl: Kubectl
) -> None:
    kubectl.run("patch", "service", "backend", "-p", '{"spec": {"selector": {"tier": "web"}}}')
    result = serving.up("--refresh")
    assert not result.ok
    assert "selects app=backend,tier=web,version=blue, though the stack has blue" in result.output
    [command] = {line.partition("Remove it: kubectl ")[2] for line in result.output.splitlines()} - {""}
    kubectl.run(*shlex.split(command)[2:])
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.get("service", "backend")["spec"]["selector"] == {"app": "backend", "version": "blue"}


def test_a_service_deleted_by_hand_fails_an_update_and_comes_back_by_a_refresh(
    serving: Stack, kubectl: Kubectl
) -> None:
    kubectl.run("delete", "service", "backend-green")
    kubectl.run("delete", "serviceaccount", "backend")
    kubectl.run("delete", "poddisruptionbudget", "backend-blue")
    kubectl.run("annotate", "deployment", "backend-green", "switchyard/stack=other", "--overwrite")
    preview = serving.preview().output.splitlines()
    [line] = {line for line in preview if "are not on the cluster, though the stack has them" in line}
    for gone in ("PodDisruptionBudget/backend-blue", "Service/backend-green", "ServiceAccount/backend"):
        assert f"{gone} in namespace {kubectl.namespace}" in line
    assert "pulumi up --refresh" in line
    marked = f"Deployment/backend-green in namespace {kubectl.namespace} is marked as that of stack switchyard/other"
    [line] = {line for line in preview if f"{marked} (by kubectl-annotate)" in line}
    kubectl.run(*shlex.split(line.partition("restore it: kubectl ")[2])[2:])
    kubectl.run("delete", "service", "backend")
    result = serving.up()
    assert not result.ok
    assert "there is no Service backend on the cluster, though the stack has blue" in result.output
    result = serving.up("--refresh")
    assert result.ok, result.output
    assert kubectl.serving() == "blue"
    assert "not on the cluster" not in result.output
    kubectl.run("get", "serviceaccount/backend", "poddisruptionbudget/backend-blue", "service/backend-green")


def test_a_change_of_the_serving_pods_that_the_engine_cannot_see_is_refused(serving: Stack, kubectl: Kubectl) -> None:
    """By its own record the engine would add one pod; what it sends would replace those that run as well.

    The last of the module: it leaves the pods as somebody changed them.
    """
    kubectl.run("set", "image", "deployment/backend-blue", "app=ghcr.io/org/backend:by-hand")
    kubectl.run("rollout", "status", "deployment/backend-blue", "--timeout=60s")
    before = {pod["metadata"]["uid"] for pod in kubectl.pods("blue")}
    by_hand, configured = "ghcr.io/org/backend:by-hand", "ghcr.io/org/backend:v1.0.0"
    result = serving.up()
    assert not result.ok
    assert f"pods of blue run {by_hand} (set by kubectl-set), though the stack has {configured}" in result.output

    serving.set("services.backend.blue.replicas", 4)
    result = serving.up()
    assert not result.ok
    assert "a change of the pods of blue is refused (SY-S004): blue is serving" in result.output
    assert f"this would change container app: image {by_hand} => {configured} (set by kubectl-set)" in result.output
    assert {pod["metadata"]["uid"] for pod in kubectl.pods("blue")} == before
