"""Reads and writes a cluster: the pinned kubectl, and a client in this process for the most frequent reads."""

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from devtools.toolchain.paths import binary
from tests.support.reader import Reader

SECONDS = 60
"""Time limit for every wait, seconds. The usual duration is a second, longer on a busy machine."""


class Kubectl:
    """kubectl with one kubeconfig, in one namespace."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self._reader = Reader(kubeconfig)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs a command; what it prints on an error is part of the exception."""
        result = subprocess.run(self.command(*arguments), capture_output=True, text=True, input=stdin, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command that keeps running, such as a watch, and returns immediately."""
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, text=True)

    def command(self, *arguments: str) -> list[str]:
        """The command line of a command, for callers that start it."""
        return [str(binary("kubectl")), "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *arguments]

    def get(self, *arguments: str) -> Any:
        """An object, or a list of objects."""
        if (read := self._reader.read(self.namespace, arguments)) is not None:
            return read
        answer = json.loads(self.run("get", *arguments, "-o", "json"))
        return answer["items"] if answer["kind"] == "List" else answer

    def apply(self, manifest: dict[str, Any]) -> None:
        """Creates or changes an object."""
        self.run("apply", "-f", "-", stdin=json.dumps(manifest))

    def serving(self, service: str = "backend") -> str:
        """The colour that a Service selects."""
        return str(self.get("service", service)["spec"]["selector"]["version"])

    def pods(self, colour: str, service: str = "backend") -> list[dict[str, Any]]:
        """The pods of one colour that are not being deleted."""
        pods = self.get("pods", "-l", f"app={service},version={colour}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def expect_pods(self, **wanted: int) -> None:
        """Waits, by a watch, until each colour has as many pods as wanted that are not being deleted.

        An update may end a moment before its Deployments have deleted the last of the old pods.
        """
        self.expect(wanted, lambda: self._count(wanted), "pods")

    def expect_endpoints(self, service: str, ready: int) -> None:
        """Waits, by a watch, until a Service has as many ready endpoints, which follow its pods a moment later."""
        of_service = ("endpointslices", "-l", f"kubernetes.io/service-name={service}")

        def count() -> int:
            endpoints = [endpoint for item in self.get(*of_service) for endpoint in item.get("endpoints") or ()]
            return sum(endpoint["conditions"]["ready"] for endpoint in endpoints)

        self.expect(ready, count, *of_service)

    def expect(self, wanted: object, observe: Callable[[], object], *what: str) -> None:
        """Waits until an observation, which is repeated at every change of some objects, is as wanted."""
        if observe() == wanted:
            return
        watch = self.start("get", *what, "--watch", "--output=name", f"--request-timeout={SECONDS}s")
        assert watch.stdout is not None
        try:
            for _ in watch.stdout:
                if observe() == wanted:
                    return
        finally:
            watch.kill()
            watch.communicate()
        assert observe() == wanted

    def expect_ready(self, **wanted: int) -> None:
        """Waits until each colour has as many pods as wanted, all of them are ready, and its Deployment says so.

        A refresh records a Deployment whose pods are not ready as a resource to update.
        """
        self.expect_pods(**wanted)
        for colour in wanted:
            if names := [f"pod/{pod['metadata']['name']}" for pod in self.pods(colour)]:
                self.wait("condition=Ready", *names)
            self.run("rollout", "status", f"deployment/backend-{colour}", f"--timeout={SECONDS}s")

    def _count(self, colours: Iterable[str]) -> dict[str, int]:
        return {colour: len(self.pods(colour)) for colour in colours}

    def wait(self, condition: str, *what: str, seconds: int = SECONDS) -> None:
        """Waits, by a watch, until objects are as the condition says."""
        self.run("wait", f"--for={condition}", f"--timeout={seconds}s", *what)
