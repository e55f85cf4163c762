"""Who cannot have real nodes gets one line with the cause and the remedy."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from devtools.sandbox import real_nodes
from devtools.sandbox.real_nodes import unavailable


@pytest.fixture
def capable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that can have real nodes, whatever this one is; its folder of programs."""
    for name in (*real_nodes.PROGRAMS, "kubelet", "kube-proxy"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(sysname="Linux"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(real_nodes, "binary", lambda name: tmp_path / name)
    monkeypatch.setattr(real_nodes, "PROJECT", Path("/home/somebody/switchyard"))
    monkeypatch.setattr("devtools.sandbox.cgroups.hierarchies", lambda: [tmp_path])
    assert unavailable() is None
    return tmp_path


def test_another_system_than_linux_has_simulated_nodes(capable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(sysname="Darwin"))
    assert unavailable() == "Real nodes need Linux. Simulated ones run here: python -m devtools.sandbox up"


def test_a_user_who_is_not_root_has_simulated_nodes(capable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    said = unavailable()
    assert (
        said == "Real nodes need root, for namespaces and cgroups. Simulated ones do not: python -m devtools.sandbox up"
    )


def test_missing_programs_are_named_with_their_packages(capable: Path) -> None:
    (capable / "ip").unlink()
    (capable / "nsenter").unlink()
    assert unavailable() == "Real nodes need nsenter, ip. On Debian: apt-get install util-linux mount iproute2"


def test_a_root_that_may_create_no_namespaces_sees_the_kernels_error(capable: Path) -> None:
    (capable / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    assert unavailable() == (
        "Real nodes need rights that root has not got here: unshare failed: Operation not permitted. "
        "In a container: run it privileged."
    )


@pytest.mark.parametrize(
    ("hierarchies", "said"),
    [([], "no cgroups are mounted"), ([Path("/nowhere")], "/nowhere cannot be written to")],
)
def test_a_machine_without_writable_cgroups_is_reported(
    capable: Path, monkeypatch: pytest.MonkeyPatch, hierarchies: list[Path], said: str
) -> None:
    monkeypatch.setattr("devtools.sandbox.cgroups.hierarchies", lambda: hierarchies)
    assert unavailable() == (
        f"Real nodes need rights that root has not got here: {said}. In a container: run it privileged."
    )


@pytest.mark.parametrize("folder", ["/var/lib/switchyard", "/run/switchyard"])
def test_a_checkout_that_nodes_would_not_see_is_refused(
    capable: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(real_nodes, "PROJECT", Path(folder))
    assert unavailable() == (
        f"Real nodes have a /run and a /var of their own, so that {folder} is not there for them. Move it."
    )


def test_missing_tools_are_named_with_the_command_that_installs_them(capable: Path) -> None:
    (capable / "kubelet").unlink()
    assert unavailable() == "kubelet missing in .tools/bin. Run: make tools-nodes"


def test_a_refused_command_is_reported_in_one_line() -> None:
    error = subprocess.CalledProcessError(2, ["ip", "link"], stderr=b"Error: no\nsuch type.\n")
    assert str(real_nodes._refused(error)) == "`ip link` failed: Error: no such type."
