"""The receipt of a switch by command, on real nodes: what it saw of each node, and what it does not claim."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from devtools.benchmarks.load import wait_for_answer
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.commands import document, run_command
from tests.support.kubectl import Kubectl

VERSIONS = {"blue": "v1.0.0", "green": "v2.0.0"}

STOP_SECONDS = 10
POLL_SECONDS = 0.01
"""A signal takes effect when the process runs next, and there is nothing to wait on that says when it has."""


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """A process that neither runs nor ends while the block lasts."""
    os.kill(process, signal.SIGSTOP)
    try:
        limit = time.monotonic() + STOP_SECONDS
        while psutil.Process(process).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < limit, "it does not stop"
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_node_whose_kube_proxy_is_stopped_is_named_and_success_is_not_claimed(
    warm: Stack, kubectl: Kubectl, own_nodes: Sandbox
) -> None:
    port = kubectl.get("service", "backend")["spec"]["ports"][0]["nodePort"]
    for number, colour in enumerate(("green", "blue", "green")):
        for node in own_nodes.real_nodes:  # the node of the round before has caught up
            wait_for_answer(node.address, port, VERSIONS["blue" if colour == "green" else "green"])
        node, good = (own_nodes.real_nodes[(number + at) % 2] for at in (0, 1))
        with stopped(node.processes()["kube-proxy"]):
            printed = document(run_command(warm, "switch", "backend", colour, "--yes", "--json"), 1)
            assert kubectl.serving() == colour
            wait_for_answer(node.address, port, VERSIONS["blue" if colour == "green" else "green"])  # the fault
        receipt = printed["receipt"]
        follows = {entry["node"]: entry["follows"] for entry in receipt["nodes"]}
        assert follows == {node.name: False, good.name: True}, receipt
        assert (receipt["followed"], printed["exitCode"]) == (False, 1)
        [warning] = [line for line in printed["warnings"] if "(SY-P140)" in line]
        assert node.name in warning
        assert good.name not in warning
    for each in own_nodes.real_nodes:
        wait_for_answer(each.address, port, VERSIONS["green"])
    printed = document(run_command(warm, "rollback", "backend", "--yes", "--json"), 0)
    receipt = printed["receipt"]
    assert receipt["followed"] is True, receipt
    for entry in receipt["nodes"]:
        assert receipt["patchedAfter"] < entry["answeredAfter"], receipt
