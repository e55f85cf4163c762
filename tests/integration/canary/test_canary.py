"""A canary by the real controller, judged by a real Prometheus on metrics that the test generates.

All tests share one stack: each begins with the version that serves, whichever it is, and releases a new one.
"""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.toolchain.versions import ARGO_ROLLOUTS
from tests.integration.canary.conftest import to_canary
from tests.support.exporter import Exporter, Traffic
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts
from tests.support.shared import Shared, backend_stack, fresh_namespace

GOOD = Traffic(rate=50)
PODS = 5
VERSIONS = (f"v{number}.0.0" for number in itertools.count(2))


@pytest.fixture(scope="module")
def of_module(
    sandbox: Sandbox, controlled: Sandbox, metrics: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """A stack with service `backend` under a canary of seconds instead of minutes, v1.0.0 serving."""
    with fresh_namespace(sandbox) as kubectl:
        stack = backend_stack(sandbox, kubectl.namespace, tmp_path_factory.mktemp("shared"))
        stack.set("services.backend", to_canary(stack.config["config"]["switchyard:services"]["backend"], metrics))
        first = stack.up()
        assert first.ok, first.output
        yield Shared(kubectl, stack, first)


@pytest.fixture
def kubectl(of_module: Shared) -> Kubectl:
    return of_module.kubectl


@pytest.fixture
def serving(of_module: Shared, rollouts: Rollouts) -> Iterator[Stack]:
    """The stack for one test; afterwards its settings are restored, and an aborted version is removed."""
    stack, before = of_module.stack, of_module.stack.snapshot()
    yield stack
    tag = tag_of(stack)
    stack.restore(before)
    if rollouts.get()["status"]["phase"] == "Healthy":
        stack.set("services.backend.tag", tag)
        return
    result = stack.up()
    assert result.ok, result.output
    rollouts.wait_for("Healthy")


def tag_of(stack: Stack) -> str:
    return str(stack.config["config"]["switchyard:services"]["backend"]["tag"])


def stable(rollouts: Rollouts) -> str:
    """Returns the pod-template hash of the version that serves before a release."""
    return str(rollouts.wait_for("Healthy")["status"]["stableRS"])


def release(stack: Stack) -> None:
    """Releases a new version; the canary has started when this returns."""
    stack.set("services.backend.tag", next(VERSIONS))
    result = stack.up()
    assert result.ok, result.output
    assert "kubectl argo rollouts get rollout backend" in result.output


def wait_for_pause(rollouts: Rollouts, step: int) -> None:
    """Waits until the canary is paused at a step."""
    rollouts.wait(lambda status: status.get("phase") == "Paused" and status.get("currentStepIndex") == step)


def expect_back(rollouts: Rollouts, old: str) -> None:
    """Asserts that the stable version has all of its pods and all of the traffic."""
    rollouts.wait(
        lambda status: (
            status.get("abort") is True
            and status.get("availableReplicas") == PODS
            and not status.get("updatedReplicas")
        )
    )
    rollouts.expect_pods({old: PODS})


def test_the_first_version_serves_with_all_its_pods_and_a_second_update_has_nothing_to_do(
    serving: Stack, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    assert rollouts.wait_for("Healthy")["status"]["availableReplicas"] == PODS
    assert kubectl.serving() == "rollout"
    assert serving.planned() == {}
    assert serving.outputs()["services"]["backend"]["active"] == "rollout"


def test_good_metrics_promote(serving: Stack, rollouts: Rollouts, exporter: Exporter) -> None:
    old = stable(rollouts)
    release(serving)
    new = rollouts.wait_for_new(old)
    exporter.set(new, GOOD)
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new
    rollouts.expect_pods({new: PODS, old: 0})
    assert serving.planned() == {}


@pytest.mark.parametrize(
    ("traffic", "metric"),
    [
        (Traffic(rate=50, failing=0.06), "success-rate"),
        (Traffic(rate=50, failing=1.0), "success-rate"),
        (Traffic(rate=50, slow=0.06), "latency-p95"),
    ],
    ids=["5xx just above", "nothing but 5xx", "p95 just above"],
)
def test_bad_metrics_abort_to_the_stable_version_and_end_the_waiting_update(
    serving: Stack, rollouts: Rollouts, exporter: Exporter, traffic: Traffic, metric: str
) -> None:
    old = stable(rollouts)
    serving.set("services.backend.canary.wait", "finished")
    serving.set("services.backend.tag", next(VERSIONS))
    update = serving.start("up", "--yes", "--skip-preview")
    exporter.set(rollouts.wait_for_new(old), traffic)
    output, _ = update.communicate()
    assert update.returncode != 0
    assert "the Rollout is Degraded" in output
    assert f"{metric} Failed" in output
    assert "Traceback" not in output
    expect_back(rollouts, old)


@pytest.mark.parametrize("traffic", [Traffic(rate=50, failing=0.04), Traffic(rate=50, slow=0.04)])
def test_what_is_just_within_the_thresholds_is_promoted(
    serving: Stack, rollouts: Rollouts, exporter: Exporter, traffic: Traffic
) -> None:
    old = stable(rollouts)
    release(serving)
    new = rollouts.wait_for_new(old)
    exporter.set(new, traffic)
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new


@pytest.mark.parametrize("traffic", [None, Traffic(rate=1)], ids=["no traffic", "too little of it"])
def test_without_traffic_nothing_is_concluded_and_a_human_decides(
    serving: Stack, rollouts: Rollouts, exporter: Exporter, traffic: Traffic | None
) -> None:
    old = stable(rollouts)
    release(serving)
    new = rollouts.wait_for_new(old)
    if traffic is not None:
        exporter.set(new, traffic)
    paused = rollouts.wait(
        lambda status: any("Inconclusive" in condition["reason"] for condition in status.get("pauseConditions", ()))
    )
    assert paused["status"]["phase"] == "Paused"
    rollouts.expect_pods({new: 1})
    rollouts.run("promote", "--full")
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new


def test_a_prometheus_that_does_not_answer_aborts_to_the_stable_version(serving: Stack, rollouts: Rollouts) -> None:
    old = stable(rollouts)
    serving.set("services.backend.canary.analysis.prometheus", "http://127.0.0.1:9")
    release(serving)
    expect_back(rollouts, old)


def test_a_metric_that_appears_late_is_waited_for(
    serving: Stack, rollouts: Rollouts, exporter: Exporter, kubectl: Kubectl
) -> None:
    old = stable(rollouts)
    serving.set("services.backend.canary.analysis.inconclusiveLimit", 7)
    serving.set("services.backend.canary.analysis.count", 9)
    release(serving)
    new = rollouts.wait_for_new(old)
    running = rollouts.wait(lambda status: "currentStepAnalysisRunStatus" in status["canary"])
    run = running["status"]["canary"]["currentStepAnalysisRunStatus"]["name"]
    kubectl.wait("jsonpath={.status.metricResults[0].inconclusive}", f"analysisrun/{run}")
    exporter.set(new, GOOD)
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new


def test_an_update_in_the_middle_of_a_canary_changes_nothing(
    serving: Stack, rollouts: Rollouts, exporter: Exporter
) -> None:
    old = stable(rollouts)
    release(serving)
    new = rollouts.wait_for_new(old)
    rollouts.wait(lambda status: status.get("currentStepIndex") == 1)
    before = rollouts.get()
    for arguments in ((), ("--refresh",)):
        assert serving.planned() == {}
        result = serving.up(*arguments)
        assert result.ok, result.output
    after = rollouts.get()
    assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
    exporter.set(new, GOOD)
    rollouts.run("promote", "--full")
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new


@pytest.fixture
def paused(serving: Stack) -> Stack:
    """The service whose next canary waits for a human at 20 %, and again at 60 %."""
    steps: list[dict[str, Any]] = [{"weight": 20}, {"pause": 0}, {"weight": 60}, {"pause": 0}]
    serving.set("services.backend.canary", {"steps": steps, "analysis": None})
    return serving


@pytest.mark.parametrize("promotions", [0, 1])
def test_an_abort_at_every_step_restores_all_stable_pods(paused: Stack, rollouts: Rollouts, promotions: int) -> None:
    old, tag = stable(rollouts), tag_of(paused)
    release(paused)
    for step in range(promotions):
        wait_for_pause(rollouts, step * 2 + 1)
        rollouts.run("promote")
    wait_for_pause(rollouts, promotions * 2 + 1)
    rollouts.run("abort")
    expect_back(rollouts, old)
    # The stack still asks for the version that was aborted, and says so.
    result = paused.up()
    assert not result.ok
    assert "the Rollout is Degraded" in result.output
    paused.set("services.backend.tag", tag)
    result = paused.up()
    assert result.ok, result.output
    assert stable(rollouts) == old


def test_a_second_version_during_a_canary_replaces_the_first(paused: Stack, rollouts: Rollouts) -> None:
    old = stable(rollouts)
    release(paused)
    first = rollouts.wait_for_new(old)
    rollouts.wait_for("Paused")
    release(paused)
    second = rollouts.wait_for_new(first)
    assert second != old
    wait_for_pause(rollouts, 1)
    rollouts.expect_pods({old: 4, first: 0, second: 1})
    rollouts.run("promote", "--full")
    assert stable(rollouts) == second
    rollouts.expect_pods({old: 0, second: PODS})


def test_the_share_of_pods_is_that_of_the_step(paused: Stack, rollouts: Rollouts, kubectl: Kubectl) -> None:
    old = stable(rollouts)
    release(paused)
    new = rollouts.wait_for_new(old)
    for step, pods in ((1, 1), (3, 3)):
        wait_for_pause(rollouts, step)
        rollouts.expect_pods({new: pods, old: PODS - pods})
        assert kubectl.get("service", "backend-canary")["spec"]["selector"]["rollouts-pod-template-hash"] == new
        assert kubectl.get("service", "backend-stable")["spec"]["selector"]["rollouts-pod-template-hash"] == old
        rollouts.run("promote")
    assert stable(rollouts) == new


def test_an_activated_environment_has_the_plugin() -> None:
    commands = Path(sys.prefix) / "bin"
    result = subprocess.run(
        [str(commands / "kubectl"), "argo", "rollouts", "version"],
        env={"PATH": str(commands)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"v{ARGO_ROLLOUTS}" in result.stdout, result.stderr


def test_the_dashboard_knows_the_rollout(serving: Stack, rollouts: Rollouts, kubectl: Kubectl) -> None:
    """Its API: pages are in the official release of the plugin only."""
    with rollouts.dashboard() as address, httpx.Client(trust_env=False, timeout=30) as client:
        listed = client.get(f"{address}/api/v1/rollouts/{kubectl.namespace}/info").raise_for_status().json()
    assert [listed_rollout["objectMeta"]["name"] for listed_rollout in listed["rollouts"]] == ["backend"]


def test_a_rollout_is_promoted_and_undone_by_command(paused: Stack, rollouts: Rollouts) -> None:
    # The last of the module: the stack does not know what it ends with.
    old = stable(rollouts)
    release(paused)
    rollouts.wait_for("Paused")
    rollouts.run("promote", "--full")
    new = stable(rollouts)
    assert new != old
    rollouts.run("undo")
    assert rollouts.wait_for_new(new) == old
    rollouts.run("promote", "--full")
    assert stable(rollouts) == old
