"""Each page of the runbook that is about one situation, walked line by line in that situation."""

import signal

import pytest

from devtools.engine import Stack
from tests.support.broken_node import broken_node
from tests.support.commands import read_back, run_command, with_a_fault
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import renew_lease
from tests.support.runbook_pages import Walk

WITHOUT_REQUESTS = """
from switchyard.release.watch.verdict import Outcome, Verdict
async def without_requests(*_, **__):
    return Verdict(Outcome.NO_TRAFFIC, "The new version got no request in 300 s.", seconds=300)
steps.watch = without_requests
"""
"""The watch sees no request, as on a service that nobody uses at night."""

AFTER_SWITCH = """
async def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
steps.ClusterSteps.drain = killed
"""
"""The command is killed once the new version serves."""

NODE = "k8s-worker-1"

UNREADY = '{"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NodeStatusUnknown"}]}}'


@pytest.fixture
def walk(serving: Stack, kubectl: Kubectl) -> Walk:
    """A walk on a stack of which blue v1.0.0 serves, on simulated nodes: nobody watches its releases."""
    return Walk(serving, kubectl)


def deploy_with(stack: Stack, fault: str, tag: str, code: int) -> None:
    """Runs a release with a fault, which ends with an exit code."""
    result = run_command(stack, "deploy", "backend", tag, "--yes", code=with_a_fault(fault))
    read_back(stack)
    assert result.returncode == code, result.stdout + result.stderr


def test_release(walk: Walk) -> None:
    walk.page("release")


def test_roll_back(walk: Walk) -> None:
    walk.section("release", "Release")
    walk.page("roll-back")


def test_a_release_is_stuck(walk: Walk, serving: Stack) -> None:
    # Long enough for the good version on the page, and not too long for the bad one.
    serving.set("services.backend.readyTimeoutSeconds", 20)
    deploy_with(serving, WITHOUT_REQUESTS, "v2.0.0", 1)
    walk.page("stuck")


def test_the_operator_is_lost(walk: Walk, serving: Stack, kubectl: Kubectl) -> None:
    deploy_with(serving, AFTER_SWITCH, "v2.0.0", -signal.SIGKILL)
    # The page begins within 15 s of the kill, in which the command counts as running, however slow this machine is.
    walk.page("lost-operator", before=lambda: renew_lease(kubectl))


def test_a_node_is_down(walk: Walk, kubectl: Kubectl) -> None:
    walk.section("release", "Release")
    with broken_node(kubectl, NODE):
        for pod in kubectl.get("pods", f"--field-selector=spec.nodeName={NODE}"):
            # What the node controller does of a kubelet that is silent for 40 s; this one reports itself.
            kubectl.run("patch", "pod", pod["metadata"]["name"], "--subresource=status", "-p", UNREADY)
        walk.page("node-down")


def test_releases_are_frozen(walk: Walk, serving: Stack) -> None:
    window = {"reason": "Black Friday", "by": "checkout team", "from": "2020-11-27T00:00:00Z"}
    serving.set("releases", {"freeze": [{**window, "until": "2090-12-01T06:00:00Z"}]})
    walk.page("frozen")


def test_a_release_with_a_migration(walk: Walk, serving: Stack) -> None:
    expand = {"name": "expand", "job": {"command": ["python3", "-m", "migrations.expand"]}}
    contract = {"name": "contract", "job": {"command": ["python3", "-m", "migrations.contract"]}, "irreversible": True}
    serving.set("services.backend.release.hooks", {"beforeWarm": [expand], "beforeRetire": [contract]})
    walk.page("migration")
