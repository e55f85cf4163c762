"""Measures whether the receipt of a switch names a node whose kube-proxy is stopped."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks.load import wait_for_answer
from devtools.benchmarks.method import TAGS, other, ours, settings
from devtools.benchmarks.peers import Patch
from devtools.sandbox import Sandbox
from devtools.sandbox.processes import stopped
from devtools.sandbox.real_node import RealNode
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.config.models.service_name import ServiceName
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.manifests.ownership_marks import mark_of
from switchyard.release.engine.convergence import Convergence
from switchyard.release.observe import observe
from switchyard.release.plan import Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.receipt.warnings import not_followed
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.protocol import SwitchSteps


@dataclass(frozen=True)
class ReceiptRun:
    """One switch and its receipt.

    Attributes:
        stalled: the node whose kube-proxy was stopped; empty where none was.
        named: the nodes that the receipt and the warning name as not following.
        followed: whether the receipt reports that all nodes follow.
        answered: seconds from the patch to the last node that answered with the new version.
    """

    stalled: str
    named: list[str]
    followed: bool | None
    answered: float | None


def run(sandbox: Sandbox, directory: Path, runs: int) -> list[ReceiptRun]:
    """Switches `runs` times with a stopped kube-proxy, and a fifth as often without a fault. The nodes alternate."""
    namespace = Patch(sandbox, "receipts").namespace
    ours(sandbox, directory, namespace).run("up", "--yes", "--skip-preview", check=True)
    service = BlueGreenSettings.model_validate(settings(namespace) | {"release": {"drain": {"method": "none"}}})
    nodes, results, serving = sandbox.real_nodes, [], "blue"
    for number in range(runs + runs // 5):
        stalled = nodes[number % len(nodes)] if number < runs else None
        receipt, warning = asyncio.run(_switch(sandbox, service, serving, stalled))
        serving = other(serving)
        named = [node.node for node in receipt.behind if warning is not None and node.node in warning]
        answered = [node.answered_after for node in receipt.nodes if node.answered_after is not None]
        last = max(answered) - (receipt.patched_after or 0) if answered else None
        results.append(ReceiptRun(stalled.name if stalled else "", named, receipt.followed, last))
        print(results[-1], flush=True)
    return results


async def _switch(
    sandbox: Sandbox, service: BlueGreenSettings, serving: str, stalled: RealNode | None
) -> tuple[Receipt, str | None]:
    access, name = ClusterAccess(str(sandbox.kubeconfig)), ServiceName("backend", "backend")
    cluster = await Cluster.connect(access)
    live = await cluster.api.ask("get", "services", name, service.namespace)
    mark = mark_of(live)
    if mark is None:
        raise RuntimeError("the Service has no mark of its stack")
    for node in sandbox.real_nodes:
        await asyncio.to_thread(wait_for_answer, node.address, live["spec"]["ports"][0]["nodePort"], TAGS[serving])
    configured = service.model_copy(update={"active": Colour(serving)})

    async def read() -> Observation:
        return await observe(cluster, name, configured, mark, access.described)

    async def warm(_: Plan) -> None:
        raise RuntimeError("both colours are warm")

    async def converge(_: Receipt) -> Convergence:
        return Convergence(config=True, state=True)

    journal = LeasedSwitchJournal(cluster.api, service.namespace, name, print)
    lane = FastLane(access, cluster, journal, print)
    plan = await lane.plan_switch(await read(), None)
    if stalled is None:
        outcome = await lane.run(plan, None, SwitchSteps(read, warm, converge))
    else:
        with stopped(stalled.processes()["kube-proxy"]):
            outcome = await lane.run(plan, None, SwitchSteps(read, warm, converge))
    return outcome.receipt, not_followed(plan, outcome.receipt)
