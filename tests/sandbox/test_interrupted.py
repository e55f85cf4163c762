"""The engine is killed in the middle of a switch: the colour that served goes on, the next update converges."""

import pytest

from sandbox.stack import Stack
from tests.sandbox.history import History
from tests.sandbox.kubectl import Kubectl

STEPS = {
    "while green warms": "Deployment backend-green updating",
    "at the gate": "Service backend updating",
    "after the switch": "Service backend updated",
    "while blue retires": "Deployment backend-blue updating",
}


@pytest.mark.parametrize("line", STEPS.values(), ids=STEPS)
def test_an_engine_killed_in_the_middle_of_a_switch_leaves_pods_and_the_next_update_converges(
    serving: Stack, kubectl: Kubectl, line: str
) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    serving.set("services.backend.blue.replicas", 0)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        engine = serving.start("up", "--yes", "--skip-preview")
        assert engine.stdout is not None
        assert any(line in printed for printed in engine.stdout), "the step to kill it at was never reached"
        assert engine.poll() is None, "it had ended already"
        serving.kill(engine)
        assert engine.returncode == -9

        blocked = serving.up()
        assert not blocked.ok
        assert "pulumi cancel" in blocked.output
        assert serving.run("cancel", "--yes").ok
        result = serving.up()
        assert result.ok, result.output
    assert kubectl.serving() == "green"
    kubectl.expect_pods(green=3, blue=0)
    assert serving.planned() == {}
    assert history.colours("backend") == ["blue", "green"]
    assert history.fewest_ready("backend") == 3


def test_the_state_has_no_file_that_a_kill_can_leave_half_written(serving: Stack) -> None:
    assert list((serving.directory / "state").rglob("test.json"))
    assert not list((serving.directory / "state").rglob("*.attrs"))


def test_a_rollback_that_the_engine_has_no_record_of_needing_does_not_report_success(
    serving: Stack, kubectl: Kubectl
) -> None:
    """The selector was written, the engine killed before it could write that down."""
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    assert serving.up().ok
    record = serving.run("stack", "export", check=True).output
    serving.set("services.backend.active", "green")
    assert serving.up().ok
    exported = serving.directory / "before.json"
    exported.write_text(record)
    assert serving.run("stack", "import", "--force", "--file", str(exported)).ok

    serving.set("services.backend.active", "blue")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = serving.up()
        assert not result.ok
        assert "green serves on the cluster, though the stack has blue" in result.output
        result = serving.up("--refresh")
        assert result.ok, result.output
    assert kubectl.serving() == "blue"
    assert serving.outputs()["services"]["backend"]["active"] == "blue"
    assert history.fewest_ready("backend") == 3


def test_an_update_turned_back_after_a_kill_at_the_switch_finds_its_way(serving: Stack, kubectl: Kubectl) -> None:
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.active", "green")
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        engine = serving.start("up", "--yes", "--skip-preview")
        assert engine.stdout is not None
        assert any(STEPS["at the gate"] in printed for printed in engine.stdout)
        serving.kill(engine)
        assert serving.run("cancel", "--yes").ok

        serving.set("services.backend.active", "blue")
        serving.set("services.backend.green.replicas", 0)
        result = serving.up("--refresh")
        assert result.ok, result.output
    assert kubectl.serving() == "blue"
    kubectl.expect_pods(green=0)
    assert history.fewest_ready("backend") == 3
