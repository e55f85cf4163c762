"""The local cluster starts, stops, and recovers from faults in between."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from devtools.sandbox import Sandbox, SandboxError, cluster, kwokctl
from devtools.sandbox.control_plane import COMPONENTS
from devtools.sandbox.directory import HOME
from devtools.sandbox.faults import CRASH_AFTER_READY, CRASH_LOOP, NEVER_READY
from devtools.sandbox.host import free_ports
from devtools.sandbox.processes import end
from devtools.toolchain.paths import PROJECT
from switchyard.config.models.nodes import DEFAULT_NODES
from tests.support.broken_node import broken_node
from tests.support.history import History, is_ready
from tests.support.kubectl import Kubectl


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox of the test's own, not started."""
    mine = Sandbox(f"own-{os.getpid()}")
    yield mine
    mine.down()


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Somebody else has a port of this machine."""
    with contextlib.closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def processes_below(directory: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(argument.startswith(directory) for argument in process.info["cmdline"] or [])
    ]


def test_a_second_up_changes_nothing(sandbox: Sandbox) -> None:
    before = sandbox.processes()
    assert set(before) == set(COMPONENTS)
    sandbox.up()
    assert sandbox.processes() == before


def test_the_nodes_are_those_of_the_table_and_ready(sandbox: Sandbox) -> None:
    nodes = {node["metadata"]["name"]: node for node in Kubectl(sandbox.kubeconfig, "default").get("nodes")}
    assert set(nodes) == set(DEFAULT_NODES)
    for name, wanted in DEFAULT_NODES.items():
        labels = nodes[name]["metadata"]["labels"]
        assert labels["node.kubernetes.io/instance-type"] == wanted.type
        assert labels["topology.kubernetes.io/zone"] == wanted.zone
        status = nodes[name]["status"]
        assert status["capacity"] == wanted.machine.capacity(wanted.disk_gb)
        assert status["allocatable"]["cpu"] == wanted.machine.allocatable(wanted.disk_gb)["cpu"]
        assert status["allocatable"]["memory"] == wanted.machine.allocatable(wanted.disk_gb)["memory"]


def test_a_new_sandbox_has_no_labels_or_taints_and_runs_beside_another(own: Sandbox, sandbox: Sandbox) -> None:
    others = sandbox.processes()
    own.up()
    for node in Kubectl(own.kubeconfig, "default").get("nodes"):
        assert "taints" not in node["spec"]
        assert "workload" not in node["metadata"]["labels"]
    assert own.server != sandbox.server
    own.down()
    assert processes_below(str(own.directory)) == []
    assert not own.directory.exists()
    assert sandbox.processes() == others


def test_down_does_not_end_a_process_that_reuses_a_process_id(own: Sandbox) -> None:
    own.up()
    bystander = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    pid_files = list(own.directory.rglob("etcd.pid"))
    assert pid_files
    for file in pid_files:
        file.write_text(str(bystander.pid))
    own.down()
    assert bystander.poll() is None
    bystander.communicate()


def test_up_repairs_a_component_that_was_killed_and_keeps_what_is_in_etcd(own: Sandbox) -> None:
    own.up()
    kubectl = Kubectl(own.kubeconfig, "default")
    kubectl.run("create", "configmap", "kept", "--from-literal=key=value")
    for component in ("etcd", "kube-apiserver", "kwok-controller"):
        killed = own.processes()[component]
        os.kill(killed, signal.SIGKILL)
        psutil.wait_procs([process for process in processes_below(str(own.directory)) if process.pid == killed])
        assert component not in own.processes()
        assert not own.running()
        own.up()
        assert own.running()
        assert kubectl.get("configmap", "kept")["data"] == {"key": "value"}


def test_up_names_the_component_that_cannot_start_and_works_when_the_cause_is_gone(own: Sandbox) -> None:
    own.up()
    end([psutil.Process(own.processes()["kube-apiserver"])])
    with listening(int(own.server.rpartition(":")[2])):
        with pytest.raises(SandboxError) as error:
            own.up()
        assert "kube-apiserver" in str(error.value)
        assert "address already in use" in str(error.value)
    own.up()
    assert own.running()


def test_up_starts_again_when_kwokctl_ended_before_it_had_started_every_component(
    own: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def ending_early(*arguments: Any) -> None:
        kwokctl.kwokctl(*arguments)
        starts.append(own.processes())
        if len(starts) == 1:
            end([psutil.Process(process) for name, process in starts[0].items() if name != "etcd"])
            for file in own.directory.rglob("kube-*.pid"):
                file.unlink()

    monkeypatch.setattr(cluster, "kwokctl", ending_early)
    own.up()
    assert len(starts) == 2
    assert own.running()


def test_the_first_up_takes_other_ports_when_its_own_are_taken(own: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_ports(len(COMPONENTS))
    taken = first[COMPONENTS.index("kube-apiserver")]
    choices = [first]
    monkeypatch.setattr(cluster, "free_ports", lambda count: choices.pop() if choices else free_ports(count))
    with listening(taken):
        own.up()
    assert choices == []
    assert int(own.server.rpartition(":")[2]) != taken


def test_an_up_that_was_killed_at_any_point_does_not_block_the_next(own: Sandbox) -> None:
    seen = set()
    for point in ("control-plane", "kwok.yaml", "admin.crt", "etcd.pid", "kube-apiserver.log"):
        up = subprocess.Popen(
            [sys.executable, "-m", "devtools.sandbox", "up", "--name", own.name], cwd=PROJECT, stdout=subprocess.DEVNULL
        )
        while up.poll() is None and not list(own.directory.rglob(point)):
            pass  # the files of a start are written in this order; there is nothing to wait on but the files
        if up.poll() is None:
            up.kill()
            seen.add(point)
        up.wait()
        own.up()
        assert own.running()
        own.down()
        assert processes_below(str(own.directory)) == []
    assert len(seen) >= 3, f"killed at {seen} only"


def test_two_ups_at_once_start_one_cluster(own: Sandbox) -> None:
    command = [sys.executable, "-m", "devtools.sandbox", "up", "--name", own.name]
    ups = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [up.wait() for up in ups] == [0, 0]
    assert own.running()
    started = [Path(process.info["cmdline"][0]).name for process in processes_below(str(own.directory))]
    assert sorted(started) == sorted(COMPONENTS)


@pytest.mark.parametrize(
    ("fault", "reason", "ready_first"),
    [
        (NEVER_READY, None, False),
        (CRASH_LOOP, "CrashLoopBackOff", False),
        (CRASH_AFTER_READY, "CrashLoopBackOff", True),
    ],
)
def test_a_bad_version_misbehaves_as_its_tag_says(
    kubectl: Kubectl, fault: str, reason: str | None, ready_first: bool
) -> None:
    kubectl.wait("create", "serviceaccount/default")  # without which no pod is let in
    with History(kubectl.kubeconfig, kubectl.namespace) as history:
        kubectl.run("run", "bad", f"--image=example.org/app:v1{fault}", "--restart=Always")
        kubectl.wait("condition=Ready=false", "pod/bad")
    assert any(is_ready(event["object"]) for event in history.events) is ready_first
    status = kubectl.get("pod", "bad")["status"]
    assert status["phase"] == "Running"
    assert status["containerStatuses"][0]["state"].get("waiting", {}).get("reason") == reason


def test_a_node_with_the_fault_label_is_not_ready_until_it_is_taken_off(kubectl: Kubectl, sandbox: Sandbox) -> None:
    with broken_node(kubectl, "k8s-redis"):
        assert not sandbox.running()
    assert sandbox.running()


def test_the_kubeconfig_is_for_its_owner_alone(sandbox: Sandbox) -> None:
    assert sandbox.kubeconfig.stat().st_mode & 0o077 == 0
    assert HOME.stat().st_mode & 0o077 == 0


def test_status_says_that_the_kubelets_are_simulated(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "devtools.sandbox", "status", "--name", sandbox.name]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "simulated" in result.stdout
    assert "probes and images are not exercised" in result.stdout
    assert json.dumps(sandbox.server).strip('"') in result.stdout
