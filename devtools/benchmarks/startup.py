"""Measures the steps of `switchyard rollback` before its first request to the API server.

These are the start of the interpreter, the imports, and the read of the state. The stack is empty, because none of them
depends on the cluster.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.engine import NAME, Stack

RUNS = 30
"""Number of runs of each command; the commands take turns."""

IMPORTS = (
    "import gc; gc.disable(); "
    "import switchyard.cli.main, switchyard.cli.rollback, switchyard.cli.release_request, switchyard.cli.fast_lane"
)
"""The imports of the command before its first request to the API server, with garbage collection disabled as in the
command."""


@dataclass(frozen=True)
class StartUp:
    """Seconds of each run.

    Attributes:
        interpreter: seconds of an interpreter that does nothing, in the environment of the command.
        imports: seconds of an interpreter that imports what a rollback imports.
        state: seconds in which the engine reads the outputs of a stack; a command imports in the meantime.
    """

    interpreter: list[float]
    imports: list[float]
    state: list[float]


def run(directory: Path) -> StartUp:
    """Measures each command `RUNS` times; the commands take turns."""
    stack = Stack(directory, {})
    environment = {**stack.environment, "GOGC": "off"}
    outputs = [str(stack.installation.engine), "stack", "output", "--json", "--stack", NAME]
    commands = ([sys.executable, "-c", "pass"], [sys.executable, "-c", IMPORTS], outputs)
    seconds: tuple[list[float], ...] = ([], [], [])
    for _ in range(RUNS):
        for taken, command in zip(seconds, commands, strict=True):
            taken.append(_timed(command, stack.directory, environment))
    return StartUp(*seconds)


def _timed(command: Sequence[str], directory: Path, environment: dict[str, str]) -> float:
    begun = time.monotonic()
    subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)
    return time.monotonic() - begun
