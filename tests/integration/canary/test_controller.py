"""A release without Argo Rollouts' controller, and after its return, on a sandbox of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.rollouts import controller, define
from tests.support.exporter import Exporter, Traffic
from tests.support.rollouts import Rollouts


@pytest.fixture(scope="module")
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    """Another one, whose controller the tests start and end."""
    own = Sandbox(f"{sandbox.name}-controller")
    own.up()
    define(own)
    yield own
    own.down()


@pytest.fixture
def bare(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox without Argo Rollouts."""
    own = Sandbox(f"{sandbox.name}-bare")
    own.up()
    yield own
    own.down()


@pytest.fixture(scope="module")
def controlled(sandbox: Sandbox) -> Sandbox:
    """The sandbox without the controller."""
    return sandbox


def test_missing_crds_are_reported_at_the_preview(canary: Stack, bare: Sandbox) -> None:
    canary.set("cluster.kubeconfig", str(bare.kubeconfig))
    canary.set("services.backend.namespace", "default")
    for result in (canary.preview(), canary.up()):
        assert not result.ok
        assert "the cluster has no Argo Rollouts" in result.output
        assert "Traceback" not in result.output
    define(bare)
    canary.set("services.backend.canary.traffic", "istio")
    result = canary.preview()
    assert not result.ok
    assert "the cluster has no Istio" in result.output


def test_a_missing_controller_is_reported_and_the_next_update_with_it_finishes(
    canary: Stack, sandbox: Sandbox, tmp_path: Path
) -> None:
    canary.set("services.backend.readyTimeoutSeconds", 5)
    result = canary.up()
    assert not result.ok
    assert "its controller has not reported on it within 5 s" in result.output
    assert "Argo Rollouts must run on the cluster" in result.output
    assert "Traceback" not in result.output
    with controller(sandbox, tmp_path / "log"):
        canary.set("services.backend.readyTimeoutSeconds", None)
        result = canary.up()
        assert result.ok, result.output


def test_a_controller_that_is_killed_during_a_release_resumes_it(
    canary: Stack, sandbox: Sandbox, tmp_path: Path, rollouts: Rollouts, exporter: Exporter
) -> None:
    with controller(sandbox, tmp_path / "log") as first:
        assert canary.up().ok
        old = str(rollouts.wait_for("Healthy")["status"]["stableRS"])
        canary.set("services.backend.canary.analysis.inconclusiveLimit", 11)
        canary.set("services.backend.canary.analysis.count", 13)
        canary.set("services.backend.tag", "v2.0.0")
        assert canary.up().ok
        new = rollouts.wait_for_new(old)
        rollouts.wait(lambda status: status.get("currentStepIndex") == 1)
        first.kill()
        first.wait()
    assert rollouts.get()["status"]["stableRS"] == old
    rollouts.expect_pods({new: 1, old: 4})
    exporter.set(new, Traffic(rate=50))
    with controller(sandbox, tmp_path / "log"):
        assert rollouts.wait_for("Healthy")["status"]["stableRS"] == new
