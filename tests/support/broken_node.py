"""A simulated node that is not Ready for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from devtools.sandbox.faults import NODE_FAULT_LABEL, NODE_NOT_READY
from devtools.sandbox.nodes import not_ready
from tests.support.kubectl import Kubectl
from tests.support.rollouts import until


@contextmanager
def broken_node(kubectl: Kubectl, node: str) -> Iterator[None]:
    """Makes a node NotReady for the block, and waits afterwards until it is as it was."""
    kubectl.run("label", "node", node, f"{NODE_FAULT_LABEL}={NODE_NOT_READY}")
    try:
        kubectl.wait("condition=Ready=false", f"node/{node}")
        yield
    finally:
        kubectl.run("label", "node", node, f"{NODE_FAULT_LABEL}-")
        wait_for_node(kubectl, node)


def wait_for_node(kubectl: Kubectl, node: str) -> None:
    """Waits until a node is Ready and its controller has removed the taint of one that is not.

    The controller does that after the condition has changed: in 1 of 15 trials, 4.7 s after.
    """
    until(kubectl, lambda current: not not_ready({node}, [current]), "node", node)
