"""Real nodes start, run side by side, recover from faults of their parts, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devtools.benchmarks.load import wait_for_answer
from devtools.sandbox import Sandbox, SandboxError, cgroups, host, slots
from devtools.sandbox.cluster import Kind
from devtools.sandbox.processes import end
from devtools.sandbox.real_node import COMPONENTS, RealNode
from devtools.sandbox.real_nodes import REPOSITORY, RealNodes
from devtools.toolchain.paths import PROJECT
from tests.integration.traffic.traces import traces
from tests.support.kubectl import Kubectl

POLL_SECONDS = 0.01
"""Pause between two checks whether a start has reached a point, which shows in files and processes."""

IMAGE = f"{REPOSITORY}:v1.0.0"


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox of the test's own, not started."""
    mine = Sandbox(f"traffic-own-{os.getpid()}")
    yield mine
    mine.down()


def kubectl_of(sandbox: Sandbox) -> Kubectl:
    return Kubectl(sandbox.kubeconfig, "default")


def serve(kubectl: Kubectl, node: RealNode, name: str) -> int:
    """Runs a pod on a node, behind a NodePort, until it answers through this node; returns the port."""
    container = {
        "name": "backend",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "env": [{"name": "VERSION", "value": "blue"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 1},
    }
    labels = {"app": name}
    kubectl.wait("create", "serviceaccount/default")  # by a controller; a pod needs it
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": node.name, "containers": [container]},
        }
    )
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"type": "NodePort", "selector": labels, "ports": [{"port": 80, "targetPort": 8000}]},
        }
    )
    kubectl.wait("condition=Ready", f"pod/{name}", seconds=120)
    port = int(kubectl.get("service", name)["spec"]["ports"][0]["nodePort"])
    wait_for_answer(node.address, port)
    return port


def life_of(kubectl: Kubectl, node: RealNode, name: str) -> tuple[str, int, str]:
    """A pod's container, how often it was restarted, and its process as the node counts it."""
    [status] = kubectl.get("pod", name)["status"]["containerStatuses"]
    container = status["containerID"].removeprefix("containerd://")
    tasks = [line.split() for line in node.run("ctr", "--namespace", "k8s.io", "tasks", "list").splitlines()]
    [process] = [number for identifier, number, state in tasks if (identifier, state) == (container, "RUNNING")]
    return container, status["restartCount"], process


def commands() -> list[str]:
    return [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]


def test_two_sandboxes_share_nothing_and_the_end_of_one_does_not_affect_the_other(
    sandbox: Sandbox, own: Sandbox
) -> None:
    before = traces(own.directory)
    others = [node.processes() for node in sandbox.real_nodes]
    own.up(Kind.REAL)
    for node, other in zip(sandbox.real_nodes, own.real_nodes, strict=True):
        assert node.address != other.address
        assert node.cgroup != other.cgroup
        assert node.slot.bridge != other.slot.bridge
    ports = {node.name: serve(kubectl_of(own), node, f"serves-{node.name}") for node in own.real_nodes}
    for node in own.real_nodes:
        for port in ports.values():
            wait_for_answer(node.address, port)  # from either node, whichever the pod is on
    during = traces(own.directory) - before
    assert {line.split()[0] for line in during} == {"process", "interface", "route", "cgroup", "claim"}
    own.down()
    assert traces(own.directory) - before == set()
    assert not own.directory.exists()
    assert [node.processes() for node in sandbox.real_nodes] == others
    assert sandbox.running()


def test_an_up_killed_at_any_point_leaves_nothing_after_down_and_does_not_block_the_next(own: Sandbox) -> None:
    nodes = own.directory / "nodes"

    def has_bridge() -> bool:
        slot = slots.claimed(own.directory)
        return slot is not None and host.exists(slot.bridge)

    def logged(file: str, line: str) -> bool:
        return any(line in log.read_text() for log in nodes.glob(f"*/logs/{file}.log"))

    points: dict[str, Callable[[], bool]] = {
        "a number is claimed": lambda: slots.claimed(own.directory) is not None,
        "the bridge is there": has_bridge,
        "the first node has its namespaces": lambda: any(
            f"-m devtools.sandbox.node_init {nodes}/" in command and "unshare" not in command for command in commands()
        ),
        "containerd is configured": lambda: any(nodes.glob("*/containerd.toml")),
        "the kubelet starts": lambda: any(nodes.glob("*/logs/kubelet.log")),
        "a node is registered": lambda: logged("kubelet", "Successfully registered node"),
        "an image is imported": lambda: any(f"images import {own.directory}" in command for command in commands()),
    }
    before = traces(own.directory)
    missed = []
    for name, reached in points.items():
        command = [sys.executable, "-m", "devtools.sandbox", "up", "--name", own.name, "--nodes", "real"]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as up:
            while up.poll() is None and not reached():  # the start is bounded itself
                time.sleep(POLL_SECONDS)
            up.kill()
        if up.returncode != -signal.SIGKILL:
            missed.append(name)
        own.down()
        assert traces(own.directory) - before == set(), name
        assert not own.directory.exists(), name
    assert len(missed) <= 1, f"never killed at: {missed}"
    own.up(Kind.REAL)
    assert own.running()
    own.down()
    assert traces(own.directory) - before == set()


