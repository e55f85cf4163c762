"""Changes a file in one step, so that a full disk or a killed process leaves the old content or the new one."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_SECONDS = 10.0
"""Seconds to wait for another process, which holds the lock for less than one, unless it is suspended."""

PAUSE_SECONDS = 0.02
"""Seconds between two attempts to take the lock, for which there is no bounded wait."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yields a copy of a file for another program to change; the copy replaces the file when the block ends.

    The copy is in the same directory, with the same ending, mode and owner. If the block raises an error, the copy is
    deleted, and the file is as before. A symbolic link stays, and its target is replaced.

    Blocks of several processes on files of one directory run one after the other. Otherwise, of two commands on two
    services, the copy of the later one would undo the change of the earlier one.

    Args:
        path: an existing file.

    Raises:
        OSError: the copy cannot be written, for example because the disk is full.
    """
    target = path.resolve()
    with _locked(target.parent), _copied(target) as copy:
        yield copy


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Holds a lock on a directory, unless its file system has none, or another process holds it for too long."""
    descriptor, end = os.open(directory, os.O_RDONLY), time.monotonic() + LOCK_SECONDS
    try:
        while not _is_locked(descriptor) and time.monotonic() < end:
            time.sleep(PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Takes a lock. Returns False if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


@contextmanager
def _copied(target: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
    os.close(descriptor)
    copy = Path(name)
    try:
        shutil.copy2(target, copy)
        with suppress(PermissionError):  # only root may give a file to somebody else
            shutil.chown(copy, target.stat().st_uid, target.stat().st_gid)
        yield copy
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        copy.replace(target)
    finally:
        copy.unlink(missing_ok=True)
