"""How a preview and an update without a change grow with the number of services."""

import json
import subprocess
from pathlib import Path

from devtools.benchmarks.measure import timed
from devtools.engine import Stack
from devtools.sandbox import Sandbox
from devtools.sandbox.nodes import node_manifest
from devtools.toolchain.paths import binary
from switchyard.config.models.nodes import NodeSettings

SIZES = (1, 10, 50, 200)
NODE = NodeSettings(type="m5.2xlarge", zone="ap-northeast-2a", disk_gb=100, workload="application")
NODES = 6
"""Simulated nodes of their own: the two workers have room for 216 pods, 200 services with a rolling pod need 400."""


def run(sandbox: Sandbox, directory: Path, runs: int) -> dict[int, dict[str, list[dict[str, float]]]]:
    """Measures each size `runs` times; returns seconds and peak memory (MiB) by size and command."""
    nodes = {f"grow-{number}": NODE for number in range(NODES)}
    _register(sandbox, nodes)
    table = {name: node.model_dump(by_alias=True, exclude_none=True) for name, node in nodes.items()}
    directory = directory / "growth"
    directory.mkdir()
    cluster = {
        "kind": "existing",
        "kubeconfig": str(sandbox.kubeconfig),
        "identifier": "growth",
        "nodes": json.loads(json.dumps(table)),
    }
    stack = Stack(directory, {"switchyard:cluster": cluster, "switchyard:services": {}})
    found: dict[int, dict[str, list[dict[str, float]]]] = {}
    for size in SIZES:
        for number in range(size):
            stack.set(f"services.service-{number:03}", _service())
        first = timed(lambda: stack.start("up", "--yes", "--skip-preview"))[1]
        print(f"{size} services: first update {first:.1f} s", flush=True)
        found[size] = {"preview": [], "up": []}
        for _ in range(runs):
            for command in (["preview"], ["up", "--yes", "--skip-preview"]):
                _, seconds, peak = timed(lambda: stack.start(*command))  # noqa: B023
                found[size][command[0]].append({"seconds": seconds, **peak})
                print(f"{size} services: {command[0]} {seconds:.2f} s, {peak['all']:.0f} MiB", flush=True)
    return found


def _service() -> dict[str, object]:
    small = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    return {
        "image": "ghcr.io/org/backend",
        "active": "blue",
        "blue": {"tag": "v1", "replicas": 1},
        "resources": small,
    }


def _register(sandbox: Sandbox, nodes: dict[str, NodeSettings]) -> None:
    kubectl = [str(binary("kubectl")), "--kubeconfig", str(sandbox.kubeconfig)]
    for number, (name, node) in enumerate(nodes.items()):
        manifest = json.dumps(node_manifest(name, node, 100 + number))
        subprocess.run([*kubectl, "apply", "-f", "-"], input=manifest, text=True, check=True, capture_output=True)
    subprocess.run([*kubectl, "wait", "--for=condition=Ready", "node", *nodes], check=True, capture_output=True)
