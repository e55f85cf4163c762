"""Argo Rollouts' own blue/green, by the real controller: releases, their analyses, and a lost state."""

import asyncio
import copy
from pathlib import Path

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.faults import NEVER_READY
from switchyard.cli.service_status import inspect_services
from switchyard.config.models.service import ArgoBlueGreenSettings, Track
from switchyard.kube.access import ClusterAccess
from switchyard.manifests import argo_blue_green as render
from switchyard.manifests.disruption_budget import disruption_budget
from switchyard.manifests.pods import active_service
from switchyard.manifests.rollout import version_service
from tests.integration.canary.argo_blue_green import (
    HASH,
    PODS,
    backend,
    hashes,
    manual,
    measured,
    release,
    selected,
    stable,
    to_argo,
)
from tests.support.exporter import Exporter, Traffic
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts

__all__ = ["manual"]

NODE_PORT = 30080
"""From the band that Kubernetes leaves to fixed ports."""

GOOD, BAD = Traffic(rate=50), Traffic(rate=50, failing=0.5)


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
        manual.set("services.backend.nodePort", NODE_PORT)
        assert manual.planned() == {"backend": "update"}
        result = manual.up()
        assert result.ok, result.output
        assert kubectl.get("service", "backend")["spec"]["ports"][0]["nodePort"] == NODE_PORT
        assert selected(kubectl) == {"app": "backend", HASH: old}
        assert selected(kubectl, "backend-preview")[HASH] == new
        after = rollouts.get()
        assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
        [status] = asyncio.run(
            inspect_services(
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
def test_a_version_that_fails_its_analysis_leaves_the_old_one_serving_and_fails_the_update(
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


def test_a_first_version_that_does_not_get_ready_is_named_and_the_next_one_takes_over(
    stack: Stack, controlled: Sandbox, kubectl: Kubectl, rollouts: Rollouts
) -> None:
    bad = to_argo(backend(stack)) | {"tag": f"v1.0.0{NEVER_READY}", "readyTimeoutSeconds": 5}
    stack.set("services.backend", bad)
    result = stack.up()
    assert not result.ok
    assert "the strategy migration to the Rollout is not finished" in result.output
    assert "0 of 3 pods available" in result.output
    assert "Traceback" not in result.output
    stack.set("services.backend.tag", "v1.0.1")
    stack.set("services.backend.readyTimeoutSeconds", None)
    result = stack.up()
    assert result.ok, result.output
    version = stable(rollouts)
    assert selected(kubectl) == {"app": "backend", HASH: version}


def test_every_object_is_accepted_by_a_strict_api_server_and_the_linter(
    manual: Stack, rollouts: Rollouts, metrics: str, tmp_path: Path
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
        disruption_budget("backend", service.track, service),
        *render.templates("backend", service),
        render.rollout("backend", service),
    ]
    rollouts.expect_valid(manifests, tmp_path)
