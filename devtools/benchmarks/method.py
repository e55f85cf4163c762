"""A method of switching users to the other version, and the pods that all methods share."""

import json
import math
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.toolchain.paths import binary
from switchyard.config.models.service import BlueGreenSettings, Colour
from switchyard.manifests import blue_green as render
from switchyard.manifests import pods

T = TypeVar("T")

TAGS = {"blue": "v1.0.0", "green": "v2.0.0"}
"""Version of each colour. Answers contain it, so that methods without colours can be measured too."""

SMALL = {"requests": {"cpu": "20m", "memory": "64Mi"}}
"""Resource requests of a pod, small enough for the pods of all methods to run at the same time."""

READY_SECONDS = 120
"""Time limit for steps that are not measured, seconds. The longest is the drain of a rolling update's old pods, some 40
s."""

POLL_SECONDS = 0.2
"""Seconds between two checks in steps that are not measured."""


class Method:
    """A method of switching, in a namespace of its own in which blue serves."""

    name: str

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        self.namespace = namespace
        self.colour = "blue"
        self._sandbox = sandbox
        self.kubectl("create", "namespace", namespace)

    def next_colour(self) -> str:
        """The colour that serves after the next run. It alternates with each call."""
        self.colour = other(self.colour)
        return self.colour

    def prepare(self, to: str) -> None:
        """Performs the steps that are not measured, such as starting the new version where that is a separate step."""

    def command(self, to: str) -> list[str]:
        """The command that is timed."""
        raise NotImplementedError

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts the timed command."""
        return subprocess.Popen(self.command(to), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def settle(self) -> None:
        """Waits until the initial state is restored and no pod is terminating."""
        self.wait(lambda: not self.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.deletionTimestamp}"))

    def wait(self, holds: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Waits until a condition holds. It polls, because a watch would also show past states.

        Raises:
            TimeoutError: it does not hold within the time limit.
        """
        limit = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.name}: {self.kubectl('get', 'pods,services', '-o', 'wide')}")
            time.sleep(POLL_SECONDS)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs kubectl in the namespace."""
        command = [*self.kubectl_command(), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    def kubectl_command(self) -> list[str]:
        """The arguments with which every command of kubectl begins."""
        return [str(binary("kubectl")), "--kubeconfig", str(self._sandbox.kubeconfig), "-n", self.namespace]

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Creates objects."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listed))

    def port(self) -> int:
        """NodePort of Service `backend`."""
        return int(self.kubectl("get", "service", "backend", "-o", "jsonpath={.spec.ports[0].nodePort}"))

    def pods(self) -> list[str]:
        """UIDs of all pods, terminating ones included."""
        return self.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}").split()


def ours(sandbox: Sandbox, directory: Path, namespace: str) -> Stack:
    """This program's stack with one service: three pods of both colours, blue serving."""
    folder = directory / namespace
    folder.mkdir()
    cluster = {"kind": "existing", "kubeconfig": str(sandbox.kubeconfig), "identifier": "bench"}
    return Stack(folder, {"switchyard:cluster": cluster, "switchyard:services": {"backend": settings(namespace)}})


def in_time(rounds: Iterable[T], minutes: float | None) -> Iterator[T]:
    """The rounds that begin within a number of minutes from now; all rounds without a limit.

    Args:
        rounds: the rounds in their order.
        minutes: the time limit within which the last round begins; it does not apply to the first round.
    """
    limit = math.inf if minutes is None else time.monotonic() + 60 * minutes
    for number, round_ in enumerate(rounds):
        if number and time.monotonic() > limit:
            print(f"No further round: {minutes:g} minutes are over after {number}.", flush=True)
            return
        yield round_


def other(colour: str) -> str:
    """The other colour."""
    return "green" if colour == "blue" else "blue"


def image(colour: str) -> str:
    """Image of the version that stands for a colour."""
    return f"ghcr.io/org/backend:{TAGS[colour]}"


def settings(namespace: str) -> dict[str, Any]:
    """The service of the benchmarks, as the stack's configuration has it."""
    return {
        "image": "ghcr.io/org/backend",
        "namespace": namespace,
        "active": "blue",
        "resources": SMALL,
        **{colour: {"tag": tag, "replicas": 3} for colour, tag in TAGS.items()},
    }


def service(namespace: str) -> BlueGreenSettings:
    """Returns the parsed settings of the service."""
    return BlueGreenSettings.model_validate(settings(namespace))


def single(namespace: str, kind: str) -> list[dict[str, Any]]:
    """One set of pods, equal to those of this program, and a Service that selects all of them."""
    same = service(namespace)
    labels = {"app": "backend"}
    workload = render.deployment("backend", Colour.BLUE, same)
    workload["kind"] = kind
    workload["metadata"]["name"] = "backend"
    workload["spec"]["selector"]["matchLabels"] = labels
    workload["spec"]["template"]["metadata"]["labels"] = labels
    workload["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] = labels
    active = pods.active_service("backend", same)
    active["spec"]["selector"] = labels
    return [workload, active]
