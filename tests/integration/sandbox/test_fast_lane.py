"""`switchyard switch` and `switchyard rollback`: what serves, the configuration and the state become the same."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from devtools.engine import Stack
from tests.support.commands import document, read_back, run_command, start_command
from tests.support.denied_writes import MESSAGE, record_denied, switch_denied
from tests.support.fast_lane_commands import active, command, expect_converged, let_serve, record
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease, holding_lease
from tests.support.shared import Shared

KILLED = """
import os, signal
import switchyard.release.switch.switching as switching
apply = switching.apply_selector
async def killed(*arguments):
    if {after}:
        await apply(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
switching.apply_selector = killed
from switchyard.cli.main import main
main()
"""
"""The command, killed in the moment before or after the API server has accepted the selector."""

NO_ENGINE = "import shutil; shutil.which = lambda *_, **__: None; from switchyard.cli.main import main; main()"
"""The command on a machine where the engine is not installed."""


@pytest.fixture
def kubectl(of_module: Shared) -> Kubectl:
    return of_module.kubectl


@pytest.fixture(scope="module", autouse=True)
def green(of_module: Shared) -> None:
    """Green is warm beside blue, also of a second service."""
    of_module.stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    tracks = {"blue": {"tag": "v1.0.0", "replicas": 1}, "green": {"tag": "v2.0.0", "replicas": 1}}
    image = {"image": "ghcr.io/org/worker", "namespace": of_module.kubectl.namespace}
    of_module.stack.set("services.worker", {**image, "active": "blue", **tracks})
    result = of_module.stack.up()
    assert result.ok, result.output


@pytest.fixture
def serving(of_module: Shared) -> Stack:
    """The stack, of which one colour serves and the other is warm, as the test before has left them."""
    read_back(of_module.stack)
    return of_module.stack


def test_a_switch_and_a_rollback_change_the_selector_alone_and_no_robot_undoes_the_rollback(
    serving: Stack, kubectl: Kubectl
) -> None:
    let_serve(serving, kubectl, "blue")
    uid = kubectl.get("service", "backend")["metadata"]["uid"]
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = command(serving, "switch", "backend", "--reason", "a test")
        assert result.returncode == 0, result.stdout + result.stderr
        switched = document(result)
        assert (switched["serving"], switched["config"], switched["state"]) == ("green", True, True)
        assert (switched["from"]["tag"], switched["to"]["tag"]) == ("v1.0.0", "v2.0.0")
        assert switched["receipt"]["readyEndpoints"] == 3
        expect_converged(serving, kubectl, "green")

        assert document(command(serving, "rollback", "backend"), 0)["serving"] == "blue"
        expect_converged(serving, kubectl, "blue")

        assert document(command(serving, "rollback", "backend"), 1)["code"] == "SY-P023"
    assert history.colours("backend") == ["blue", "green", "blue"]
    assert history.fewest_ready("backend") == 3
    expect_unchanged_by_an_update(serving, kubectl, uid)

    [rolled_back] = record(kubectl)["rolledBack"]
    assert (rolled_back["colour"], rolled_back["tag"]) == ("green", "v2.0.0")
    serving.set("services.backend.active", "green")
    robot = serving.up()
    assert not robot.ok
    assert "the switch to green is refused (SY-P005)" in robot.output
    assert kubectl.serving() == "blue"
    result = command(serving, "switch", "backend", "green")
    assert result.returncode == 0, result.stdout + result.stderr
    assert record(kubectl)["rolledBack"] == []


def expect_unchanged_by_an_update(stack: Stack, kubectl: Kubectl, uid: str) -> None:
    before = kubectl.get("service", "backend", "--show-managed-fields")["metadata"]
    assert before["uid"] == uid
    assert [(entry["manager"], entry["operation"]) for entry in before["managedFields"]] == [("switchyard", "Apply")]
    assert stack.up().ok
    assert kubectl.get("service", "backend")["metadata"]["resourceVersion"] == before["resourceVersion"]


def test_a_drill_ends_where_it_began_and_the_report_counts_it_apart(serving: Stack, kubectl: Kubectl) -> None:
    let_serve(serving, kubectl, "green")
    before, released = record(kubectl), releases(serving)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        result = command(serving, "drill", "backend", "--reason", "a test")
        assert result.returncode == 0, result.stdout + result.stderr
    drilled = document(result)
    assert (drilled["serving"], drilled["problem"], drilled["to"]) == (
        "green",
        None,
        {"colour": "blue", "tag": "v1.0.0"},
    )
    assert drilled["rollback"]["acceptedAfter"] <= drilled["rollback"]["endpointsAfter"]
    assert history.colours("backend") == ["green", "blue", "green"]
    assert history.fewest_ready("backend") == 3
    expect_converged(serving, kubectl, "green")

    after = record(kubectl)
    assert after["rolledBack"] == before["rolledBack"]
    assert [(phase["phase"], phase["outcome"]) for phase in after["current"]["phases"]] == [("switch", "passed")] * 2
    assert (after["current"]["kind"], after["current"]["result"]) == ("drill", "succeeded")
    assert after["current"]["receipt"]["out"]["readyEndpoints"] == 3
    report = document(run_command(serving, "report", "--json"), code=0)
    assert (report["drills"]["sample"]["counts"]["succeeded"], releases(serving, report)) == (1, released)
    again = command(serving, "drill", "backend", code=KILLED.format(after=True))
    assert (again.returncode, kubectl.serving()) == (-9, "blue")
    expire_lease(kubectl)
    back = document(command(serving, "drill", "backend"), code=0)
    assert (back["serving"], back["finishedEarlier"], kubectl.serving()) == ("green", True, "green")


def releases(stack: Stack, report: dict[str, Any] | None = None) -> int:
    """Releases that reached users, as the report counts them."""
    document_of_report = report or document(run_command(stack, "report", "--json"), code=0)
    [weekly] = [measure for measure in document_of_report["measures"] if measure["name"] == "releasesAWeek"]
    return int(weekly["sample"]["size"])


@pytest.mark.parametrize("is_installed", [True, False])
def test_a_rollback_without_the_state_works_and_says_how_to_converge(
    serving: Stack, kubectl: Kubectl, tmp_path: Path, *, is_installed: bool
) -> None:
    let_serve(serving, kubectl, "green")
    gone, code = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/gone"}, None if is_installed else NO_ENGINE
    lost = command(serving, "rollback", "backend", code=code, **({} if code else gone))
    assert lost.returncode == 0, lost.stdout + lost.stderr
    found = document(lost)
    assert (found["serving"], found["config"], found["state"]) == ("blue", False, False)
    assert "switchyard switch backend blue --stack test --yes" in found["problem"].partition("(SY-P028)")[2]
    assert (kubectl.serving(), active(serving)) == ("blue", "green")
    released = record(kubectl)["current"]

    assert document(command(serving, "switch", "backend", "blue"))["changed"] is False
    expect_converged(serving, kubectl, "blue")
    assert record(kubectl)["current"] == released, "what only updates configuration and state is a release"
    assert document(command(serving, "rollback", "backend"), 1)["code"] == "SY-P023"


def test_a_killed_switch_leaves_a_full_colour_and_the_same_command_converges(serving: Stack, kubectl: Kubectl) -> None:
    let_serve(serving, kubectl, "blue")
    expect_killed_and_converged(serving, kubectl, "switch", "blue", "green")


def test_a_killed_rollback_to_a_retired_version_warms_it_and_the_same_command_converges(
    serving: Stack, kubectl: Kubectl
) -> None:
    let_serve(serving, kubectl, "green")
    serving.set("services.backend.blue.replicas", 0)
    assert serving.up().ok
    kubectl.expect_pods(blue=0, green=3)
    expect_killed_and_converged(serving, kubectl, "rollback", "green", "blue")
    kubectl.expect_pods(blue=3, green=3)


def test_a_rollback_creates_the_pods_that_somebody_has_removed_by_hand(serving: Stack, kubectl: Kubectl) -> None:
    let_serve(serving, kubectl, "green")
    kubectl.run("scale", "deployment", "backend-blue", "--replicas=0")
    kubectl.expect_pods(blue=0, green=3)
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        assert document(command(serving, "rollback", "backend"), 0)["serving"] == "blue"
    kubectl.expect_pods(blue=3, green=3)
    expect_converged(serving, kubectl, "blue")
    assert history.fewest_ready("backend") == 3


def expect_killed_and_converged(stack: Stack, kubectl: Kubectl, act: str, before: str, wanted: str) -> None:
    arguments = [act, "backend", *([wanted] if act == "switch" else [])]
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        for after, serves in ((False, before), (True, wanted)):
            killed = command(stack, *arguments, code=KILLED.format(after=after))
            assert killed.returncode == -9, killed.stdout + killed.stderr
            assert kubectl.serving() == serves
            assert record(kubectl)["current"]["result"] == "running"
            assert active(stack) == before
            expire_lease(kubectl)

        result = command(stack, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        assert document(result)["changed"] is False
    expect_converged(stack, kubectl, wanted)
    assert history.colours("backend") == [before, wanted]
    assert history.fewest_ready("backend") == 3


def test_a_switch_killed_before_the_selector_is_no_dead_end(serving: Stack, kubectl: Kubectl) -> None:
    let_serve(serving, kubectl, "green")
    let_serve(serving, kubectl, "blue")

    def killed() -> str:
        result = command(serving, "switch", "backend", "green", code=KILLED.format(after=False))
        assert (result.returncode, kubectl.serving()) == (-9, "blue")
        expire_lease(kubectl)
        return str(record(kubectl)["current"]["id"])

    first = killed()
    line = run_command(serving, "status").stdout
    assert "It has not changed the selector, and blue serves. Next: switchyard switch backend green" in line
    assert "or switchyard switch backend blue --stack test (stays with blue)" in line
    stays = document(command(serving, "switch", "backend", "blue"), code=0)
    assert (stays["serving"], stays["changed"]) == ("blue", False)

    second = killed()
    back = document(command(serving, "rollback", "backend"), code=0)
    assert (back["serving"], back["changed"]) == ("green", True)
    ended = {release["id"]: (release["result"], release["detail"]) for release in record(kubectl)["history"]}
    assert (ended[first][0], "selector from blue" in ended[second][1]) == ("failed", True)


def test_a_switch_waits_for_a_command_that_lives_and_says_for_whom(serving: Stack, kubectl: Kubectl) -> None:
    before = kubectl.serving()
    target = "green" if before == "blue" else "blue"
    with holding_lease(kubectl) as holder:
        waiting = start_command(serving, "switch", "backend", target, "--wait", "--yes", "--json")
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        assert f"(process {holder.pid}) runs deploy, in phase warm, for " in said
        assert kubectl.serving() == before
    printed, _ = waiting.communicate()
    assert (waiting.returncode, json.loads(printed)["serving"]) == (0, target)
    assert said.strip() in json.loads(printed)["warnings"]
    assert (kubectl.serving(), active(serving)) == (target, target)


def test_what_is_refused_changes_nothing(serving: Stack, kubectl: Kubectl) -> None:
    serves = kubectl.serving()
    before = kubectl.get("service", "backend")["metadata"]["resourceVersion"]
    for arguments, code, message in (
        (("switch", "nothing"), 2, "SY-P020"),
        (("switch", "backend", serves), 1, "SY-P022"),
    ):
        result = command(serving, *arguments)
        assert (result.returncode, document(result)["code"]) == (code, message), result.stdout
    assert kubectl.get("service", "backend")["metadata"]["resourceVersion"] == before

    selecting = '{{"spec": {{"selector": {{"version": "{}"}}}}}}'
    kubectl.run("patch", "service", "backend", "-p", selecting.format("other"))
    for act in ("switch", "rollback"):
        result = command(serving, act, "backend")
        assert (result.returncode, document(result)["code"]) == (1, "SY-P025"), result.stdout
    kubectl.run("patch", "service", "backend", "-p", selecting.format(serves))


def test_a_rollback_whose_record_is_denied_names_the_way_by_hand(serving: Stack, kubectl: Kubectl) -> None:
    let_serve(serving, kubectl, "blue")
    let_serve(serving, kubectl, "green")
    with record_denied(kubectl, "backend"):
        refused = document(command(serving, "rollback", "backend"), 1)
        assert (refused["code"], kubectl.serving()) == ("SY-P171", "green")
        assert MESSAGE in refused["error"]
        by_hand = shlex.split(refused["error"].partition("v2.0.0 back: ")[2])
        assert by_hand[0] == "kubectl"
        kubectl.run(*by_hand[1:])
        assert kubectl.serving() == "blue"
    assert document(command(serving, "switch", "backend", "blue"), 0)["serving"] == "blue"
    expect_converged(serving, kubectl, "blue")


def test_of_two_services_both_are_switched_or_none(serving: Stack, kubectl: Kubectl) -> None:
    before = kubectl.serving()
    target = "green" if before == "blue" else "blue"
    with History(kubectl.kubeconfig, kubectl.namespace) as history, switch_denied(kubectl, "worker", "green"):
        stopped = command(serving, "switch", "backend", "worker", "--together")
    assert (stopped.returncode, document(stopped)["code"]) == (1, "SY-P134"), stopped.stderr
    assert MESSAGE in document(stopped)["error"]
    assert "Changed back and read again: backend" in document(stopped)["error"]
    assert (history.colours("backend"), history.colours("worker")) == ([before, target, before], ["blue"])
    assert (active(serving), record(kubectl)["current"]["result"]) == (before, "failed")

    switched = document(command(serving, "switch", "backend", "worker", "--together"), 0)
    assert [(service["service"], service["serving"]) for service in switched["services"]] == [
        ("backend", target),
        ("worker", "green"),
    ]
    assert record(kubectl)["current"]["together"] == ["backend", "worker"]
    assert kubectl.serving("worker") == "green"
    expect_converged(serving, kubectl, target)