@pytest.mark.parametrize("component", COMPONENTS)
def test_up_repairs_a_part_that_was_killed_and_pods_run_on(sandbox: Sandbox, kubectl: Kubectl, component: str) -> None:
    node = sandbox.real_nodes[0]
    port = serve(kubectl, node, "before")
    life = life_of(kubectl, node, "before")
    parts = node.processes()
    end([psutil.Process(parts[component])])
    assert set(node.processes()) == set(COMPONENTS) - {component}
    assert not sandbox.running()
    sandbox.up()
    assert sandbox.running()
    repaired = node.processes()
    assert repaired.pop(component) != parts.pop(component)
    assert repaired == parts
    # Another pod takes all three, and by then they have found the first one.
    serve(kubectl, node, "after")
    wait_for_answer(node.address, port)
    assert life_of(kubectl, node, "before") == life


def test_up_starts_a_node_again_that_went_down_whole(sandbox: Sandbox, kubectl: Kubectl) -> None:
    node, other = sandbox.real_nodes
    others = other.processes()
    [init] = [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[1:] == ["-m", "devtools.sandbox.node_init", str(node.directory)]
    ]
    end([init])
    assert node.processes() == {}
    sandbox.up()
    assert set(node.processes()) == set(COMPONENTS)
    assert other.processes() == others
    serve(kubectl, node, "after")


def test_a_kubelet_changes_the_kernel_settings_of_its_node_and_not_of_this_machine(sandbox: Sandbox) -> None:
    setting = Path("/proc/sys/kernel/panic")
    before = setting.read_text()
    node = sandbox.real_nodes[0]
    seen = node.run("cat", str(setting))
    assert seen.strip() == "10"  # the kubelet's
    try:
        node.run("sh", "-c", f"echo 11 > {setting}")
        assert setting.read_text() == before
    finally:
        node.run("sh", "-c", f"echo {seen.strip()} > {setting}")


def test_up_brings_images_again_when_the_example_has_changed(sandbox: Sandbox) -> None:
    for node in sandbox.real_nodes:
        node.run("ctr", "--namespace", "k8s.io", "images", "remove", "--sync", IMAGE)
        (node.directory / "images").write_text("of an older example")
    sandbox.up()
    for node in sandbox.real_nodes:
        assert IMAGE in node.images()
    imported = [(node.directory / "images").stat().st_mtime_ns for node in sandbox.real_nodes]
    sandbox.up()
    assert [(node.directory / "images").stat().st_mtime_ns for node in sandbox.real_nodes] == imported


def test_nodes_of_the_other_kind_are_refused_in_one_line(sandbox: Sandbox) -> None:
    before = sandbox.processes()
    command = [sys.executable, "-m", "devtools.sandbox", "up", "--name", sandbox.name, "--nodes", "simulated"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == (
        f"Sandbox {sandbox.name} has real nodes. First: python -m devtools.sandbox down --name {sandbox.name}\n"
    )
    assert sandbox.processes() == before
    assert sandbox.running()


def rebooted(sandbox: Sandbox) -> slots.Slot:
    """Simulates a reboot: ends processes and removes claims; returns the former number."""
    slot = slots.claimed(sandbox.directory)
    assert slot is not None
    end([psutil.Process(number) for number in sandbox.processes().values()])
    host.end(slot)
    slots.release(slot)
    return slot


def test_after_a_reboot_up_starts_the_same_cluster_or_says_who_has_its_addresses(own: Sandbox, tmp_path: Path) -> None:
    own.up(Kind.REAL)
    kubectl_of(own).run("create", "configmap", "kept", "--from-literal=key=value")
    slot = rebooted(own)
    other = slots.claim(tmp_path, lambda *_: None, slot.number)
    try:
        with pytest.raises(SandboxError) as refused:
            own.up()
        assert str(refused.value) == (
            f"Since the last reboot {tmp_path} has the addresses that the certificates of {own.directory} name. "
            "End either of them: python -m devtools.sandbox down, for a named one with --name"
        )
        assert own.processes() == {}
    finally:
        slots.release(other)
    own.up()
    assert slots.claimed(own.directory) == slot
    assert own.running()
    assert kubectl_of(own).get("configmap", "kept")["data"] == {"key": "value"}
    serve(kubectl_of(own), own.real_nodes[0], "after")


def test_processes_of_a_sandbox_without_a_directory_are_ended_by_the_next(tmp_path: Path) -> None:
    gone, successor = tmp_path / "gone", tmp_path / "next"
    successor.mkdir()
    etcd = gone / "control-plane" / "bin" / "etcd"
    etcd.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "", etcd)
    slot = RealNodes(gone).prepare()
    cgroups.make(f"{slot.cgroup}/node")
    entry, *_ = cgroups.entry_points(f"{slot.cgroup}/node")
    with (
        subprocess.Popen([etcd, "600"]) as server,
        subprocess.Popen(["sleep", "600"]) as kubelet,
        subprocess.Popen(["sleep", "600"]) as bystander,
    ):
        try:
            entry.write_text(str(kubelet.pid))
            shutil.rmtree(gone)
            following = RealNodes(successor)
            try:
                assert following.prepare().number <= slot.number
                assert slots.claimed(gone) is None
                assert (server.wait(), kubelet.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
                assert bystander.poll() is None
            finally:
                following.end()
        finally:
            for process in (server, kubelet, bystander):
                process.kill()
    assert not host.exists(slot.bridge)
    assert not [root for root in cgroups.hierarchies() if (root / slot.cgroup).exists()]
