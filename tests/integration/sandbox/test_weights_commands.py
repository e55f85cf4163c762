"""`switch`, `rollback`, `drill` and `deploy` of a service that its load balancer switches, with a fake AWS."""

import json
import subprocess
from typing import Any

import pytest

from devtools.engine import Stack
from switchyard.manifests.weights import ACTIONS
from tests.support.commands import document, read_back, run_command, with_a_fault
from tests.support.history import History
from tests.support.injected_faults import CONDEMNED
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease
from tests.support.load_balancer_controller import Controller
from tests.support.weighted_stack import action_of, controller, route_by_hand, serving, stack, weights

__all__ = ["controller", "serving", "stack"]

KILLED_BETWEEN = """
import switchyard.release.switch.weights as weights
apply = weights.apply
async def killed(*arguments, dry_run=False):
    if not dry_run:
        os.kill(os.getpid(), signal.SIGKILL)
    return await apply(*arguments, dry_run=dry_run)
weights.apply = killed
"""
"""A fault: the command is killed when the selector is changed, and no Ingress is."""

ANSWER_LOST = """
import switchyard.release.switch.weights as weights
from switchyard.errors import UnreachableError
apply, lost = weights.apply, []
async def without_answer(*arguments, dry_run=False):
    answer = await apply(*arguments, dry_run=dry_run)
    if not dry_run and not lost:
        lost.append(answer)
        raise UnreachableError("no answer")
    return answer
weights.apply = without_answer
"""
"""A fault: the API server has the weights, and the command gets no answer about them."""

IMPATIENT = """
import switchyard.release.switch.following as following
following.BALANCER_SECONDS = 2.0
"""
"""The load balancer is given less time, so that a test need not wait for what never comes."""


@pytest.fixture
def both(serving: Stack) -> Stack:
    """Blue serves, and green is warm."""
    serving.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    serving.set("services.backend.release", {"watch": {"seconds": 0}})
    result = serving.up()
    assert result.ok, result.output
    return serving


