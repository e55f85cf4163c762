"""The processes of one sandbox, identified by the path that they were started from, which no other process has."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

STOP_SECONDS = 30
"""Seconds within which a process must stop. A signal takes effect when the process runs next, which cannot be
observed."""

END_SECONDS = 30
"""Seconds within which the kernel must end killed processes."""

POLL_SECONDS = 0.02
"""Seconds between two checks of processes that were killed or stopped. Only their parents could wait for them."""


def processes_of(directory: Path, starter: Path) -> list[psutil.Process]:
    """Processes that were started from a sandbox's directory, and a kwokctl that is still starting them.

    No process ID is read from a file, because after a crash it may belong to another process. The command is in the
    ``info`` of each process, because it may end before the caller reads it.
    """
    processes = []
    for process in psutil.process_iter(["cmdline"]):
        process.info["cmdline"] = command = process.info["cmdline"] or _command_after_exec(process, directory)
        inside = [argument for argument in command if argument.startswith(f"{directory}/")]
        if inside and (command[0] in inside or command[0] == str(starter)):
            processes.append(process)
    return processes


def _command_after_exec(process: psutil.Process, directory: Path) -> list[str]:
    """The command of a process that had none when it was read; empty if it is none of the sandbox's.

    Within execve(2), a process has a new program but no arguments yet, for milliseconds on a busy machine. A process
    of the sandbox is then identified by its working directory.
    """
    try:
        while Path(process.cwd()).is_relative_to(directory):
            if command := process.cmdline():
                return command
            time.sleep(POLL_SECONDS)
    except (psutil.Error, OSError):  # it ended, or it is a thread of the kernel
        pass
    return []


def end(processes: list[psutil.Process]) -> None:
    """Kills processes. The log of etcd survives that, as it survives a power cut.

    Raises:
        TimeoutError: one did not end.
    """
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    limit = time.monotonic() + END_SECONDS
    while alive := [process.pid for process in processes if _runs(process)]:
        if time.monotonic() > limit:
            raise TimeoutError(f"processes {', '.join(map(str, alive))} do not end")
        time.sleep(POLL_SECONDS)


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Stops a process (SIGSTOP) while the block runs.

    Raises:
        TimeoutError: it does not stop.
    """
    os.kill(process, signal.SIGSTOP)
    try:
        limit = time.monotonic() + STOP_SECONDS
        while psutil.Process(process).status() != psutil.STATUS_STOPPED:
            if time.monotonic() > limit:
                raise TimeoutError(f"process {process} does not stop")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _runs(process: psutil.Process) -> bool:
    """Whether the process exists and has resources.

    A zombie has none, and waits for its parent, possibly for seconds. A process has its ports and locks until its last
    thread has ended, which on a busy machine is later than the first.
    """
    try:
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False
