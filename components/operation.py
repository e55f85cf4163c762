"""Which operation of the engine runs this program."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

DESTROY = frozenset({"destroy", "down", "dn"})
OTHERS = frozenset({"up", "update", "preview", "pre", "refresh", "watch", "import"})
WITH_VALUE = frozenset({"-s", "--stack", "-C", "--cwd", "--config-file", "-m", "--message"})
"""Options whose value is the next argument, which might read like a command."""


@cache
def is_destroy() -> bool:
    """Whether the engine was started to destroy the stack.

    The engine tells its program nothing of it, and runs no hook before the program has ended: so its command line is
    read. With it a run asks less of the cluster, whose state is no reason to stop a destroy. It permits nothing: what
    may be deleted is decided by the deletion guard.
    """
    for process in psutil.Process().parents():
        with suppress(psutil.Error, IndexError):
            program, *arguments = process.cmdline()
            if Path(program).stem == "pulumi":
                return destroys(arguments)
    return False


def destroys(arguments: Sequence[str]) -> bool:
    """Whether these arguments of the engine's command line are those of a destroy."""
    before = ""
    for argument in arguments:
        if before not in WITH_VALUE and argument in DESTROY | OTHERS:
            return argument in DESTROY
        before = argument
    return False
