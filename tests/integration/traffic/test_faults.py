"""Faults under load. Each test says beforehand what may fail, and asserts that its fault happened."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil

from devtools.benchmarks.load import Load
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.faults import CRASH_AFTER_READY, CRASH_LOOP, NEVER_READY
from devtools.sandbox.processes import stopped
from devtools.sandbox.real_node import RealNode
from devtools.sandbox.tags import CRASH_SECONDS
from tests.support.killed_engine import HeldWrite, kill_at_write
from tests.support.kubectl import Kubectl
from tests.support.load import assert_new_connections_go, assert_nobody_noticed, failures

PATIENCE = 30
"""`readyTimeoutSeconds` where green is not going to get ready."""

CRASHED_SECONDS = 2 * CRASH_SECONDS
"""Bound on the crash of a version, however late its pods were started."""

Begin = Callable[..., Load]


def green_of(stack: Stack, tag: str, **settings: object) -> None:
    """A release of green in one update, blue kept warm."""
    for key, value in settings.items():
        stack.set(f"services.backend.{key}", value)
    stack.set("services.backend.green", {"tag": tag, "replicas": 3})
    stack.set("services.backend.active", "green")


def worker(sandbox: Sandbox, name: str) -> RealNode:
    [node] = [node for node in sandbox.real_nodes if node.name == name]
    return node


def killed(process: int) -> None:
    """Kills a process and waits for its end."""
    process_ = psutil.Process(process)
    process_.kill()
    psutil.wait_procs([process_])
    assert not process_.is_running()


def expect_crashes(kubectl: Kubectl) -> list[float]:
    """Waits until the container of every pod of green has crashed; returns when, in Unix seconds."""
    names = [pod["metadata"]["name"] for pod in kubectl.pods("green")]
    assert len(names) == 3
    crashed = "jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=1"
    kubectl.wait(crashed, *(f"pod/{name}" for name in names), seconds=CRASHED_SECONDS)
    containers = [kubectl.get("pod", name)["status"]["containerStatuses"][0] for name in names]
    ends = [container["lastState"]["terminated"]["finishedAt"] for container in containers]
    return [datetime.fromisoformat(end).timestamp() for end in ends]


def test_a_green_that_never_gets_ready_fails_no_request(serving: Stack, kubectl: Kubectl, load: Begin) -> None:
    green_of(serving, f"v2.0.0{NEVER_READY}", readyTimeoutSeconds=PATIENCE)
    with load() as running:
        result = serving.up()
    assert not result.ok
    assert "3 running, but its readiness probe does not succeed" in result.output
    assert kubectl.serving() == "blue"
    assert_nobody_noticed(running.requests())


def test_a_green_that_crashes_before_the_gate_fails_no_request(serving: Stack, kubectl: Kubectl, load: Begin) -> None:
    green_of(serving, f"v2.0.0{CRASH_LOOP}", readyTimeoutSeconds=PATIENCE)
    with load() as running:
        result = serving.up()
    assert not result.ok
    expect_crashes(kubectl)
    assert kubectl.serving() == "blue"
    assert_nobody_noticed(running.requests())


def test_a_green_that_crashes_at_the_gate_fails_no_request(serving: Stack, kubectl: Kubectl, load: Begin) -> None:
    # The smoke test's request is under way for longer than the pods live.
    serving.set("services.backend.gate", {"smoke": {"paths": [{"path": "/"}], "attempts": 1, "timeoutSeconds": 60}})
    serving.set("services.backend.active", "green")
    slow = {"LATENCY_MS": str((CRASH_SECONDS + 10) * 1000)}
    serving.set("services.backend.green", {"tag": f"v2.0.0{CRASH_AFTER_READY}", "replicas": 3, "env": slow})
    with load() as running:
        result = serving.up()
    assert not result.ok
    assert "the switch to green is refused (SY-S003): the smoke test failed: GET /" in result.output
    expect_crashes(kubectl)
    assert kubectl.serving() == "blue"
    assert_nobody_noticed(running.requests())


def test_a_green_that_crashes_after_the_switch_fails_requests_only_until_the_rollback(
    serving: Stack, kubectl: Kubectl, load: Begin
) -> None:
    """May fail: what green is asked from its first crash to the rollback."""
    green_of(serving, f"v2.0.0{CRASH_AFTER_READY}")
    with load() as running:
        result = serving.up()
        assert result.ok, result.output
        assert kubectl.serving() == "green"
        crashes = expect_crashes(kubectl)
        serving.set("services.backend.active", "blue")
        result = serving.up()
        assert result.ok, result.output
        back = load("v1.0.0")
        with back:
            kubectl.run("rollout", "status", "deployment/backend-green", "--timeout=120s")
    requests = running.requests()
    assert failures(requests), "the crash was not noticed, so it did not happen under load"
    assert not failures([request for request in requests if request.done < min(crashes)])
    assert not failures([request for request in back.requests() if not request.keep_alive])


def test_a_kubelet_that_dies_in_the_middle_of_a_switch_fails_no_request(
    warm: Stack, kubectl: Kubectl, own_nodes: Sandbox, load: Begin, tmp_path: Path
) -> None:
    node = worker(own_nodes, "k8s-worker-2")
    warm.set("services.backend.active", "green")
    with HeldWrite(kubectl, tmp_path, "Service backend") as held, load() as running:
        engine = warm.start("up", "--yes", "--skip-preview")
        held.wait()
        killed(node.processes()["kubelet"])
        assert kubectl.serving() == "blue"
        held.allow()
        output, _ = engine.communicate()
        assert engine.returncode == 0, output
        assert "kubelet" not in node.processes()
        own_nodes.up()
        assert "kubelet" in node.processes()
    assert kubectl.serving() == "green"
    assert_nobody_noticed(running.requests())


def test_a_kube_proxy_stopped_at_the_switch_is_named_and_the_old_colour_kept_until_it_follows(
    warm: Stack, kubectl: Kubectl, own_nodes: Sandbox, load: Begin
) -> None:
    """The node continues to send new connections to blue, so nothing fails as long as blue stays."""
    node = worker(own_nodes, "k8s-worker-2")
    with load() as running:
        with stopped(node.processes()["kube-proxy"]):
            warm.set("services.backend.active", "green")
            result = warm.up()
            assert result.ok, result.output
            assert "not every node follows: kube-proxy on k8s-worker-2 does not answer" in result.output
            assert kubectl.serving() == "green"

            warm.set("services.backend.gate", {"timeoutSeconds": 5})
            warm.set("services.backend.blue.replicas", 0)
            result = warm.up()
            assert not result.ok
            assert "kube-proxy on k8s-worker-2 does not answer" in result.output
            assert len(kubectl.pods("blue")) == 3
            still = time.time()
        warm.set("services.backend.gate", None)
        result = warm.up()
        assert result.ok, result.output
        running.wait_for("green")
    requests = running.requests()
    assert_nobody_noticed(requests)
    last = [request for request in requests if not request.keep_alive and request.sent < still][-100:]
    assert {request.colour for request in last if request.node == node.address} == {"blue"}
    assert {request.colour for request in last if request.node != node.address} == {"green"}
    assert_new_connections_go(requests, ["blue", "green"])


def test_an_api_server_that_dies_in_the_middle_of_a_switch_fails_no_request(
    warm: Stack, kubectl: Kubectl, own_nodes: Sandbox, load: Begin, tmp_path: Path
) -> None:
    """The update may fail, the next one converges."""
    warm.set("services.backend.active", "green")
    with HeldWrite(kubectl, tmp_path, "Service backend") as held, load() as running:
        engine = warm.start("up", "--yes", "--skip-preview")
        held.wait()
        assert kubectl.serving() == "blue"
        killed(own_nodes.processes()["kube-apiserver"])
        engine.communicate()
        assert "kube-apiserver" not in own_nodes.processes()
        own_nodes.up()
        result = warm.up("--refresh")
        assert result.ok, result.output
    assert kubectl.serving() == "green"
    assert warm.planned() == {}
    assert_nobody_noticed(running.requests())


def test_an_engine_killed_in_the_middle_of_a_switch_fails_no_request(
    warm: Stack, kubectl: Kubectl, load: Begin, tmp_path: Path
) -> None:
    warm.set("services.backend.active", "green")
    with load() as running:
        kill_at_write(warm, HeldWrite(kubectl, tmp_path, "Service backend"), written=True)
        assert warm.run("cancel", "--yes").ok
        result = warm.up()
        assert result.ok, result.output
    assert kubectl.serving() == "green"
    assert_nobody_noticed(running.requests())
