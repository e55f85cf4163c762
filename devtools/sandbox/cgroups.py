"""Cgroups of a sandbox's real nodes, in version 1 or 2."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from devtools.sandbox.processes import end

SYSTEM = "system"
"""Child of a node's cgroup for processes outside pods, because in version 2 a group with children must not contain
processes."""

END_SECONDS = 30
"""Seconds within which the kernel must release a cgroup whose processes have ended."""

POLL_SECONDS = 0.02
"""Seconds between two attempts to remove a group, because version 1 does not notify when a group is empty."""

_CPUSET = ("cpuset.cpus", "cpuset.mems")


def hierarchies() -> list[Path]:
    """Root of every mounted hierarchy: that of version 2, one for each controller of version 1, or both."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def below(folder: Path) -> Iterator[Path]:
    """A group and those below it. Groups that end in the meantime are left out, which a glob pattern would not do."""
    return (Path(path) for path, _, _ in os.walk(folder))


def make(group: str) -> None:
    """Creates a node's group, with its child for processes outside pods.

    Args:
        group: path below the root of each hierarchy.
    """
    for root in hierarchies():
        folder = root
        for part in (*Path(group).parts, SYSTEM):
            _hand_down_controllers(folder)
            folder /= part
            folder.mkdir(exist_ok=True)
            for file in _CPUSET:
                # In version 1 a new group has no processors, and no process can run in it before it has some.
                if (folder / file).exists() and not (folder / file).read_text().strip():
                    (folder / file).write_text((folder.parent / file).read_text())


def _hand_down_controllers(folder: Path) -> None:
    """In version 2 a group's children have only the controllers that the group enables."""
    control = folder / "cgroup.subtree_control"
    if control.exists():
        wanted = (folder / "cgroup.controllers").read_text().split()
        control.write_text(" ".join(f"+{controller}" for controller in wanted))


def entry_points(group: str) -> list[Path]:
    """Files to which a process writes its ID to enter a node's group for processes outside pods."""
    return [root / group / SYSTEM / "cgroup.procs" for root in hierarchies()]


def remove(group: str) -> None:
    """Ends every process in a group and removes it from all hierarchies.

    Raises:
        TimeoutError: a process does not end.
    """
    limit = time.monotonic() + END_SECONDS
    for root in hierarchies():
        top = root / group
        while top.exists():
            # A node's process 1 before the others, which the kernel ends with it, and it is waited for: it has left its
            # group when it still waits for them. The programs that led them into the node take them in; killed as
            # well, they would leave that to the machine's process 1, which may take seconds over it.
            # One that is stopped takes in nobody: nsenter stops itself when what it started is stopped.
            for process in _processes(top):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
            end([process for process in _processes(top) if _is_first(process)])
            end(list(_processes(top)))
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError:
                    continue
            if top.exists() and time.monotonic() > limit:
                raise TimeoutError(f"{top} cannot be removed")
            time.sleep(POLL_SECONDS)


def _processes(top: Path) -> Iterator[psutil.Process]:
    for folder, _, _ in os.walk(top):
        with contextlib.suppress(OSError):  # removed meanwhile
            for number in set((Path(folder) / "cgroup.procs").read_text().split()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    yield psutil.Process(int(number))


def _is_first(process: psutil.Process) -> bool:
    """Whether it is process 1 of a namespace."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False  # it ended meanwhile
    [numbers] = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
    return numbers[1:] != [] and numbers[-1] == "1"
