"""Runs a command as a background process in a session of its own, with a log.

The command at the terminal does all that needs an operator, and ends once the process holds the Lease of each service
and has written the records. The two communicate through a pipe, whose file descriptor is in the environment of the
process.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from switchyard.config.commands import typed
from switchyard.errors import DetachedEndedError, LogUnwritableError

CHANNEL = "SWITCHYARD_DETACHED"
"""Environment variable with the file descriptor to which the background process reports its start."""

FOLDER = Path(".switchyard")
"""Directory of the project with the logs, which Git ignores."""

NAME_LENGTH = 100
"""Largest number of characters of the services' keys in the name of a log."""

TAIL = 12
"""Number of lines of the log that are shown when the process has ended too early."""


@dataclass(frozen=True)
class Detached:
    """A background process that holds the Leases of its services.

    Attributes:
        process: ID of the process.
        log: file with the output of the process.
        releases: IDs of the releases in the records, by the key of the service.
    """

    process: int
    log: Path
    releases: Mapping[str, str]


def is_detached() -> bool:
    """Whether this process is a background process of `--detach`."""
    return CHANNEL in os.environ


def settle() -> None:
    """Lets this process outlive the terminal, and end at SIGINT as a command at a terminal does at Ctrl-C."""
    if is_detached():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def report_begun(releases: Mapping[str, str]) -> None:
    """Reports to the command at the terminal, if there is one, that Leases are held and records are written.

    Args:
        releases: IDs of the releases, by the key of the service.
    """
    channel = os.environ.get(CHANNEL, "")
    if channel:
        os.environ[CHANNEL] = ""  # still detached, but the pipe is closed
        with contextlib.suppress(OSError), os.fdopen(int(channel), "w") as pipe:
            pipe.write(json.dumps({"releases": dict(releases)}) + "\n")


def open_log(services: Sequence[str], directory: Path | None = None) -> tuple[Path, int]:
    """Creates the log of a detached command, which only its user may read.

    Args:
        services: keys of the services.
        directory: directory of the project; None for the working directory.

    Returns:
        The path of the log, and the file descriptor to write to.

    Raises:
        LogUnwritableError: the log cannot be created.
    """
    folder = (directory or Path.cwd()) / FOLDER
    # A name of a file has at most 255 bytes.
    log = folder / f"{'+'.join(services)[:NAME_LENGTH]}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return log, os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LogUnwritableError(
            f"{', '.join(services)}: the log of the background command cannot be written: {log}: "
            f"{error.strerror}. Nothing was changed. Free disk space or grant the permission, or run the command "
            "without --detach."
        ) from None


async def detach(services: Sequence[str], arguments: list[str], program: tuple[str, ...] = ()) -> Detached:
    """Starts a background process, and waits until it holds the Leases and has written the records.

    Args:
        services: keys of the services.
        arguments: arguments of the command line, with `--yes`.
        program: program to which the arguments are passed; without it, this one.

    Raises:
        DetachedEndedError: the process ended before it had written the records.
        LogUnwritableError: the log cannot be created.
    """
    log, output = open_log(services)
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [*(program or (sys.executable, "-u", "-m", "switchyard")), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(writing,),
            env=os.environ | {CHANNEL: str(writing)},
        )
    finally:
        os.close(output)
        os.close(writing)
    try:
        begun = await _first_line(reading)
    except asyncio.CancelledError:  # Ctrl-C, which the process in its own session does not get
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        raise
    if begun is None:
        code = await asyncio.to_thread(process.wait)
        raise DetachedEndedError(_ended(services, code, log))
    process.returncode = 0  # it continues without a parent that waits for it
    return Detached(process.pid, log, begun["releases"])


async def _first_line(descriptor: int) -> dict[str, Any] | None:
    """The document that a process writes once it has started; None if it ended without one."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    with os.fdopen(descriptor) as pipe:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            line = await reader.readline()
        finally:
            transport.close()
    document: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
    return document


def _ended(services: Sequence[str], code: int, log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-TAIL:]
    printed = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    several = len(services) > 1
    held = "the Leases of the services and had written their records"
    return (
        f"{', '.join(services)}: the command has ended {how} before it held "
        f"{held if several else 'the Lease of the service and had written its record'}. "
        f"Its output:\n{printed}\nWhat serves: {typed('switchyard status')}. Its log: {log}"
    )
