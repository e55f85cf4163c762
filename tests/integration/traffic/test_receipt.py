"""The receipt of a switch by command, on real nodes: what it saw of each node, and what it does not claim."""

from devtools.benchmarks.load import wait_for_answer
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.processes import stopped
from tests.support.commands import document, run_command
from tests.support.kubectl import Kubectl

VERSIONS = {"blue": "v1.0.0", "green": "v2.0.0"}


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
