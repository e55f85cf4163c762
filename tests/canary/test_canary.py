"""A canary by the real controller, judged by a real Prometheus on metrics that the test makes up."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from render import canary as render
from render.analysis import templates
from sandbox import Sandbox
from sandbox.rollouts import define_istio
from sandbox.stack import Stack
from settings.service import CanarySettings
from tests.canary.canary_backend import GOOD, PODS, expect_back, release, stable
from tests.canary.exporter import Exporter, Traffic
from tests.canary.rollouts import Rollouts
from tests.sandbox.kubectl import Kubectl
from toolchain.versions import ARGO_ROLLOUTS


def everything(stack: Stack, traffic: str) -> CanarySettings:
    """The service with every setting of a canary given."""
    raw = copy.deepcopy(stack.config["config"]["switchyard:services"]["backend"])
    raw["canary"] |= {
        "steps": [{"weight": 20}, {"pause": 0}, {"weight": 60}, {"pause": 30}, {"analysis": True}],
        "maxSurge": 2,
        "antiAffinity": True,
        "rollbackWindowRevisions": 3,
        "canaryMetadata": {"labels": {"role": "canary"}, "annotations": {"example.org/role": "canary"}},
        "stableMetadata": {"labels": {"role": "stable"}},
    }
    raw["canary"]["analysis"] |= {"background": True, "labels": {"namespace": "default"}}
    if traffic != "replicas":
        by_header = {"name": "header", "header": "X-Group", "value": "beta"}
        by_cookie = {"name": "cookie", "cookie": "group", "value": "beta"}
        raw["canary"] |= {
            "traffic": traffic,
            "alb": {"ingress": "public", "stickinessSeconds": 60},
            "istio": {"hosts": ["api.example.org"], "gateways": ["istio-system/public"]},
            "scaleDownDelaySeconds": 60,
            "abortScaleDownDelaySeconds": 60,
        }
        raw["canary"]["steps"] += [
            {"scale": {"replicas": 2}},
            *({"route": route} for route in (by_header, by_cookie, {"name": "cookie"})),
            {"scale": {"percent": 50}},
            {"scale": {"matchWeight": True}},
            {"analysis": ["latency-p95"]},
        ]
    return CanarySettings.model_validate(raw)


def test_the_first_version_serves_with_all_its_pods_and_a_second_update_has_nothing_to_do(
    serving: Stack, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    status = rollouts.get()["status"]
    assert (status["phase"], status["availableReplicas"]) == ("Healthy", PODS)
    assert kubectl.serving() == "rollout"
    assert serving.planned() == {}
    assert serving.outputs()["services"]["backend"]["active"] == "rollout"


def test_good_metrics_promote(serving: Stack, rollouts: Rollouts, exporter: Exporter) -> None:
    old = stable(rollouts)
    release(serving)
    new = rollouts.wait_for_new(old)
    exporter.set(new, GOOD)
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new
    assert (rollouts.pods(new), rollouts.pods(old)) == (PODS, 0)
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
def test_bad_metrics_bring_the_old_version_back_and_end_the_update_that_waits(
    serving: Stack, rollouts: Rollouts, exporter: Exporter, traffic: Traffic, metric: str
) -> None:
    old = stable(rollouts)
    serving.set("services.backend.canary.wait", "finished")
    serving.set("services.backend.tag", "v2.0.0")
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
        lambda status: any("Inconclusive" in one["reason"] for one in status.get("pauseConditions", ()))
    )
    assert paused["status"]["phase"] == "Paused"
    assert rollouts.pods(new) == 1
    rollouts.run("promote", "--full")
    assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new


def test_a_prometheus_that_does_not_answer_brings_the_old_version_back(serving: Stack, rollouts: Rollouts) -> None:
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
    assert [one["objectMeta"]["name"] for one in listed["rollouts"]] == ["backend"]


@pytest.mark.parametrize("traffic", ["replicas", "alb", "istio"])
def test_every_object_is_taken_by_a_strict_api_server_and_the_linter(
    canary: Stack, sandbox: Sandbox, rollouts: Rollouts, kubectl: Kubectl, tmp_path: Path, traffic: str
) -> None:
    """With every setting given."""
    service = everything(canary, traffic)
    manifests = [render.rollout("backend", service), *templates("backend", service)]
    if traffic == "istio":
        define_istio(sandbox)
        manifests.append(render.virtual_service("backend", service))
    for manifest in manifests:
        file = tmp_path / f"{manifest['kind']}-{manifest['metadata']['name']}.json"
        file.write_text(json.dumps(manifest))
        kubectl.run(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f", str(file)
        )
    lint = tmp_path / "all.yaml"
    lint.write_text(yaml.safe_dump_all(manifests))
    rollouts.lint(lint)
