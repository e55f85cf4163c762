"""The steps of a canary, one by one: promoted, aborted, undone and replaced by hand."""

from typing import Any

import pytest

from sandbox.stack import Stack
from tests.canary.canary_backend import PODS, expect_back, release, stable
from tests.canary.rollouts import Rollouts
from tests.sandbox.kubectl import Kubectl


@pytest.fixture
def paused(serving: Stack) -> Stack:
    """The service with a canary that waits for a human at 20 %, and again at 60 %."""
    steps: list[dict[str, Any]] = [{"weight": 20}, {"pause": 0}, {"weight": 60}, {"pause": 0}]
    serving.set("services.backend.canary", {"steps": steps, "analysis": None})
    result = serving.up()
    assert result.ok, result.output
    return serving


@pytest.mark.parametrize("promotions", [0, 1])
def test_an_abort_at_every_step_brings_all_old_pods_back(paused: Stack, rollouts: Rollouts, promotions: int) -> None:
    old = stable(rollouts)
    release(paused)
    for step in range(promotions):
        rollouts.wait(lambda status, at=step * 2 + 1: status.get("currentStepIndex") == at)  # type: ignore[misc]
        rollouts.run("promote")
    rollouts.wait(lambda status: status.get("currentStepIndex") == promotions * 2 + 1)
    rollouts.run("abort")
    expect_back(rollouts, old)
    # The stack still asks for the version that was given up, and says so.
    result = paused.up()
    assert not result.ok
    assert "the Rollout is Degraded" in result.output
    paused.set("services.backend.tag", "v1.0.0")
    result = paused.up()
    assert result.ok, result.output
    assert stable(rollouts) == old


def test_promote_and_undo_by_command(paused: Stack, rollouts: Rollouts) -> None:
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


def test_a_second_version_in_the_middle_of_the_first_takes_its_place(paused: Stack, rollouts: Rollouts) -> None:
    old = stable(rollouts)
    release(paused, "v2.0.0")
    first = rollouts.wait_for_new(old)
    rollouts.wait_for("Paused")
    release(paused, "v2.0.1")
    second = rollouts.wait_for_new(first)
    assert second != old
    rollouts.wait(lambda status: status.get("phase") == "Paused" and status.get("currentStepIndex") == 1)
    assert (rollouts.pods(old), rollouts.pods(second)) == (4, 1)
    rollouts.run("promote", "--full")
    assert stable(rollouts) == second
    assert rollouts.pods(first) == 0


def test_the_share_of_pods_is_that_of_the_step(paused: Stack, rollouts: Rollouts, kubectl: Kubectl) -> None:
    old = stable(rollouts)
    release(paused)
    new = rollouts.wait_for_new(old)
    for step, pods in ((1, 1), (3, 3)):
        rollouts.wait(
            lambda status, at=step: status.get("phase") == "Paused" and status.get("currentStepIndex") == at  # type: ignore[misc]
        )
        assert (rollouts.pods(new), rollouts.pods(old)) == (pods, PODS - pods)
        assert kubectl.get("service", "backend-canary")["spec"]["selector"]["rollouts-pod-template-hash"] == new
        assert kubectl.get("service", "backend-stable")["spec"]["selector"]["rollouts-pod-template-hash"] == old
        rollouts.run("promote")
    assert stable(rollouts) == new