def command(stack: Stack, *arguments: str, injected: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    code = with_a_fault(injected) if injected else None
    result = run_command(stack, *arguments, "--yes", "--json", code=code, **environment)
    read_back(stack)
    return result


def active(stack: Stack) -> str:
    return str(stack.config["config"]["switchyard:services"]["backend"]["active"])


def owners_of_action(kubectl: Kubectl) -> set[tuple[str, str]]:
    """The field managers of the weights, each with its operation."""
    fields = kubectl.get("ingress", "backend", "--show-managed-fields")["metadata"]["managedFields"]
    return {
        (entry["manager"], entry["operation"])
        for entry in fields
        if f"f:{ACTIONS}backend" in entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
    }


def expect_routed(kubectl: Kubectl, controller: Controller, colour: str) -> None:
    """The colour serves by the selector, the Ingress and the rule."""
    all_to_colour = weights(**{colour: 100})
    assert kubectl.serving() == colour
    assert (action_of(kubectl), controller.rules[-1]) == (all_to_colour, all_to_colour)


def expect_serving(stack: Stack, kubectl: Kubectl, controller: Controller, colour: str) -> None:
    """The colour serves by all of these, and configuration and state have it."""
    expect_routed(kubectl, controller, colour)
    assert active(stack) == colour
    assert stack.planned() == {}


def test_a_switch_a_drill_and_a_rollback_write_selector_and_weights_and_leave_an_empty_preview(
    both: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    uid = kubectl.get("ingress", "backend")["metadata"]["uid"]
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        switched = document(command(both, "switch", "backend"), 0)
        assert (switched["serving"], switched["config"], switched["state"]) == ("green", True, True)
        receipt = switched["receipt"]
        assert (receipt["loadBalancer"]["service"], receipt["loadBalancer"]["follows"]) == ("backend-green", True)
        assert receipt["patchedAfter"] <= receipt["loadBalancer"]["after"]
        assert "AWS does not report it" in " ".join(receipt["unseen"])
        expect_serving(both, kubectl, controller, "green")
        assert owners_of_action(kubectl) == {("switchyard", "Apply")}

        drilled = document(command(both, "drill", "backend"), 0)
        answers = [drilled[way]["loadBalancer"] for way in ("out", "back")]
        assert [answer["service"] for answer in answers] == ["backend-blue", "backend-green"]
        assert [answer["follows"] for answer in answers] == [True, True]
        expect_routed(kubectl, controller, "green")

        rolled_back = document(command(both, "rollback", "backend"), 0)
        assert (rolled_back["serving"], rolled_back["receipt"]["loadBalancer"]["follows"]) == ("blue", True)
        expect_serving(both, kubectl, controller, "blue")
    colours = ["blue", "green", "blue", "green", "blue"]
    assert controller.rules == [weights(**{colour: 100}) for colour in colours]
    assert history.colours("backend") == colours
    assert history.fewest_ready("backend") == 3

    before = kubectl.get("ingress", "backend")["metadata"]
    assert before["uid"] == uid
    assert both.up().ok
    assert kubectl.get("ingress", "backend")["metadata"]["resourceVersion"] == before["resourceVersion"]


def test_a_command_killed_between_selector_and_weights_is_finished_by_itself_or_reverted(
    both: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    def expect_killed(*arguments: str, selected: str, routed: str) -> None:
        killed = command(both, *arguments, injected=KILLED_BETWEEN)
        assert killed.returncode == -9, killed.stdout + killed.stderr
        assert (kubectl.serving(), action_of(kubectl)) == (selected, weights(**{routed: 100}))
        expire_lease(kubectl)

    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        lost = document(command(both, "switch", "backend", "green", injected=ANSWER_LOST), 1)
        assert lost["code"] == "SY-P035"
        assert "Service backend selects blue again, as before, and so does the load balancer." in lost["error"]
        assert (kubectl.serving(), action_of(kubectl)) == ("blue", weights(blue=100))
    assert history.colours("backend") == ["blue", "green", "blue"], "the Service was not changed"

    expect_killed("switch", "backend", "green", selected="green", routed="blue")
    finished = document(command(both, "switch", "backend", "green"), 0)
    assert (finished["changed"], finished["receipt"]["loadBalancer"]["follows"]) == (True, True)
    expect_serving(both, kubectl, controller, "green")

    expect_killed("drill", "backend", selected="blue", routed="green")
    assert document(command(both, "drill", "backend"))["finishedEarlier"] is True
    expect_routed(kubectl, controller, "green")

    expect_killed("rollback", "backend", selected="blue", routed="green")
    assert document(command(both, "rollback", "backend"), 0)["changed"] is True
    expect_serving(both, kubectl, controller, "blue")

    expect_killed("switch", "backend", "green", selected="green", routed="blue")
    assert document(command(both, "rollback", "backend"), 0)["serving"] == "blue"
    expect_serving(both, kubectl, controller, "blue")
    kubectl.expect_pods(blue=3, green=3)


def test_a_silent_controller_leaves_a_doubt_and_a_rollback_without_aws_succeeds(
    both: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    both.set("services.backend.gate", {"timeoutSeconds": 5})
    controller.answers = False
    doubtful = document(command(both, "switch", "backend", "green", injected=IMPATIENT), 1)
    assert doubtful["receipt"]["loadBalancer"]["follows"] is False
    assert "the switch of the load balancer to Service backend-green is not finished" in doubtful["receipt"]["doubt"]
    assert (kubectl.serving(), action_of(kubectl)) == ("green", weights(green=100))
    assert controller.rules == [weights(blue=100)]

    rolled_back = document(command(both, "rollback", "backend", AWS_ENDPOINT_URL="http://127.0.0.1:1"), 0)
    receipt = rolled_back["receipt"]
    assert (rolled_back["serving"], receipt["loadBalancer"]["follows"]) == ("blue", None)
    assert "AWS does not answer" in receipt["loadBalancer"]["problem"]
    assert "it was not seen whether the load balancer follows the switch to blue" in receipt["notSeen"]
    assert (kubectl.serving(), action_of(kubectl)) == ("blue", weights(blue=100))

    controller.answers = True
    assert both.up().ok
    expect_serving(both, kubectl, controller, "blue")


def test_what_is_refused_changes_neither_selector_nor_weights(
    both: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    both.set("cluster.loadBalancer.healthIntervalSeconds", 5)
    both.set("cluster.loadBalancer.healthTimeoutSeconds", 2)
    both.set("services.backend.gate", {"timeoutSeconds": 1})
    assert both.up().ok
    versions = versions_of(kubectl)
    controller.lose_targets()
    refused = document(command(both, "switch", "backend", "green"), 1)
    assert refused["code"] == "SY-L005"
    assert "the target group of backend-green has 0 healthy targets of 1" in refused["error"]
    assert document(command(both, "switch", "backend", "blue"), 1)["code"] == "SY-P022"
    assert versions_of(kubectl) == versions


def versions_of(kubectl: Kubectl) -> list[Any]:
    return [kubectl.get(kind, "backend")["metadata"]["resourceVersion"] for kind in ("service", "ingress")]


def test_a_deploy_ends_and_a_condemned_one_or_one_killed_between_both_writes_is_rolled_back(
    serving: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    serving.set("services.backend.release", {"watch": {"seconds": 0}})
    killed = command(serving, "deploy", "backend", "v2.0.0", injected=KILLED_BETWEEN)
    assert killed.returncode == -9, killed.stdout + killed.stderr
    assert (kubectl.serving(), action_of(kubectl)) == ("green", weights(blue=100))
    expire_lease(kubectl)
    # If the Service has gone back alone, the load balancer still sends its users to the new version.
    controller.answers = False
    kubectl.run("patch", "service", "backend", "-p", json.dumps({"spec": {"selector": {"version": "blue"}}}))
    route_by_hand(kubectl, "green")
    assert (kubectl.serving(), action_of(kubectl)) == ("blue", weights(green=100))
    assert document(command(serving, "abort", "backend"))["result"] == "rolledBack"
    assert (kubectl.serving(), action_of(kubectl), controller.rules) == ("blue", weights(blue=100), [weights(blue=100)])
    controller.answers = True

    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        condemned = document(command(serving, "deploy", "backend", "v2.5.0", injected=CONDEMNED), 1)
        assert condemned["result"] == "rolledBack"
        answer = condemned["receipt"]["loadBalancer"]
        assert (answer["service"], answer["follows"]) == ("backend-blue", True)
        assert controller.rules == [weights(blue=100), weights(green=100), weights(blue=100)]
        expect_serving(serving, kubectl, controller, "blue")

        record = document(command(serving, "deploy", "backend", "v3.0.0"), 0)
        assert [phase["phase"] for phase in record["phases"]][:5] == ["warm", "prove", "switch", "drain", "watch"]
        assert record["receipt"]["loadBalancer"]["follows"] is True
        drained = next(phase for phase in record["phases"] if phase["phase"] == "drain")
        assert "None has to be drained: the load balancer chooses a colour for each request." in drained["detail"]
        expect_serving(serving, kubectl, controller, "green")
        assert document(command(serving, "retire", "backend"), 0)["result"] == "succeeded"
    assert history.fewest_ready("backend") == 3
    kubectl.expect_pods(blue=0, green=3)
    expect_serving(serving, kubectl, controller, "green")
