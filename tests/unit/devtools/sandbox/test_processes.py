"""Ending processes: a process has ended when it holds no resource any more."""

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from devtools.sandbox import processes

LEADER_ENDS = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("started", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
"""A process whose first thread ends while another waits for standard input."""


@pytest.mark.skipif(sys.platform != "linux", reason="where a process is a zombie before its last thread has ended")
def test_a_zombie_with_a_thread_that_has_not_ended_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", LEADER_ENDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"started\n"
    process = psutil.Process(child.pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        pass  # the kernel tells nobody
    # Its end is in this test's hands, not in that of the signal.
    monkeypatch.setattr(process, "kill", lambda: None)
    ending = threading.Thread(target=processes.end, args=([process],))
    ending.start()
    ending.join(timeout=0.2)
    assert ending.is_alive()
    child.stdin.close()
    ending.join()
    assert process.status() == psutil.STATUS_ZOMBIE, "it was waited for, though nobody has to"
    child.wait()
    child.stdout.close()


class Executing:
    """A process within execve(2): it has no arguments until they were asked for twice."""

    def __init__(self, directory: Path, command: list[str]) -> None:
        self.info: dict[str, list[str]] = {"cmdline": []}
        self._directory = directory
        self._answers = [command, []]

    def cwd(self) -> str:
        return str(self._directory)

    def cmdline(self) -> list[str]:
        return self._answers.pop()


def test_a_process_that_has_no_arguments_yet_belongs_to_the_sandbox_in_whose_directory_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etcd = [f"{tmp_path}/bin/etcd"]
    executing = Executing(tmp_path / "clusters", etcd)
    of_another = Executing(tmp_path.parent / "another", etcd)
    monkeypatch.setattr(psutil, "process_iter", lambda _: iter([executing, of_another]))
    assert processes.processes_of(tmp_path, Path("kwokctl")) == [executing]
    assert executing.info["cmdline"] == etcd
