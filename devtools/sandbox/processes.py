"""The processes of one sandbox, known by the path that they were started from, which no other process has."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

STOP_SECONDS = 30
"""How long a process may take to stop: a signal takes effect when it runs next, which nothing tells."""

END_SECONDS = 30
"""How long the kernel may take to end killed processes."""

POLL_SECONDS = 0.02
"""Pause between two checks of processes that were killed or stopped. Their parents can wait for them; we are none."""


def processes_of(directory: Path, starter: Path) -> list[psutil.Process]:
    """Processes that were started from a sandbox's directory, and a starter that is still at work on it.

    No process id is read from a file: after a crash it may belong to somebody else. The command is in each one's
    ``info``, because it may have ended by the time that somebody asks.
    """
    processes = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        inside = [argument for argument in command if argument.startswith(f"{directory}/")]
        if inside and (command[0] in inside or command[0] == str(starter)):
            processes.append(process)
    return processes


def end(processes: list[psutil.Process]) -> None:
    """Ends processes at once; etcd's log survives that as it survives a power cut.

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
    """A process that neither runs nor ends while the block lasts.

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
    """Whether it is there and holds something.

    A zombie holds nothing any more and waits, maybe for seconds, for its parent. It holds its ports and locks as long
    as one of its threads has not ended, which on a busy machine is later than the first.
    """
    try:
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False
