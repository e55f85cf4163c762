"""Strategy migrations between two colours and Argo Rollouts' own blue/green, also by an engine that is killed."""

from pathlib import Path

from devtools.engine import Stack
from switchyard.kube.cluster import PAUSED_FOR
from tests.integration.canary.argo_blue_green import (
    HASH,
    PODS,
    backend,
    hashes,
    manual,
    release,
    selected,
    stable,
    to_argo,
    two_colours,
)
from tests.support.history import History
from tests.support.killed_engine import HeldWrite, kill_at_write
from tests.support.kubectl import Kubectl
from tests.support.rollouts import Rollouts, kill_once_the_rollout_exists

__all__ = ["manual", "two_colours"]


def test_a_service_migrates_and_back_in_one_update_each_even_during_a_release(
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
        old = stable(rollouts)
        assert selected(kubectl) == {"app": "backend", HASH: old}
        kubectl.expect_pods(blue=0, rollout=PODS)
        assert two_colours.planned() == {}
        # Back in the middle of a release that waits for somebody to promote it.
        two_colours.set("services.backend.argoBlueGreen.autoPromotion", {"enabled": False})
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


def test_a_strategy_migration_that_would_mix_versions_or_skip_blue_green_is_refused(
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
    assert "its Rollout on the cluster has strategy argoBlueGreen" in result.output
    assert "Traceback" not in result.output


def test_an_engine_killed_in_the_migration_leaves_users_served_and_the_next_update_finishes(
    two_colours: Stack, kubectl: Kubectl
) -> None:
    two_colours.set("services.backend", to_argo(backend(two_colours)))
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        kill_once_the_rollout_exists(two_colours, kubectl)
        result = two_colours.up("--refresh")
        assert result.ok, result.output
    kubectl.expect_pods(blue=0, rollout=PODS)
    assert two_colours.planned() == {}
    assert history.fewest_ready("backend") >= PODS


def test_an_engine_killed_during_the_migration_back_can_be_reverted(
    manual: Stack, kubectl: Kubectl, rollouts: Rollouts, tmp_path: Path
) -> None:
    manual.set("services.backend.strategy", None)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        kill_at_write(manual, HeldWrite(kubectl, tmp_path, "Service backend"), written=True)
        assert kubectl.serving() == "blue"
        assert rollouts.get()["metadata"]["annotations"][PAUSED_FOR] == "strategy-migration"
        assert manual.run("cancel", "--yes").ok
        manual.set("services.backend.strategy", "argoBlueGreen")
        result = manual.up("--refresh")
        assert result.ok, result.output
        assert "paused" not in rollouts.get()["spec"]
        assert PAUSED_FOR not in rollouts.get()["metadata"]["annotations"]
        version = stable(rollouts)
        assert selected(kubectl) == {"app": "backend", HASH: version}
        kubectl.expect_pods(blue=0, rollout=PODS)
    assert history.fewest_ready("backend") >= PODS
    assert manual.planned() == {}
