"""Argo Rollouts' own blue/green, by the real controller: releases, and hand-overs from two colours and back."""

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.access import ClusterAccess
from gate.cluster import HELD
from render import argo_blue_green as render
from render.canary import disruption_budget, version_service
from render.pods import active_service
from sandbox import Sandbox
from sandbox.faults import NEVER_READY
from sandbox.stack import Stack
from settings.service import ArgoBlueGreenSettings, Track
from switchyard.status import look
from tests.canary.exporter import Exporter, Traffic
from tests.canary.rollouts import Rollouts
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl

HASH = "rollouts-pod-template-hash"
PODS = 3
GOOD, BAD = Traffic(rate=50), Traffic(rate=50, failing=0.5)


def backend(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = stack.config["config"]["switchyard:services"]["backend"]
    return found


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
    """The Rollout serves v1.0.0; a release waits for somebody to promote it."""
    stack.set("services.backend", to_argo(backend(stack), autoPromotion={"enabled": False}))
    result = stack.up()
    assert result.ok, result.output
    return stack


def selected(kubectl: Kubectl, service: str = "backend") -> dict[str, str]:
    found: dict[str, str] = kubectl.get("service", service)["spec"]["selector"]
    return found


def hashes(history: History) -> set[str | None]:
    """Of the versions that Service `backend` led to, None for all of them at once."""
    return {
        event["object"]["spec"]["selector"].get(HASH)
        for event in history.events
        if event["object"]["kind"] == "Service" and event["object"]["metadata"]["name"] == "backend"
    }


def stable(rollouts: Rollouts) -> str:
    """Hash of the version that serves before a release."""
    return str(rollouts.wait_for("Healthy")["status"]["stableRS"])


def release(stack: Stack, tag: str = "v2.0.0") -> None:
    stack.set("services.backend.tag", tag)
    result = stack.up()
    assert result.ok, result.output
    assert "kubectl argo rollouts get rollout backend" in result.output


def test_a_release_waits_at_the_preview_for_somebody_to_promote_it_and_no_update_changes_that(
    manual: Stack, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    old = stable(rollouts)
    assert selected(kubectl) == {"app": "backend", HASH: old}
    assert manual.planned() == {}
    assert manual.outputs()["services"]["backend"]["active"] == "rollout"
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        release(manual)
        new = str(rollouts.wait_for("Paused")["status"]["currentPodHash"])
        before = rollouts.get()
        for arguments in ((), ("--refresh",)):
            assert manual.planned() == {}
            result = manual.up(*arguments)
            assert result.ok, result.output
        # Another field of the Service, while its selector is the controller's.
        manual.set("services.backend.nodePort", 31987)
        assert manual.planned() == {"backend": "update"}
        result = manual.up()
        assert result.ok, result.output
        assert kubectl.get("service", "backend")["spec"]["ports"][0]["nodePort"] == 31987
        assert selected(kubectl) == {"app": "backend", HASH: old}
        assert selected(kubectl, "backend-preview")[HASH] == new
        after = rollouts.get()
        assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
        [status] = asyncio.run(
            look(
                ClusterAccess(str(kubectl.kubeconfig)),
                {"backend": ArgoBlueGreenSettings.model_validate(backend(manual))},
            )
        )
        assert (status.serving, status.tracks[Track.ROLLOUT].ready) == (Track.ROLLOUT, PODS)
        rollouts.run("promote")
        assert stable(rollouts) == new
    assert selected(kubectl) == {"app": "backend", HASH: new}
    assert hashes(history) == {old, new}
    assert history.fewest_ready("backend") == PODS


def test_a_release_is_promoted_by_itself_and_its_analyses_succeed(
    stack: Stack, controlled: Sandbox, kubectl: Kubectl, rollouts: Rollouts, exporter: Exporter, metrics: str
) -> None:
    argo = {"prePromotion": measured(metrics), "postPromotion": measured(metrics), "wait": "finished"}
    stack.set("services.backend", to_argo(backend(stack), **argo))
    result = stack.up()
    assert result.ok, result.output
    old = stable(rollouts)
    stack.set("services.backend.tag", "v2.0.0")
    update = stack.start("up", "--yes", "--skip-preview")
    new = rollouts.wait_for_new(old)
    exporter.set(new, GOOD)
    output, _ = update.communicate()
    assert update.returncode == 0, output
    assert "v2.0.0: Healthy" in output
    assert selected(kubectl)[HASH] == new
    runs = kubectl.get("analysisruns", "-l", f"{HASH}={new}")
    assert [run["status"]["phase"] for run in runs] == ["Successful", "Successful"]


@pytest.mark.parametrize("key", ["prePromotion", "postPromotion"])
def test_a_version_that_fails_its_analysis_leaves_the_old_one_serving_and_ends_the_update_that_waits(
    stack: Stack, controlled: Sandbox, kubectl: Kubectl, rollouts: Rollouts, exporter: Exporter, metrics: str, key: str
) -> None:
    stack.set("services.backend", to_argo(backend(stack), **{key: measured(metrics), "wait": "finished"}))
    result = stack.up()
    assert result.ok, result.output
    old = stable(rollouts)
    stack.set("services.backend.tag", "v2.0.0")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        update = stack.start("up", "--yes", "--skip-preview")
        new = rollouts.wait_for_new(old)
        exporter.set(new, BAD)
        output, _ = update.communicate()
        rollouts.wait(lambda status: status["blueGreen"].get("activeSelector") == old and status.get("abort") is True)
    assert update.returncode != 0
    assert "the Rollout is Degraded" in output
    assert "success-rate Failed" in output
    assert "Traceback" not in output
    assert selected(kubectl)[HASH] == old
    assert hashes(history) == ({old} if key == "prePromotion" else {old, new})
    assert history.fewest_ready("backend") == PODS


def test_a_service_is_handed_over_and_back_in_one_update_each_even_in_the_middle_of_a_release(
    two_colours: Stack, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    service = kubectl.get("service", "backend")
    two_colours.set("services.backend", to_argo(backend(two_colours)))
    preview = two_colours.planned()
    assert preview["backend-rollout"] == "create"
    assert preview["backend-blue"] == "delete"
    assert "backend-account" not in preview
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = two_colours.up()
        assert result.ok, result.output
        assert selected(kubectl) == {"app": "backend", HASH: stable(rollouts)}
        kubectl.expect_pods(blue=0, rollout=PODS)
        assert two_colours.planned() == {}
        # Back in the middle of a release that waits for somebody to promote it.
        two_colours.set("services.backend.argoBlueGreen.autoPromotion", {"enabled": False})
        old = stable(rollouts)
        release(two_colours)
        rollouts.wait_for("Paused")
        two_colours.set("services.backend.strategy", None)
        result = two_colours.up()
        assert result.ok, result.output
    assert hashes(history) == {None, old}
    assert kubectl.serving() == "blue"
    kubectl.expect_pods(rollout=0, blue=PODS)
    assert two_colours.planned() == {}
    assert history.fewest_ready("backend") >= PODS
    now = kubectl.get("service", "backend")
    assert now["metadata"]["uid"] == service["metadata"]["uid"]
    assert now["spec"]["ports"] == service["spec"]["ports"]
    assert now["spec"]["selector"] == service["spec"]["selector"]


def test_a_lost_state_takes_the_selector_as_the_controller_has_it(
    manual: Stack, kubectl: Kubectl, rollouts: Rollouts, tmp_path: Path
) -> None:
    old = stable(rollouts)
    release(manual)
    new = str(rollouts.wait_for("Paused")["status"]["currentPodHash"])
    (tmp_path / "new").mkdir()
    forgetful = Stack(tmp_path / "new", manual.snapshot()["config"])
    forgetful.set("formerStack", "switchyard/test")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = forgetful.up()
        assert result.ok, result.output
        assert selected(kubectl) == {"app": "backend", HASH: old}
        rollouts.run("promote")
        assert stable(rollouts) == new
    assert hashes(history) == {old, new}
    assert forgetful.planned() == {}


def test_a_hand_over_that_would_mix_versions_is_refused_and_so_is_the_way_past_two_colours(
    two_colours: Stack, kubectl: Kubectl
) -> None:
    before = two_colours.snapshot()
    two_colours.set("services.backend.green.replicas", 1)
    assert two_colours.up().ok
    two_colours.set("services.backend", to_argo(backend(two_colours)))
    result = two_colours.preview()
    assert not result.ok
    assert "the idle colour green has pods" in result.output
    assert "Traceback" not in result.output
    two_colours.restore(before)
    assert two_colours.up().ok
    kubectl.expect_pods(green=0)
    two_colours.set("services.backend", to_argo(backend(two_colours)) | {"tag": "v2.0.0"})
    result = two_colours.up()
    assert not result.ok
    assert "pods of the application run ghcr.io/org/backend:v1.0.0" in result.output
    assert kubectl.serving() == "blue"
    two_colours.set("services.backend.tag", "v1.0.0")
    result = two_colours.up()
    assert result.ok, result.output
    two_colours.set("services.backend.canary", {"steps": [{"weight": 33}, {"pause": 0}], "analysis": None})
    two_colours.set("services.backend.strategy", "canary")
    result = two_colours.up()
    assert not result.ok
    assert "its Rollout on the cluster is that of strategy argoBlueGreen" in result.output
    assert "Traceback" not in result.output


def test_a_first_version_that_does_not_get_ready_is_named_and_the_next_one_takes_over(
    stack: Stack, controlled: Sandbox, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    bad = to_argo(backend(stack)) | {"tag": f"v1.0.0{NEVER_READY}", "readyTimeoutSeconds": 5}
    stack.set("services.backend", bad)
    result = stack.up()
    assert not result.ok
    assert "the hand-over to the Rollout is not finished" in result.output
    assert "0 of 3 pods available" in result.output
    assert "Traceback" not in result.output
    stack.set("services.backend.tag", "v1.0.1")
    stack.set("services.backend.readyTimeoutSeconds", None)
    result = stack.up()
    assert result.ok, result.output
    assert selected(kubectl) == {"app": "backend", HASH: stable(rollouts)}


def test_an_engine_that_is_killed_in_the_hand_over_leaves_somebody_serving_and_the_next_update_finishes(
    two_colours: Stack, kubectl: Kubectl
) -> None:
    two_colours.set("services.backend", to_argo(backend(two_colours)))
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        engine = two_colours.start("up", "--yes", "--skip-preview")
        watch = kubectl.start("get", "rollouts", "--watch", "-o", "name")
        assert watch.stdout is not None
        assert watch.stdout.readline().strip() == "rollout.argoproj.io/backend"
        two_colours.kill(engine)
        watch.kill()
        watch.communicate()
        assert engine.returncode != 0
        two_colours.run("cancel", "--yes")
        result = two_colours.up("--refresh")
        assert result.ok, result.output
    kubectl.expect_pods(blue=0, rollout=PODS)
    assert two_colours.planned() == {}
    assert history.fewest_ready("backend") >= PODS


def test_an_engine_that_is_killed_on_the_way_back_can_be_turned_round_and_its_rollout_goes_on(
    manual: Stack, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    manual.set("services.backend.strategy", None)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        engine = manual.start("up", "--yes", "--skip-preview")
        assert engine.stdout is not None
        assert any("Service backend updated" in printed for printed in engine.stdout)
        manual.kill(engine)
        assert engine.returncode == -9
        assert kubectl.serving() == "blue"
        assert rollouts.get()["metadata"]["annotations"][HELD] == "hand-over"
        assert manual.run("cancel", "--yes").ok
        manual.set("services.backend.strategy", "argoBlueGreen")
        result = manual.up("--refresh")
        assert result.ok, result.output
        assert "paused" not in rollouts.get()["spec"]
        assert HELD not in rollouts.get()["metadata"]["annotations"]
        assert selected(kubectl) == {"app": "backend", HASH: stable(rollouts)}
        kubectl.expect_pods(blue=0, rollout=PODS)
    assert history.fewest_ready("backend") >= PODS
    assert manual.planned() == {}


def test_every_object_is_taken_by_a_strict_api_server_and_the_linter(
    manual: Stack, rollouts: Rollouts, kubectl: Kubectl, metrics: str, tmp_path: Path
) -> None:
    """With every setting given."""
    raw = copy.deepcopy(backend(manual))
    raw["argoBlueGreen"] |= {
        "autoPromotion": {"enabled": True, "delaySeconds": 60},
        "prePromotion": measured(metrics),
        "postPromotion": measured(metrics),
        "previewReplicaCount": 1,
    }
    service = ArgoBlueGreenSettings.model_validate(raw)
    manifests = [
        active_service("backend", service, render.selected("backend")),
        version_service("backend", "backend-preview", service),
        disruption_budget("backend", service),
        *render.templates("backend", service),
        render.rollout("backend", service),
    ]
    for manifest in manifests:
        file = tmp_path / f"{manifest['kind']}-{manifest['metadata']['name']}.json"
        file.write_text(json.dumps(manifest))
        kubectl.run(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f", str(file)
        )
    lint = tmp_path / "all.yaml"
    lint.write_text(yaml.safe_dump_all(manifests))
    rollouts.lint(lint)
