"""What the tests of a canary say and ask of its release."""

from sandbox.stack import Stack
from tests.canary.exporter import Traffic
from tests.canary.rollouts import Rollouts

GOOD = Traffic(rate=50)
PODS = 5


def stable(rollouts: Rollouts) -> str:
    """Hash of the version that serves before a release."""
    return str(rollouts.wait_for("Healthy")["status"]["stableRS"])


def release(stack: Stack, tag: str = "v2.0.0") -> None:
    """Gives the service a new version; the canary is under way when this returns."""
    stack.set("services.backend.tag", tag)
    result = stack.up()
    assert result.ok, result.output
    assert "kubectl argo rollouts get rollout backend" in result.output


def expect_back(rollouts: Rollouts, old: str) -> None:
    """The version before has all of its pods, and all of the traffic."""
    rollouts.wait(
        lambda status: (
            status.get("abort") is True
            and status.get("availableReplicas") == PODS
            and not status.get("updatedReplicas")
        )
    )
    assert rollouts.pods(old) == PODS
