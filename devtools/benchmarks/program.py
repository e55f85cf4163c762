"""The cost of runs of the program by number of services, for this checkout and another one in the same run."""

import json
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devtools.benchmarks.checkouts import NEW, Checkout, checkouts
from devtools.benchmarks.cost import Cost, cost_of
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.cluster import Kind
from devtools.sandbox.nodes import node_manifest
from devtools.toolchain.paths import binary
from switchyard.config.models.nodes import NodeSettings

SIZES = (1, 10, 50, 200, 500)
"""Numbers of services on one stack, which grows from each to the next."""

COMPARED = (1, 50, 200)
"""Numbers of services at which the other checkout is measured too."""

UPDATES = 2
"""Number of updates without a change for each size. The caller chooses the number of previews."""

MOST_AT_ONCE = ("--parallel", "64")
"""Option of updates that create services. These wait for pods, and on two cores the engine runs only eight steps at
once by default."""

NODE = NodeSettings(type="m5.2xlarge", zone="ap-northeast-2a", disk_gb=100, workload="application")
NODES = 10
"""Simulated nodes of the stack's own, 110 pods each: 500 services with a rolling pod each need 1,000."""

PREVIEW, UPDATE, HELP, STATUS = "preview", "up", "switchyard --help", "switchyard status"


@dataclass
class CheckoutStack:
    """One checkout in a benchmark, with its own cluster and stack."""

    checkout: Checkout
    stack: Stack


Start = Callable[[CheckoutStack], "subprocess.Popen[str]"]
"""Starts a command of one checkout."""


def run(sandbox: Sandbox, directory: Path, sizes: tuple[int, ...], times: int, against: Path | None) -> dict[str, Any]:
    """Measures each size `times` times, alternating between the two checkouts.

    Args:
        sandbox: the cluster of this checkout.
        directory: an empty folder.
        sizes: numbers of services, rising.
        times: previews of each size and calls of the command line.
        against: the other checkout; None measures this one alone.

    Returns:
        ``checkouts`` (what was compared), and ``first``, ``costs`` by size, by command and by checkout.
    """
    with ExitStack() as ending:
        pairs = [
            CheckoutStack(checkout, _stack(checkout, _sandbox(checkout, sandbox, ending), directory))
            for checkout in checkouts(against)
        ]
        return {
            "checkouts": {pair.checkout.name: pair.checkout.describe() for pair in pairs},
            "sizes": {str(size): _measure(size, pairs, times) for size in sizes},
        }


def _sandbox(checkout: Checkout, sandbox: Sandbox, ending: ExitStack) -> Sandbox:
    """A cluster for each checkout: each registers the same nodes, and marks what it creates in its own way."""
    if checkout.name == NEW:
        return sandbox
    other = Sandbox(f"{sandbox.name}-compared")
    ending.callback(other.down)
    other.down()
    other.up(Kind.SIMULATED)
    return other


def _stack(checkout: Checkout, sandbox: Sandbox, directory: Path) -> Stack:
    nodes = {f"grow-{number}": NODE for number in range(NODES)}
    _register(sandbox, nodes)
    table = {name: node.model_dump(by_alias=True, exclude_none=True, mode="json") for name, node in nodes.items()}
    cluster = {
        "kind": "existing",
        "kubeconfig": str(sandbox.kubeconfig),
        "identifier": "growth",
        "nodes": table,
    }
    folder = directory / checkout.name.replace(" ", "-")
    return checkout.stack(folder, {"switchyard:cluster": cluster, "switchyard:services": {}})


def _measure(size: int, pairs: list[CheckoutStack], times: int) -> dict[str, Any]:
    measured = [pair for pair in pairs if pair.checkout.name == NEW or size in COMPARED]
    first = {pair.checkout.name: asdict(_grow(size, pair)) for pair in measured}
    commands: dict[str, tuple[Start, int]] = {PREVIEW: (_preview, times), UPDATE: (_update, UPDATES)}
    if size == 1:
        commands |= {HELP: (_help, times), STATUS: (_status, times)}
        for pair in measured:
            for start in (_help, _status):  # compiles the modules, so that the measured calls do not have to
                start(pair).communicate()
    return {"first": first, "costs": {name: _in_turn(size, name, measured, *of) for name, of in commands.items()}}


def _in_turn(
    size: int, command: str, pairs: list[CheckoutStack], start: Start, times: int
) -> dict[str, list[dict[str, Any]]]:
    """Costs by checkout. Which of the two is measured first alternates."""
    costs: dict[str, list[dict[str, Any]]] = {pair.checkout.name: [] for pair in pairs}
    for number in range(times):
        for pair in pairs if number % 2 else reversed(pairs):
            cost = cost_of(lambda: start(pair))  # noqa: B023
            _tell(size, command, pair.checkout, cost)
            costs[pair.checkout.name].append(asdict(cost))
    return costs


def _preview(pair: CheckoutStack) -> "subprocess.Popen[str]":
    return pair.stack.start("preview")


def _update(pair: CheckoutStack) -> "subprocess.Popen[str]":
    return pair.stack.start("up", "--yes", "--skip-preview")


def _help(pair: CheckoutStack) -> "subprocess.Popen[str]":
    return pair.checkout.command(pair.stack, "--help")


def _status(pair: CheckoutStack) -> "subprocess.Popen[str]":
    return pair.checkout.command(pair.stack, "status", "--stack", pair.stack.name)


def _grow(size: int, pair: CheckoutStack) -> Cost:
    """Creates the missing services in one update, which is not measured."""
    for number in range(size):
        pair.stack.config["config"]["switchyard:services"].setdefault(f"service-{number:03}", _service())
    pair.stack.set("services", pair.stack.config["config"]["switchyard:services"])
    pair.stack.saved_at_the_end = True
    cost = cost_of(lambda: pair.stack.start("up", "--yes", "--skip-preview", *MOST_AT_ONCE))
    pair.stack.saved_at_the_end = False
    _tell(size, "first update", pair.checkout, cost)
    return cost


def _tell(size: int, command: str, checkout: Checkout, cost: Cost) -> None:
    print(
        f"{size} services, {checkout.name}, {command}: {cost.seconds:.2f} s, {cost.cpu:.2f} CPU-s, "
        f"{cost.memory:.0f} MiB",
        flush=True,
    )


def _service() -> dict[str, object]:
    return {
        "image": "ghcr.io/org/backend",
        "active": "blue",
        "blue": {"tag": "v1", "replicas": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }


def _register(sandbox: Sandbox, nodes: dict[str, NodeSettings]) -> None:
    kubectl = [str(binary("kubectl")), "--kubeconfig", str(sandbox.kubeconfig)]
    for number, (name, node) in enumerate(nodes.items()):
        manifest = json.dumps(node_manifest(name, node, 100 + number))
        subprocess.run([*kubectl, "apply", "-f", "-"], input=manifest, text=True, check=True, capture_output=True)
    subprocess.run([*kubectl, "wait", "--for=condition=Ready", "node", *nodes], check=True, capture_output=True)
