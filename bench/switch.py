"""One switch of colour, by three ways, on the same cluster in the same run, in shuffled order."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.measure import SelectorWatch, Timing, time_switch
from sandbox import Sandbox
from sandbox.stack import Stack
from toolchain.paths import PROJECT, binary

PATCH, OURS, NAIVE = "kubectl patch", "this program, pulumi up", "naive program, pulumi up"


class Contender:
    """One way to switch, with a namespace of its own in which both colours are warm and blue serves."""

    def __init__(self, name: str, sandbox: Sandbox, namespace: str) -> None:
        self.name = name
        self.namespace = namespace
        self.colour = "blue"
        self._kubectl = [str(binary("kubectl")), "--kubeconfig", str(sandbox.kubeconfig), "-n", namespace]
        subprocess.run([*self._kubectl, "create", "namespace", namespace], check=True, capture_output=True)

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts the command that switches."""
        patch = f'{{"spec": {{"selector": {{"version": "{to}"}}}}}}'
        command = [*self._kubectl, "patch", "service", "backend", "-p", patch]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class PulumiContender(Contender):
    """A switch by one change of configuration and an update."""

    def __init__(
        self, name: str, sandbox: Sandbox, namespace: str, stack: Stack, change: Callable[[Stack, str], None]
    ) -> None:
        super().__init__(name, sandbox, namespace)
        self._stack = stack
        self._change = change
        stack.run("up", "--yes", "--skip-preview", check=True)

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts the update."""
        self._change(self._stack, to)
        return self._stack.start("up", "--yes", "--skip-preview")


def service(namespace: str) -> dict[str, object]:
    """The service of the benchmark: three pods of both colours."""
    colour = {"tag": "v1", "replicas": 3}
    return {
        "image": "ghcr.io/org/backend",
        "namespace": namespace,
        "active": "blue",
        "blue": colour,
        "green": colour,
    }


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[str, list[Timing]]:
    """Switches `runs` times by each way; returns the timings by way."""
    contenders = _contenders(sandbox, directory)
    timings: dict[str, list[Timing]] = {contender.name: [] for contender in contenders}
    turns = [contender for contender in contenders for _ in range(runs)]
    random.shuffle(turns)
    for contender in turns:
        contender.colour = "green" if contender.colour == "blue" else "blue"
        with SelectorWatch(str(sandbox.kubeconfig), contender.namespace) as watch:
            timing = time_switch(lambda: contender.start(contender.colour), watch, contender.colour)  # noqa: B023
        timings[contender.name].append(timing)
        print(f"{contender.name}: selector {timing.selector:.3f} s, done {timing.done:.3f} s", flush=True)
    return timings


def switch_ours(stack: Stack, to: str) -> None:
    """Changes this program's one key."""
    stack.set("services.backend.active", to)


def switch_naive(stack: Stack, to: str) -> None:
    """Changes the naive program's."""
    stack.replace("naive:active", to)


def _contenders(sandbox: Sandbox, directory: Path) -> list[Contender]:
    stacks = {}
    for name in ("patched", "ours", "naive"):
        folder = directory / name
        folder.mkdir()
        stacks[name] = folder
    kubeconfig = str(sandbox.kubeconfig)

    def ours(namespace: str, folder: Path) -> Stack:
        cluster = {"kind": "existing", "kubeconfig": kubeconfig, "identifier": "bench"}
        services = {"backend": service(namespace)}
        return Stack(folder, {"switchyard:cluster": cluster, "switchyard:services": services})

    naive = Stack(
        stacks["naive"],
        {"naive:kubeconfig": kubeconfig, "naive:namespace": "naive", "naive:active": "blue"},
        PROJECT / "bench" / "naive",
    )
    # What is patched is made by this program, and its stack never updated again.
    patched = Contender(PATCH, sandbox, "patched")
    ours("patched", stacks["patched"]).run("up", "--yes", "--skip-preview", check=True)
    return [
        patched,
        PulumiContender(OURS, sandbox, "ours", ours("ours", stacks["ours"]), switch_ours),
        PulumiContender(NAIVE, sandbox, "naive", naive, switch_naive),
    ]
