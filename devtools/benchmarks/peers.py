"""The methods of switching users to the other version, on the same real nodes: this program and its peers."""

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from devtools.benchmarks.argo import Promote, Undo
from devtools.benchmarks.fast_lane import Rollback, Switch
from devtools.benchmarks.method import READY_SECONDS, Method, image, ours, service, single
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.toolchain.paths import PROJECT, binary
from switchyard.manifests import pods as render

PATCH = "kubectl patch"
OURS = "this program, pulumi up"
NAIVE = "naive program, pulumi up"
HELM = "helm upgrade"
ROLLING = "rolling update"


class Pulumi(Method):
    """A switch by one change of configuration and an update."""

    def __init__(
        self, name: str, sandbox: Sandbox, namespace: str, stack: Stack, change: Callable[[Stack, str], None]
    ) -> None:
        self.name = name
        super().__init__(sandbox, namespace)
        self.stack = stack
        self._change = change
        stack.run("up", "--yes", "--skip-preview", check=True)

    def start(self, to: str) -> "subprocess.Popen[str]":
        """Starts the update."""
        self._change(self.stack, to)
        return self.stack.start("up", "--yes", "--skip-preview")


class Patch(Method):
    """A change of the selector by `kubectl patch`, on objects that this program has created."""

    name = PATCH

    def command(self, to: str) -> list[str]:
        """Patches the Service."""
        patch = json.dumps({"spec": {"selector": {"version": to}}})
        return [*self.kubectl_command(), "patch", "service", "backend", "-p", patch]


class Helm(Method):
    """A chart with two Deployments and a Service, and a value that selects the colour that serves."""

    name = HELM

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        super().__init__(sandbox, namespace)
        subprocess.run([*self._helm("install"), "--wait"], check=True, capture_output=True)

    def command(self, to: str) -> list[str]:
        """Upgrades the release."""
        return [*self._helm("upgrade"), "--reuse-values", "--set", f"active={to}"]

    def _helm(self, verb: str) -> list[str]:
        command = [str(binary("helm")), verb, "backend", str(PROJECT / "devtools" / "benchmarks" / "chart")]
        return [*command, "--kubeconfig", str(self._sandbox.kubeconfig), "--namespace", self.namespace]


class Rolling(Method):
    """A rolling update of one Deployment with maxSurge 1 and maxUnavailable 0."""

    name = ROLLING

    def __init__(self, sandbox: Sandbox, namespace: str) -> None:
        super().__init__(sandbox, namespace)
        self.apply(render.service_account("backend", service(namespace)), *single(namespace, "Deployment"))
        self.kubectl("rollout", "status", "deployment/backend", f"--timeout={READY_SECONDS}s")

    def command(self, to: str) -> list[str]:
        """Sets the image, and waits for the rollout with `kubectl rollout status`."""
        change = [*self.kubectl_command(), "set", "image", "deployment/backend", f"app={image(to)}"]
        status = [*self.kubectl_command(), "rollout", "status", "deployment/backend"]
        return ["sh", "-ec", f"{shlex.join(change)}; {shlex.join(status)}"]


def selector_methods(sandbox: Sandbox, directory: Path) -> list[Method]:
    """The three methods that change the selector of a Service: by kubectl, by this program, by the naive program."""
    folder = directory / "naive"
    folder.mkdir()
    settings = {"kubeconfig": str(sandbox.kubeconfig), "namespace": "naive", "active": "blue"}
    naive = Stack(
        folder,
        {f"naive:{key}": value for key, value in settings.items()},
        PROJECT / "devtools" / "benchmarks" / "naive",
    )
    # The patched Service is created by this program, and its stack is never updated again.
    patched = Patch(sandbox, "patched")
    ours(sandbox, directory, "patched").run("up", "--yes", "--skip-preview", check=True)
    return [
        patched,
        Pulumi(OURS, sandbox, "ours", ours(sandbox, directory, "ours"), switch_ours),
        Pulumi(NAIVE, sandbox, "naive", naive, switch_naive),
    ]


def methods(sandbox: Sandbox, directory: Path) -> list[Method]:
    """Every method, each with three ready pods of both versions where it keeps both."""
    return [
        *selector_methods(sandbox, directory),
        Switch(sandbox, directory, "switch"),
        Rollback(sandbox, directory, "rollback"),
        Helm(sandbox, "helm"),
        Promote(sandbox, "promote"),
        Undo(sandbox, "undo"),
        Rolling(sandbox, "rolling"),
    ]


def switch_ours(stack: Stack, to: str) -> None:
    """Sets the key `active` of this program."""
    stack.set("services.backend.active", to)


def switch_naive(stack: Stack, to: str) -> None:
    """Sets the key of the naive program."""
    stack.replace("naive:active", to)
