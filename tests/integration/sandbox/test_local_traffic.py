"""Under the traffic policy Local, with the one pod of each colour on another node."""

import pytest

from devtools.engine import Stack
from tests.support.fast_lane_commands import command
from tests.support.kubectl import Kubectl


def node_of(kubectl: Kubectl, colour: str) -> str:
    [pod] = kubectl.pods(colour)
    return str(pod["spec"]["nodeName"])


@pytest.fixture
def apart(stack: Stack, kubectl: Kubectl) -> Stack:
    """The stack with one pod of blue, which serves, and one of green on another node."""
    stack.set("services.backend.service", {"internalTrafficPolicy": "Local"})
    stack.set("services.backend.blue.replicas", 1)
    result = stack.up()
    assert result.ok, result.output
    node = node_of(kubectl, "blue")
    kubectl.run("cordon", node)
    try:
        stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 1})
        result = stack.up()
        assert result.ok, result.output
    finally:
        kubectl.run("uncordon", node)
    assert node_of(kubectl, "green") != node
    return stack


def test_a_switch_that_leaves_a_node_without_pods_is_refused_and_a_rollback_is_not(
    apart: Stack, kubectl: Kubectl
) -> None:
    lost = f"on {node_of(kubectl, 'blue')} pods serve, and none of green is ready there"
    result = command(apart, "switch", "backend", "green")
    assert result.returncode != 0
    assert f"the switch to green is refused (SY-S022): {lost}" in result.stdout + result.stderr
    apart.set("services.backend.active", "green")
    update = apart.up()
    assert not update.ok
    assert f"the switch to green is refused (SY-S022): {lost}" in " ".join(update.output.split())
    assert kubectl.serving() == "blue"
    # As the message says.
    apart.set("services.backend.service.internalTrafficPolicy", "Cluster")
    update = apart.up()
    assert update.ok, update.output
    assert kubectl.serving() == "green"
    assert kubectl.get("service", "backend")["spec"]["internalTrafficPolicy"] == "Cluster"

    kubectl.run("patch", "service", "backend", "-p", '{"spec": {"internalTrafficPolicy": "Local"}}')
    # Before the rollback, after which a renewal may put the pod on another node.
    lost = f"on {node_of(kubectl, 'green')} pods serve, and none of blue is ready there"
    result = command(apart, "rollback", "backend")
    assert result.returncode == 0, result.stdout + result.stderr
    assert lost in result.stdout + result.stderr
    assert kubectl.serving() == "blue"
