"""Changes a file in one step, so that a full disk or a killed process leaves the old content or the new one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yields a copy of a file for another program to change; the copy replaces the file when the block ends.

    The copy is in the same directory, with the same ending, mode and owner. If the block raises an error, the copy is
    deleted, and the file is as before. A symbolic link stays, and its target is replaced.

    Args:
        path: an existing file.

    Raises:
        OSError: the copy cannot be written, for example because the disk is full.
    """
    target = path.resolve()
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
