"""`switch` and `rollback` of two services together that their load balancer switches, with a fake AWS."""

import subprocess

import pytest

from devtools.engine import Stack
from tests.support.commands import document, read_back, run_command, with_a_fault
from tests.support.denied_writes import MESSAGE, switch_denied
from tests.support.history import History
from tests.support.kubectl import Kubectl
from tests.support.lease_holders import expire_lease
from tests.support.load_balancer_controller import Controller
from tests.support.weighted_stack import NODE_PORTS, action_of, controller, stack, weights

__all__ = ["controller", "stack"]

KEYS = ("backend", "orders")

KILLED_BEFORE_LAST = """
import switchyard.release.switch.weights as weights
apply = weights.apply
async def killed(api, kind, manifest, dry_run=False):
    if manifest["metadata"]["name"] == "orders" and not dry_run:
        os.kill(os.getpid(), signal.SIGKILL)
    return await apply(api, kind, manifest, dry_run=dry_run)
weights.apply = killed
"""
"""A fault: the command is killed when everything of a group is changed, but for the Ingress of the last service."""


@pytest.fixture
def both(stack: Stack) -> Stack:
    """Two services behind one load balancer, of which blue serves and green is warm."""
    services = stack.config["config"]["switchyard:services"]
    services["backend"] |= {"green": {"tag": "v2.0.0", "replicas": 3}, "release": {"watch": {"seconds": 0}}}
    services["orders"] = {**services["backend"], "image": "ghcr.io/org/orders", "nodePort": next(NODE_PORTS)}
    stack.set("cluster.loadBalancer.routes", [{"service": "backend"}, {"service": "orders", "path": "/orders"}])
    result = stack.up()
    assert result.ok, result.output
    return stack


def test_two_services_are_switched_together_by_selector_and_weights_or_neither_is(
    both: Stack, kubectl: Kubectl, controller: Controller
) -> None:
    def command(act: str, injected: str = "") -> subprocess.CompletedProcess[str]:
        fault = with_a_fault(injected) if injected else None
        result = run_command(both, act, *KEYS, "--together", "--yes", "--json", code=fault)
        read_back(both)
        return result

    def expect(colour: str) -> None:
        """The colour serves by selectors and Ingresses, and the configuration has it."""
        services = both.config["config"]["switchyard:services"]
        assert [(kubectl.serving(key), services[key]["active"]) for key in KEYS] == [(colour, colour)] * 2
        assert [action_of(kubectl, key) for key in KEYS] == [weights(key, **{colour: 100}) for key in KEYS]

    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        with switch_denied(kubectl, "orders", "green"):
            error = document(command("switch"), 1)["error"]
            assert MESSAGE in error
            assert "Changed back and read again: backend" in error
        expect("blue")

        killed = command("switch", KILLED_BEFORE_LAST)
        assert killed.returncode == -9, killed.stdout + killed.stderr
        assert [kubectl.serving(key) for key in KEYS] == ["green", "green"]
        for key in KEYS:
            expire_lease(kubectl, key)
        routed = [action_of(kubectl, key) for key in KEYS]
        assert routed == [weights("backend", green=100), weights("orders", blue=100)]
        switched = document(command("switch"), 0)
        assert [service["receipt"]["loadBalancer"]["follows"] for service in switched["services"]] == [True, True]
        expect("green")

        rolled_back = document(command("rollback"), 0)
        assert [service["receipt"]["loadBalancer"]["follows"] for service in rolled_back["services"]] == [True, True]
        expect("blue")
    assert both.planned() == {}
    for key in KEYS:
        assert history.fewest_ready(key) == 3
        assert controller.rules_of[key][-2:] == [weights(key, green=100), weights(key, blue=100)]
    assert controller.rules_of["orders"][:-2] == [weights("orders", blue=100)]
