"""The processes of one sandbox, known by the path that they were started from, which no other process has."""

from pathlib import Path

import psutil

END_SECONDS = 10
"""How long the kernel may take to end killed processes."""


def processes_of(directory: Path, starter: Path) -> list[psutil.Process]:
    """Processes that were started from a sandbox's directory, and a starter that is still at work on it.

    No process id is read from a file: after a crash it may belong to somebody else.
    """
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue  # it ended meanwhile
        inside = [argument for argument in command if argument.startswith(f"{directory}/")]
        if inside and (command[0] in inside or command[0] == str(starter)):
            found.append(process)
    return found


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
    _, alive = psutil.wait_procs(processes, timeout=END_SECONDS)
    if alive:
        raise TimeoutError(f"processes {', '.join(str(process.pid) for process in alive)} do not end")
