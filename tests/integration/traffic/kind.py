"""A kind cluster in the place of the sandbox, where Docker is at hand: ``SANDBOX=kind make test-traffic``."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.sandbox.image import backend_image
from devtools.sandbox.real_nodes import REPOSITORY
from devtools.sandbox.tags import environments, with_tags

NAME = "switchyard-traffic"

CONFIGURATION: dict[str, Any] = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "nodes": [{"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}],
}


@dataclass(frozen=True)
class KindNode:
    """A worker of the cluster, at the address that this machine reaches its NodePorts at."""

    name: str
    address: str


class KindCluster:
    """Two workers that run the example application."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="switchyard-kind-"))
        self.kubeconfig = self._folder / "kubeconfig"
        self.real_nodes: list[KindNode] = []

    @property
    def node_table(self) -> dict[str, Any]:
        """`switchyard:cluster.nodes` for it."""
        machine = {"type": "t3.medium", "zone": "ap-northeast-2b", "diskGb": 40, "workload": "application"}
        return {node.name: machine for node in self.real_nodes}

    def up(self) -> None:
        """Creates the cluster, with the images of the example application on every node."""
        configuration = self._folder / "kind.json"
        configuration.write_text(json.dumps(CONFIGURATION))
        self._kind("create", "cluster", "--config", str(configuration), "--kubeconfig", str(self.kubeconfig))
        archive = self._folder / "backend.tar"
        with_tags(backend_image(), REPOSITORY, environments(), archive)
        self._kind("load", "image-archive", str(archive))
        self.real_nodes = [
            KindNode(name, _address(name)) for name in sorted(self._kind("get", "nodes").split()) if "worker" in name
        ]

    def down(self) -> None:
        """Deletes the cluster."""
        self._kind("delete", "cluster")
        shutil.rmtree(self._folder)

    def _kind(self, *arguments: str) -> str:
        return _run("kind", *arguments, "--name", NAME)


def unavailable() -> str | None:
    """Why there can be no kind cluster here, in one line; None if nothing speaks against it."""
    missing = [program for program in ("kind", "docker") if shutil.which(program) is None]
    if missing:
        return f"SANDBOX=kind needs {' and '.join(missing)} on PATH"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "SANDBOX=kind needs a Docker engine that runs"
    return None


def _address(container: str) -> str:
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return _run("docker", "inspect", "--format", template, container).strip()


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
