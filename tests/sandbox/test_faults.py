"""What goes wrong with the new colour stays with the new colour."""

import pytest

from sandbox.faults import CRASH_LOOP, NEVER_READY
from sandbox.stack import Stack
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl

PATIENCE = 5
"""`readyTimeoutSeconds` for the bad versions, which are never ready however long one waits."""


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (NEVER_READY, "pods of green: 3 running, but its readiness probe does not succeed. blue goes on serving"),
        (CRASH_LOOP, "pods of green: 3 CrashLoopBackOff (3 restarts). blue goes on serving"),
    ],
    ids=[NEVER_READY, CRASH_LOOP],
)
def test_a_colour_that_does_not_get_ready_fails_the_update_and_blue_goes_on_serving(
    serving: Stack, kubectl: Kubectl, fault: str, cause: str
) -> None:
    serving.set("services.backend.readyTimeoutSeconds", PATIENCE)
    serving.set("services.backend.green", {"tag": f"v2.0.0{fault}", "replicas": 3})
    serving.set("services.backend.active", "green")
    serving.set("services.backend.blue.replicas", 0)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert not result.ok
        assert "backend-green" in result.output
        assert cause in result.output
        # The fault is there, and is not only a slow start.
        pods = kubectl.pods("green")
        assert len(pods) == 3
        assert all(pod["status"]["phase"] == "Running" for pod in pods)
        assert not any(pod["status"]["containerStatuses"][0]["ready"] for pod in pods)
    assert history.colours("backend") == ["blue"]
    assert history.fewest_ready("backend") == 3

    serving.set("services.backend.readyTimeoutSeconds", None)
    serving.set("services.backend.green.tag", "v2.0.1")
    result = serving.up()
    assert result.ok, result.output
    assert kubectl.serving() == "green"
    kubectl.expect_pods(green=3, blue=0)


def test_a_bad_idle_colour_can_be_taken_away_again(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.readyTimeoutSeconds", PATIENCE)
    serving.set("services.backend.green", {"tag": f"v2.0.0{CRASH_LOOP}", "replicas": 3})
    assert not serving.up().ok
    kubectl.expect_pods(green=3)

    serving.set("services.backend.green", {"tag": "v1.0.0", "replicas": 0})
    result = serving.up()
    assert result.ok, result.output
    kubectl.expect_pods(green=0)
    assert serving.planned() == {}


def test_pods_that_are_lost_at_the_gate_stop_the_switch(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    # Behind the program's back, between the warming and the switch.
    kubectl.run("scale", "deployment", "backend-green", "--replicas=1")
    kubectl.wait("jsonpath={.status.readyReplicas}=1", "deployment/backend-green")

    serving.set("services.backend.gate", {"timeoutSeconds": 2})
    serving.set("services.backend.active", "green")
    result = serving.up()
    assert not result.ok
    assert "Service backend-green has 1 ready endpoints; it needs 3" in result.output
    assert "The Service was not touched" in result.output
    assert kubectl.serving() == "blue"

    result = serving.up("--refresh")
    assert result.ok, result.output
    assert kubectl.serving() == "green"
    kubectl.expect_pods(green=3)
