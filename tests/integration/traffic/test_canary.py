"""A canary under load: the share of each version, and a strategy migration without a failed request."""

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from devtools.benchmarks.load import Load, Request
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.prometheus import prometheus, scraping
from devtools.sandbox.rollouts import argo_rollouts
from devtools.toolchain.install import installed_from
from devtools.toolchain.versions import GROUPS
from tests.integration.traffic.conftest import ON_KIND
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.load import assert_nobody_noticed
from tests.support.rollouts import Rollouts

MISSING = [tool.name for tool in GROUPS["canary"] if installed_from(tool) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} missing; run: make tools-canary"),
    pytest.mark.skipif(ON_KIND, reason="the controller runs beside the sandbox's own API server"),
]

PODS = 5
WINDOW_SECONDS = 8
"""Seconds of load in which a share is counted."""

ROUTES_SECONDS = 60
"""Bound on the time after which every node routes to the pods of a step."""

POLL_SECONDS = 0.2
"""Between two looks at the rules of the nodes, which cannot be watched."""

SIGMAS = 4
"""Width of the bound on a share: a correct one is outside it once in 16,000 times."""


@pytest.fixture(scope="module")
def metrics(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Argo Rollouts, and a Prometheus that scrapes the pods; yields its address."""
    folder = tmp_path_factory.mktemp("canary")
    configuration = scraping(sandbox.kubeconfig)
    configuration["global"]["scrape_interval"] = "1s"
    with argo_rollouts(sandbox, folder / "rollouts.log"), prometheus(folder, configuration) as address:
        yield address


def canary(stack: Stack, metrics: str, **settings: Any) -> None:
    """Puts service `backend` under a canary of seconds instead of minutes, of the version that serves."""
    backend = stack.config["config"]["switchyard:services"]["backend"]
    analysis = {"prometheus": metrics, "windowSeconds": 5, "intervalSeconds": 1, "count": 40, "minRequests": 10}
    # Prometheus finds new pods within seconds, and on a busy machine later: until then there are too few requests.
    limits = {"failureLimit": 1, "inconclusiveLimit": 30, "initialDelaySeconds": 5}
    steps = [{"weight": 20}, {"analysis": True}, {"weight": 60}, {"analysis": True}]
    settings = {"steps": steps, "analysis": analysis | limits} | settings
    stack.set(
        "services.backend", backend | {"strategy": "canary", "tag": "v1.0.0", "replicas": PODS, "canary": settings}
    )


def update(stack: Stack) -> None:
    result = stack.up()
    assert result.ok, result.output


def expect_routes(sandbox: Sandbox, kubectl: Kubectl) -> None:
    """Waits until every node routes to the pods of the Rollout alone: kube-proxy follows a step a moment later."""
    route = re.compile(rf'"{kubectl.namespace}/backend:http -> ([\d.]+):')
    limit = time.monotonic() + ROUTES_SECONDS
    while True:
        pods = {pod["status"].get("podIP") for pod in kubectl.pods("rollout")}
        routes = [set(route.findall(node.run("iptables-save", "-t", "nat"))) for node in sandbox.real_nodes]
        if len(pods) == PODS and all(addresses == pods for addresses in routes):
            return
        assert time.monotonic() < limit, (pods, routes)
        time.sleep(POLL_SECONDS)


def share_is(requests: Sequence[Request], version: str, weight: float) -> None:
    """Asserts the share that a version got of the requests over new connections, which are independent draws."""
    new = [request for request in requests if not request.keep_alive]
    got = sum(request.version == version for request in new) / len(new)
    bound = SIGMAS * math.sqrt(weight * (1 - weight) / len(new))
    assert abs(got - weight) <= bound, f"{got:.3f} of {len(new)}, wanted {weight} +- {bound:.3f}"


def test_a_strategy_migration_to_a_canary_and_back_fails_no_request(
    serving: Stack, kubectl: Kubectl, metrics: str, load: Callable[[], Load]
) -> None:
    with History(kubectl.kubeconfig, kubectl.namespace) as history, load() as running:
        canary(serving, metrics)
        update(serving)
        assert kubectl.serving() == "rollout"
        # To the end of the old pods, over whose kept connections requests still come.
        kubectl.run("wait", "--for=delete", "pod", "-l", "app=backend,version=blue", "--timeout=120s")
        serving.set("services.backend.strategy", None)
        serving.set("services.backend.blue.replicas", PODS)
        update(serving)
        kubectl.run("wait", "--for=delete", "pod", "-l", "app=backend,version=rollout", "--timeout=120s")
    requests = running.requests()
    assert_nobody_noticed(requests)
    assert {request.colour for request in requests} == {"blue", "rollout"}
    assert history.colours("backend") == ["blue", "rollout", "blue"]
    assert history.fewest_ready("backend") >= 3


def test_each_step_gives_the_new_version_its_share_and_the_whole_canary_fails_no_request(
    serving: Stack, kubectl: Kubectl, sandbox: Sandbox, metrics: str, load: Callable[[], Load]
) -> None:
    canary(serving, metrics, steps=[{"weight": 20}, {"pause": 0}, {"weight": 60}, {"pause": 0}], analysis=None)
    update(serving)
    rollouts = Rollouts(kubectl)
    serving.set("services.backend.tag", "v2.0.0")
    windows = []
    with load() as whole:
        update(serving)
        for step, weight in ((1, 0.2), (3, 0.6)):
            rollouts.wait(
                lambda status, at=step: status.get("phase") == "Paused" and status.get("currentStepIndex") == at  # type: ignore[misc]
            )
            expect_routes(sandbox, kubectl)
            began = time.time()
            time.sleep(WINDOW_SECONDS)
            windows.append((weight, began, time.time()))
            rollouts.run("promote")
        rollouts.wait_for("Healthy")
    requests = whole.requests()
    assert_nobody_noticed(requests)
    for weight, began, ended in windows:
        share_is([request for request in requests if began < request.sent < ended], "v2.0.0", weight)


def test_a_bad_version_reaches_no_more_than_its_share_before_it_is_aborted(
    serving: Stack, kubectl: Kubectl, metrics: str, load: Callable[[], Load]
) -> None:
    canary(serving, metrics)
    serving.set("services.backend.gate", {"smoke": {"enabled": False}})
    update(serving)
    rollouts = Rollouts(kubectl)
    serving.set("services.backend.tag", "v2.0.0-errors")
    with load() as running:
        update(serving)
        rollouts.wait(lambda status: status.get("abort") is True)
    requests = running.requests()
    bad = [request for request in requests if request.version.startswith("v2.0.0")]
    assert bad
    assert {request.status for request in bad} == {500}
    assert_nobody_noticed([request for request in requests if request not in bad])
    # One pod of five has it, for a part of the time.
    assert len(bad) / len(requests) <= 1 / PODS
    [run] = kubectl.get("analysisruns")
    assert run["status"]["phase"] == "Failed"
