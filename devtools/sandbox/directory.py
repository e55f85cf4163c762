"""The folders of sandboxes, their permissions, and their locks."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from devtools.toolchain.paths import PROJECT

HOME = PROJECT / ".sandbox"


def make_private(directory: Path) -> None:
    """Creates a folder in `.sandbox`, and what is missing above it, for its owner alone: there are keys below it."""
    for folder in reversed([directory, *directory.parents]):
        if folder.is_relative_to(HOME):
            folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keeps others that start or end the sandbox of a directory waiting; creates the directory."""
    with _locked_file(directory):
        yield


def _locked_file(directory: Path) -> TextIO:
    path = directory / "lock"
    while True:
        try:
            make_private(directory)
            lock = path.open("w")
        except FileNotFoundError:
            continue  # a `down` has removed the directory meanwhile
        # Commands of `host.ip` inherit it: one that outlives a killed `up` still keeps the next `down` waiting.
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # A `down` that was waited for has removed the file that is locked now, and the next to come would lock another.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        lock.close()
