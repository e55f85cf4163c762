"""A project on a disk without space: releases go back, and neither the configuration nor the state is lost."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.engine import Stack
from devtools.sandbox import Sandbox
from tests.support.commands import document, read_back, run_command
from tests.support.kubectl import Kubectl
from tests.support.shared import backend_stack

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a file system")

STACK_FILE = "Pulumi.test.yaml"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "switchyard-test", mounted], check=True)
    yield mounted
    subprocess.run(["umount", mounted], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fills the file system within the block, and asserts that nothing more can be written."""
    filler, left = disk / "filler", os.statvfs(disk)
    filler.write_bytes(bytes(left.f_bavail * left.f_frsize))
    with pytest.raises(OSError, match="No space left"):
        (disk / "another").write_text("a")
    (disk / "another").unlink()
    yield
    filler.unlink()


def test_a_rollback_on_a_full_disk_is_done_and_the_command_that_it_names_completes_it(
    disk: Path, sandbox: Sandbox, kubectl: Kubectl
) -> None:
    stack = backend_stack(sandbox, kubectl.namespace, disk)
    stack.set("services.backend.active", "green")
    stack.set("services.backend.blue", {"tag": "v1.0.0", "replicas": 3})
    stack.set("services.backend.green", {"tag": "v2.0.0", "replicas": 3})
    result = stack.up()
    assert result.ok, result.output
    switched = run_command(stack, "switch", "backend", "blue", "--yes", "--json")
    assert document(switched, 0)["serving"] == "blue"
    before = (disk / STACK_FILE).read_bytes()
    state = stack.run("stack", "export", check=True).output
    with full(disk):
        failed = document(run_command(stack, "deploy", "backend", "v3.0.0", "--yes", "--json"), 1)
        assert (failed["phase"], failed["result"]) == ("warm", "failed")
        assert "No space left on device" in failed["detail"]
        assert kubectl.serving() == "blue"

        rolled_back = document(run_command(stack, "rollback", "backend", "--yes", "--json"))
        assert (kubectl.serving(), rolled_back["serving"], rolled_back["config"]) == ("green", "green", False)
        assert "No space left on device" in rolled_back["problem"]
        assert (disk / STACK_FILE).read_bytes() == before
        assert stack.run("stack", "export", check=True).output == state
    remedy = f"switchyard switch backend green --stack {stack.name} --yes"
    assert remedy in rolled_back["problem"]
    completed = run_command(stack, "switch", "backend", "green", "--yes")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    read_back(stack)
    assert stack.config["config"]["switchyard:services"]["backend"]["active"] == "green"
    assert stack.planned() == {}
    assert sorted(path.name for path in disk.iterdir()) == [STACK_FILE, "Pulumi.yaml", "state"]


def test_a_release_whose_output_cannot_be_written_is_watched_to_its_end(stack: Stack, kubectl: Kubectl) -> None:
    result = stack.up()
    assert result.ok, result.output
    arguments = [sys.executable, "-m", "switchyard", "deploy", "backend", "v2.0.0", "--yes", "--stack", stack.name]
    with open("/dev/full", "wb", buffering=0) as output:
        with pytest.raises(OSError, match="No space left"):
            output.write(b"the fault")
        ended = subprocess.run(
            arguments, cwd=stack.directory, env=stack.environment, stdout=output, stderr=output, check=False
        )
    assert ended.returncode == 0
    release = json.loads(kubectl.get("configmap", "backend-release")["data"]["current"])
    phases = [(phase["phase"], phase["outcome"]) for phase in release["phases"]]
    assert phases[:5] == [(phase, "passed") for phase in ("warm", "prove", "switch", "drain", "watch")]
    assert (kubectl.serving(), phases[5:]) == ("green", [("bake", None)])
