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
    """Creates a folder in `.sandbox` and its missing parents, readable by the owner only, because it will have keys."""
    for folder in reversed([directory, *directory.parents]):
        if folder.is_relative_to(HOME):
            folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Locks a sandbox's directory, which it creates, so that other commands that start or end the sandbox wait."""
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
        # Commands of `host.ip` inherit the lock, so that the next `down` waits for one that outlives a killed `up`.
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The `down` that held the lock has removed the locked file, and the next command would lock another one.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        lock.close()
