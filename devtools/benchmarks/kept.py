"""How long kept connections stay with the old colour after a switch: left alone, drained by the endpoint, by a renewal.

The clients never close a connection. Half of them reach the nodes directly, half through a proxy that keeps its
connections to the nodes, as a load balancer does.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from devtools.benchmarks.kept_clients import Answer, KeptClients
from devtools.benchmarks.load import wait_for_answer
from devtools.benchmarks.method import TAGS, ours, settings
from devtools.benchmarks.peers import PATCH, Patch
from devtools.sandbox import Sandbox
from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.release.drain import drain, undrain
from switchyard.release.drain_report import DrainReport

CLIENTS = 20
"""Of each kind."""

SECONDS_BEFORE = 1
SECONDS_AFTER = 5
"""Load after the last step, in which old answers would be seen."""

NAMES = {
    DrainMethod.NONE: PATCH,
    DrainMethod.ENDPOINT: f"{PATCH}, drain by the endpoint",
    DrainMethod.RENEW: f"{PATCH}, drain by a renewal",
}


@dataclass(frozen=True)
class KeptRun:
    """One switch, seconds from Enter.

    Attributes:
        direct: to the last answer of the old colour to clients of the NodePorts; None if they got more at the end.
        proxied: the same behind the proxy.
        done: to the end of the last step.
        left: connections that the drain counted at its end; None where it did not.
        requests: sent in all.
        failed: of these.
    """

    direct: float | None
    proxied: float | None
    done: float
    left: int | None
    requests: int
    failed: int


class DrainedPatch(Patch):
    """A change of the selector by kubectl, with a drain after it."""

    def __init__(self, sandbox: Sandbox, directory: Path, method: DrainMethod) -> None:
        self.name = NAMES[method]
        super().__init__(sandbox, f"kept-{method}")
        ours(sandbox, directory, self.namespace).run("up", "--yes", "--skip-preview", check=True)
        release = {"release": {"drain": {"method": method.value}}}
        self._service = BlueGreenSettings.model_validate(settings(self.namespace) | release)

    def switch(self, to: str) -> DrainReport:
        """Switches and drains; returns what the drain reached."""
        return asyncio.run(self._switch(Colour(to)))

    async def _switch(self, to: Colour) -> DrainReport:
        cluster = await Cluster.connect(ClusterAccess(str(self._sandbox.kubeconfig)))
        await undrain(cluster, "backend", self._service, to)
        command = self.command(to.value)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        if await process.wait():
            raise RuntimeError(f"{self.name}: exit code {process.returncode}")
        return await drain(cluster, "backend", self._service, to.other)


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[str, list[KeptRun]]:
    """Switches `runs` times by each way, in shuffled order; returns the runs by way."""
    ways = [DrainedPatch(sandbox, directory, method) for method in NAMES]
    results: dict[str, list[KeptRun]] = {way.name: [] for way in ways}
    turns = [way for way in ways for _ in range(runs)]
    random.shuffle(turns)
    for way in turns:
        measured = measure(way, way.turn(), [node.address for node in sandbox.real_nodes])
        results[way.name].append(measured)
        print(f"{way.name}: {measured}", flush=True)
    return results


def measure(way: DrainedPatch, to: str, addresses: Sequence[str]) -> KeptRun:
    """One switch under load."""
    old = "blue" if to == "green" else "green"
    for address in addresses:
        wait_for_answer(address, way.port(), TAGS[old])
    with ExitStack() as load:
        clients = [
            load.enter_context(KeptClients(addresses, way.port(), CLIENTS, behind_proxy=behind))
            for behind in (False, True)
        ]
        time.sleep(SECONDS_BEFORE)
        begun = time.time()
        report = way.switch(to)
        done = time.time()
        if report.problem is not None:
            raise RuntimeError(report.problem)
        time.sleep(SECONDS_AFTER)
        ended = time.time()
    way.settle()
    answers = [group.answers() for group in clients]
    direct, proxied = (last_old(group, old, begun, ended) for group in answers)
    return KeptRun(
        direct=direct,
        proxied=proxied,
        done=done - begun,
        left=report.connections_left,
        requests=sum(map(len, answers)),
        failed=sum(answer.failed for group in answers for answer in group),
    )


def last_old(answers: Sequence[Answer], old: str, begun: float, ended: float) -> float | None:
    """Seconds from the start to the last answer of the old colour; None if it still answers in the last second."""
    last = max(answer.done for answer in answers if answer.colour == old)
    return None if last > ended - 1 else last - begun
