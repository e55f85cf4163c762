"""A Rollout, watched by kubectl and driven by its plugin."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from devtools.engine import Stack
from devtools.sandbox.host import free_ports
from devtools.toolchain.paths import binary
from tests.support.kubectl import Kubectl

SECONDS = 180
"""Time limit for every wait, seconds. The longest canary of these tests takes about 40 s."""

POLL_SECONDS = 0.1
"""Seconds between two requests to a server that cannot be watched."""


class Rollouts:
    """Rollout `backend` of a namespace."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def get(self) -> dict[str, Any]:
        """The Rollout."""
        manifest: dict[str, Any] = self._kubectl.get("rollout", "backend")
        return manifest

    def run(self, verb: str, *arguments: str) -> str:
        """Runs a command of ``kubectl argo rollouts`` on it."""
        return self._plugin(verb, "backend", *arguments)

    def expect_valid(self, manifests: Sequence[dict[str, Any]], directory: Path) -> None:
        """Asserts that a strict API server and the plugin's linter take manifests, which are written to a directory."""
        for manifest in manifests:
            file = directory / f"{manifest['kind']}-{manifest['metadata']['name']}.json"
            file.write_text(json.dumps(manifest))
            strict = ["--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts"]
            self._kubectl.run("apply", *strict, "-f", str(file))
        together = directory / "all.yaml"
        together.write_text(yaml.safe_dump_all(manifests))
        self._plugin("lint", "--filename", str(together))

    @contextmanager
    def dashboard(self) -> Iterator[str]:
        """The dashboard while the block runs; yields its address once it answers."""
        [port] = free_ports(1)
        command = self._command("dashboard", f"--port={port}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                assert process.stdout is not None
                said = []
                for line in process.stdout:
                    said.append(line)
                    if f":{port}" in line:
                        break
                else:
                    raise AssertionError("".join(said))
                address = f"http://127.0.0.1:{port}/rollouts"
                _until_it_answers(f"{address}/api/v1/version")
                yield address
            finally:
                process.kill()

    def _command(self, *arguments: str) -> list[str]:
        command = [str(binary("kubectl-argo-rollouts")), *arguments]
        return [*command, "--kubeconfig", str(self._kubectl.kubeconfig), "-n", self._kubectl.namespace]

    def _plugin(self, *arguments: str) -> str:
        result = subprocess.run(self._command(*arguments), capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def wait(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Waits, by a watch, until the Rollout's status, as its controller has it for this generation, is as wanted."""

        def seen(rollout: dict[str, Any]) -> bool:
            status = rollout.get("status", {})
            return status.get("observedGeneration") == str(rollout["metadata"]["generation"]) and holds(status)

        return until(self._kubectl, seen, "rollout", "backend")

    def wait_for(self, phase: str) -> dict[str, Any]:
        """Waits until it is in a phase."""
        return self.wait(lambda status: status.get("phase") == phase)

    def wait_for_new(self, old: str) -> str:
        """Waits until its controller knows another version than the old one; returns the new one's hash."""
        manifest = self.wait(lambda status: status.get("currentPodHash") not in {None, old})
        return str(manifest["status"]["currentPodHash"])

    def expect_pods(self, wanted: Mapping[str, int]) -> None:
        """Waits until versions, by their hashes, have as many pods that are not being deleted.

        The status of the Rollout counts what its controller knew last.
        """
        self._kubectl.expect(wanted, lambda: {pod_hash: self._pods(pod_hash) for pod_hash in wanted}, "pods")

    def _pods(self, pod_hash: str) -> int:
        """Pods of a version that are not being deleted."""
        pods = self._kubectl.get("pods", "-l", f"rollouts-pod-template-hash={pod_hash}")
        return sum("deletionTimestamp" not in pod["metadata"] for pod in pods)


def until(kubectl: Kubectl, holds: Callable[[dict[str, Any]], bool], *what: str) -> dict[str, Any]:
    """Waits, by a watch, until an object is as wanted; returns it."""
    watch = kubectl.start("get", *what, "--watch", "-o", "json", f"--request-timeout={SECONDS}s")
    assert watch.stdout is not None
    decoder, text = json.JSONDecoder(), ""
    last: dict[str, Any] = {}
    try:
        for line in watch.stdout:
            text += line
            if line.rstrip() != "}":
                continue
            last, end = decoder.raw_decode(text)
            text = text[end:].lstrip()
            if holds(last):
                return last
    finally:
        watch.kill()
        watch.communicate()
    raise AssertionError(f"{' '.join(what)} is {last}")


def kill_once_the_rollout_exists(stack: Stack, kubectl: Kubectl) -> None:
    """Starts an update, and kills the engine when the Rollout appears; the stack can be updated again afterwards."""
    engine = stack.start("up", "--yes", "--skip-preview")
    watch = kubectl.start("get", "rollouts", "--watch", "-o", "name", f"--request-timeout={SECONDS}s")
    assert watch.stdout is not None
    assert watch.stdout.readline().strip() == "rollout.argoproj.io/backend"
    stack.kill(engine)
    watch.kill()
    watch.communicate()
    assert engine.returncode != 0
    stack.run("cancel", "--yes")


def _until_it_answers(url: str) -> None:
    """Waits until the dashboard answers. It listens before its backend does, and answers 503 until then."""
    limit = time.monotonic() + SECONDS
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:
        while (answer := client.get(url)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert time.monotonic() < limit, answer.text
            time.sleep(POLL_SECONDS)
