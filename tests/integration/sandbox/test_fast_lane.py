"""`switchyard switch` and `switchyard rollback`: what serves, the configuration and the state become the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.engine import NAME, Stack
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.shared import Shared

KILLED = """
import os, signal
import switchyard.release.fast_lane as lane
apply = lane.apply_selector
async def killed(*arguments):
    if {after}:
        await apply(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
lane.apply_selector = killed
from switchyard.cli.main import main
main()
"""
"""The command, killed in the moment before or after the API server has accepted the selector."""


@pytest.fixture
def kubectl(of_module: Shared) -> Kubectl:
    return of_module.kubectl


@pytest.fixture(scope="module", autouse=True)
def green(of_module: Shared) -> None:
    """Green is warm beside blue."""
    of_module.stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = of_module.stack.up()
    assert result.ok, result.output


@pytest.fixture
def serving(of_module: Shared) -> Stack:
    """The stack, of which blue serves and green is warm, whatever the test before has left."""
    stack = of_module.stack
    read_back(stack)
    if of_module.kubectl.serving() != "blue":
        assert command(stack, "switch", "backend", "blue").returncode == 0
        read_back(stack)
    return stack


def read_back(stack: Stack) -> None:
    """Takes the stack file as the engine has changed it."""

    stack.restore(yaml.safe_load((stack.directory / f"Pulumi.{NAME}.yaml").read_text()))


def command(
    stack: Stack, *arguments: str, code: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    program = ["-c", code] if code else ["-m", "switchyard"]
    return subprocess.run(
        [sys.executable, *program, *arguments, "--yes", "--json", "--stack", NAME],
        cwd=stack.directory,
        env={**stack.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def document(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert result.stdout, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def active(stack: Stack) -> str:
    read_back(stack)
    return str(stack.config["config"]["switchyard:services"]["backend"]["active"])


def record(kubectl: Kubectl) -> dict[str, Any]:
    data = kubectl.get("configmap", "backend-release")["data"]
    return {key: json.loads(value) for key, value in data.items()}


def expect_converged(stack: Stack, kubectl: Kubectl, colour: str) -> None:
    assert (kubectl.serving(), active(stack)) == (colour, colour)
    assert stack.planned() == {}
    assert stack.outputs()["services"]["backend"]["active"] == colour


def test_a_switch_and_a_rollback_change_the_selector_alone_and_the_next_preview_is_empty(
    serving: Stack, kubectl: Kubectl
) -> None:
    uid = kubectl.get("service", "backend")["metadata"]["uid"]
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = command(serving, "switch", "backend", "--reason", "a test")
        assert result.returncode == 0, result.stdout + result.stderr
        switched = document(result)
        assert (switched["serving"], switched["config"], switched["state"]) == ("green", True, True)
        assert (switched["from"]["tag"], switched["to"]["tag"]) == ("v1.0.0", "v2.0.0")
        assert switched["receipt"]["readyEndpoints"] == 3
        expect_converged(serving, kubectl, "green")

        result = command(serving, "rollback", "backend")
        assert result.returncode == 0, result.stdout + result.stderr
        assert document(result)["serving"] == "blue"
        expect_converged(serving, kubectl, "blue")

        again = command(serving, "rollback", "backend")
        assert (again.returncode, document(again)["code"]) == (1, "SY-P023")
    assert history.colours("backend") == ["blue", "green", "blue"]
    assert history.fewest_ready("backend") == 3

    service = kubectl.get("service", "backend", "--show-managed-fields")
    assert service["metadata"]["uid"] == uid
    assert [entry["manager"] for entry in service["metadata"]["managedFields"]] == ["switchyard"]
    before = service["metadata"]["resourceVersion"]
    assert serving.up().ok
    assert kubectl.get("service", "backend")["metadata"]["resourceVersion"] == before

    [rolled_back] = record(kubectl)["rolledBack"]
    assert (rolled_back["colour"], rolled_back["tag"]) == ("green", "v2.0.0")


def test_a_rollback_without_the_state_works_and_says_how_to_converge(
    serving: Stack, kubectl: Kubectl, tmp_path: Path
) -> None:
    assert command(serving, "switch", "backend", "green").returncode == 0
    lost = command(serving, "rollback", "backend", PULUMI_BACKEND_URL=f"file://{tmp_path}/gone")
    assert lost.returncode == 0, lost.stdout + lost.stderr
    found = document(lost)
    assert (found["serving"], found["config"], found["state"]) == ("blue", False, False)
    assert "switchyard switch backend blue --stack test --yes" in found["problem"]
    assert (kubectl.serving(), active(serving)) == ("blue", "green")

    assert document(command(serving, "switch", "backend", "blue"))["changed"] is False
    expect_converged(serving, kubectl, "blue")


@pytest.mark.parametrize(("act", "wanted"), [("switch", "green"), ("rollback", "blue")])
def test_a_killed_command_leaves_a_full_colour_and_the_same_command_converges(
    serving: Stack, kubectl: Kubectl, act: str, wanted: str
) -> None:
    if act == "rollback":
        assert command(serving, "switch", "backend", "green").returncode == 0
    before = kubectl.serving()
    assert before != wanted
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for after, serves in ((False, before), (True, wanted)):
            killed = command(serving, act, "backend", code=KILLED.format(after=after))
            assert killed.returncode == -9
            assert kubectl.serving() == serves
            assert record(kubectl)["current"]["result"] == "running"
            assert active(serving) == before

        result = command(serving, act, "backend", *([wanted] if act == "switch" else []))
        assert result.returncode == 0, result.stdout + result.stderr
        assert document(result)["changed"] is False
    expect_converged(serving, kubectl, wanted)
    assert history.colours("backend") == [before, wanted]
    assert history.fewest_ready("backend") == 3


def test_a_rollback_is_not_undone_by_a_run_with_the_configuration_of_before(serving: Stack, kubectl: Kubectl) -> None:
    assert command(serving, "switch", "backend", "green").returncode == 0
    assert command(serving, "rollback", "backend").returncode == 0
    read_back(serving)
    serving.set("services.backend.active", "green")
    for robot in (serving.preview(), serving.up()):
        assert not robot.ok
        assert "SY-P030" in robot.output
    assert kubectl.serving() == "blue"
    result = command(serving, "switch", "backend", "green")
    assert result.returncode == 0, result.stdout + result.stderr
    assert record(kubectl)["rolledBack"] == []
    expect_converged(serving, kubectl, "green")


def test_what_is_refused_changes_nothing(serving: Stack, kubectl: Kubectl) -> None:
    before = kubectl.get("service", "backend")["metadata"]["resourceVersion"]
    for arguments, code, message in (
        (("switch", "nothing"), 2, "SY-P020"),
        (("switch", "backend", "blue"), 1, "SY-P022"),
    ):
        result = command(serving, *arguments)
        assert (result.returncode, document(result)["code"]) == (code, message), result.stdout
    assert kubectl.get("service", "backend")["metadata"]["resourceVersion"] == before

    kubectl.run("patch", "service", "backend", "-p", '{"spec": {"selector": {"version": "other"}}}')
    for act in ("switch", "rollback"):
        result = command(serving, act, "backend")
        assert (result.returncode, document(result)["code"]) == (1, "SY-P025"), result.stdout
    kubectl.run("patch", "service", "backend", "-p", '{"spec": {"selector": {"version": "blue"}}}')
