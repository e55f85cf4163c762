"""The images that real nodes run, made from the packages that this machine's sources have today. Needs the network."""

import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.sandbox.debian import node_environment, node_parts
from devtools.sandbox.image import BACKEND, MODULES, PAUSE, assemble_backend, make_pause
from devtools.sandbox.oci import digest

pytestmark = pytest.mark.traffic

BOUND_SECONDS = 30


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = tmp_path_factory.mktemp("backend") / "backend.tar"
    assemble_backend(archive)
    return archive


@pytest.fixture(scope="module")
def pause(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = tmp_path_factory.mktemp("pause") / "pause.tar"
    make_pause(archive, print)
    return archive


def unpacked(archive: Path, root: Path) -> dict[str, Any]:
    """Unpacks the layers of an archive as a container has them; returns how it starts."""

    def blob(described: dict[str, Any]) -> str:
        return f"blobs/{described['digest'].replace(':', '/')}"

    with tarfile.open(archive) as opened:

        def document(name: str) -> dict[str, Any]:
            member = opened.extractfile(name)
            assert member is not None
            loaded: dict[str, Any] = json.load(member)
            return loaded

        [image] = document("index.json")["manifests"]
        manifest = document(blob(image))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=opened.extractfile(blob(layer))) as files:
                files.extractall(root)  # noqa: S202 - it was made a moment ago
        config: dict[str, Any] = document(blob(manifest["config"]))["config"]
    return config | {"names": image["annotations"]["io.containerd.image.name"]}


def test_the_same_packages_make_the_same_backend_to_the_byte(backend: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "backend.tar"
    again.parent.mkdir()
    before = os.umask(0o077)
    try:
        assemble_backend(again)
    finally:
        os.umask(before)
    assert digest(again) == digest(backend)
    assert again.read_bytes() == backend.read_bytes()


def test_the_same_package_makes_the_same_pause_image_to_the_byte(pause: Path, tmp_path: Path) -> None:
    make_pause(tmp_path / "pause.tar", print)
    assert (tmp_path / "pause.tar").read_bytes() == pause.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
def test_the_backend_starts_from_its_image_alone_compiled_and_not_as_root(backend: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    config = unpacked(backend, root)
    assert (config["names"], config["User"]) == (BACKEND, "10001:10001")
    assert "libc6=" in config["Labels"]["switchyard.debian.packages"]
    modules = [path for path in root.rglob("*.py") if "dist-packages" in path.parts or path.name in MODULES]
    assert len(modules) > 100
    for module in modules:
        assert list((module.parent / "__pycache__").glob(f"{module.stem}.*.pyc")), module
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    environment |= {"VERSION": "green", "HOST": "127.0.0.1", "PORT": "0", "DRAIN_PORT": "0", "DRAIN_SECONDS": "0"}

    def enter() -> None:
        os.chroot(root)
        os.chdir(config["WorkingDir"])
        os.setgroups([])
        os.setgid(10001)
        os.setuid(10001)

    assert config["Cmd"][0] == "python3"
    command = ["/usr/bin/python3", *config["Cmd"][1:]]
    with subprocess.Popen(
        command,
        env=environment,
        preexec_fn=enter,  # noqa: PLW1509 - there is no other thread
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            log = iter(process.stderr.readline, "")
            url = next(match.group() for line in log if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
            assert httpx.get(url, trust_env=False).json()["colour"] == "green"
            loaded = Path(f"/proc/{process.pid}/maps").read_text()
            assert "uvloop" in loaded
            assert "httptools" in loaded
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=BOUND_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0


def test_the_pause_image_waits_for_sigterm(pause: Path, tmp_path: Path) -> None:
    config = unpacked(pause, tmp_path)
    assert config["names"] == PAUSE
    [program, option] = config["Cmd"]
    with subprocess.Popen([f"{tmp_path}{program}", option], stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + BOUND_SECONDS
            while not takes_sigterm(process.pid):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.terminate()
            process.communicate(timeout=BOUND_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0


def takes_sigterm(pid: int) -> bool:
    """Whether a process catches SIGTERM, or blocks it to read it as an event."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return any(int(status[kind], 16) & 1 << (signal.SIGTERM - 1) for kind in ("SigBlk", "SigCgt"))


def test_the_parts_of_a_node_run_from_their_folder() -> None:
    root = node_parts()
    environment = os.environ | node_environment(root)
    recorded = json.loads((root / "versions.json").read_text())
    assert {"containerd", "runc", "iptables"} <= recorded.keys()
    for name in ("iptables", "ip6tables-restore", "iptables-save", "conntrack", "containerd", "runc", "ctr", "mount"):
        program = shutil.which(name, path=environment["PATH"])
        assert program is not None
        assert root in Path(program).parents
        ran = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert (root / "usr" / "lib" / "cni" / "bridge").exists()
