"""Releases under load: no request fails."""

import time
from collections.abc import Callable

from devtools.benchmarks.load import Load
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.load import assert_new_connections_go, assert_nobody_noticed

SWITCHES = 20
RELEASES = ("v2.0.0", "v1.0.1", "v2.0.1", "v2.1.0", "v1.0.0")


def switch(stack: Stack, to: str) -> None:
    stack.set("services.backend.active", to)
    result = stack.up()
    assert result.ok, result.output


def test_the_smoke_test_of_real_nodes_is_a_real_one(stack: Stack) -> None:
    result = stack.up()
    assert result.ok, result.output
    assert "did not run" not in result.output
    assert "simulated" not in result.output


def test_a_version_that_answers_with_errors_fails_the_smoke_test(
    serving: Stack, kubectl: Kubectl, load: Callable[[], Load]
) -> None:
    serving.set("services.backend.gate", {"smoke": {"paths": [{"path": "/"}]}})
    serving.set("services.backend.green", {"tag": "v2.0.0-errors", "replicas": 3})
    serving.set("services.backend.active", "green")
    with load() as running:
        result = serving.up()
    assert not result.ok
    assert "GET / answered 500, expected 200" in result.output
    assert kubectl.serving() == "blue"
    assert_nobody_noticed(running.requests())
    assert {request.colour for request in running.requests()} == {"blue"}


def test_twenty_switches_and_rollbacks_fail_no_request(warm: Stack, kubectl: Kubectl, load: Callable[[], Load]) -> None:
    colours = ["green", "blue"] * (SWITCHES // 2)
    with History(kubectl.kubeconfig, kubectl.namespace) as history, load() as running:
        for colour in colours:
            switch(warm, colour)
            running.wait_for(colour)
    requests = running.requests()
    assert_nobody_noticed(requests)
    assert_new_connections_go(requests, ["blue", *colours])
    assert history.colours("backend") == ["blue", *colours]
    assert history.fewest_ready("backend") == 3


def test_warming_switching_and_retiring_in_one_update_fail_no_request(
    stack: Stack, kubectl: Kubectl, load: Callable[[], Load]
) -> None:
    stack.set("services.backend.drain", None)  # one test has the default
    assert stack.up().ok
    colours = [("green", "blue")[number % 2] for number in range(len(RELEASES))]
    with History(kubectl.kubeconfig, kubectl.namespace) as history, load() as running:
        for colour, tag in zip(colours, RELEASES, strict=True):
            old = "blue" if colour == "green" else "green"
            stack.set(f"services.backend.{colour}", {"tag": tag, "replicas": 3})
            stack.set(f"services.backend.{old}.replicas", 0)
            switch(stack, colour)
            running.wait_for(colour)
        # To the end of the last old pod, over whose kept connections requests still come.
        serving_pods = {pod["metadata"]["name"] for pod in kubectl.pods("green")}
        assert len(serving_pods) == 3
        old_pods = {pod["metadata"]["name"] for pod in kubectl.get("pods", "-l", "app=backend")} - serving_pods
        kubectl.wait("delete", *(f"pod/{name}" for name in sorted(old_pods)), seconds=120)
        gone = time.time()
        stack.set("services.backend.gate", {"timeoutSeconds": 31})
        assert stack.up().ok  # some more load, while nothing happens
    requests = running.requests()
    assert_nobody_noticed(requests)
    assert {request.version for request in requests if request.sent > gone} == {RELEASES[-1]}
    assert_new_connections_go(requests, ["blue", *colours])
    assert history.fewest_ready("backend") == 3
    for tag in RELEASES:
        assert tag in {request.version for request in requests}


def test_a_rolling_change_of_the_idle_colour_and_a_drain_of_a_worker_fail_no_request(
    warm: Stack, kubectl: Kubectl, sandbox: Sandbox, load: Callable[[], Load]
) -> None:
    node = sandbox.real_nodes[0].name
    with History(kubectl.kubeconfig, kubectl.namespace) as history, load() as running:
        warm.set("services.backend.green.tag", "v2.0.1")
        result = warm.up()
        assert result.ok, result.output
        try:
            kubectl.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
            left = kubectl.get("pods", f"--field-selector=spec.nodeName={node}")
        finally:
            kubectl.run("uncordon", node)
    assert left == [], "the drain took no pod away"
    requests = running.requests()
    assert_nobody_noticed(requests)
    assert {request.colour for request in requests} == {"blue"}
    assert len({request.pod for request in requests}) > 3, "no pod was replaced"
    # The budget lets a drain take one at a time.
    assert history.fewest_ready("backend") >= 2
