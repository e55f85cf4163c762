"""Runs a Python program as a fork of a process that has imported its libraries. The imports of a program take far
longer than the test. The fork server of the standard library imports the libraries once, without running code of the
program, and forks for each start.
"""

import io
import multiprocessing
import os
import runpy
import sys
import threading
import types
from multiprocessing.connection import Connection
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")

_STARTING = threading.Lock()
"""Held while a program is started, for which the script of this process has another module for a moment."""


def preload(*modules: str) -> None:
    """Imports modules for all programs of this test process. It must be called before the first one starts."""
    _CONTEXT.set_forkserver_preload([__name__, *modules])


class Forked:
    """A module that runs as ``python -m`` does, with an environment of its own and its standard error on a pipe.

    Args:
        module: name of the module.
        folder: folder of the module, in which it runs.
        environment: all variables of its environment.
    """

    def __init__(self, module: str, folder: Path, environment: dict[str, str]) -> None:
        receiving, sending = multiprocessing.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run, args=(module, str(folder), environment, sending))
        # The library would import the script that runs the tests, because the function could be defined there.
        with _STARTING:
            script, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
            try:
                self._process.start()
            finally:
                sys.modules["__main__"] = script
        sending.close()
        self.stderr: io.TextIOBase = os.fdopen(os.dup(receiving.fileno()), "r")
        receiving.close()

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.exitcode

    def send_signal(self, signal: int) -> None:
        """Sends it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal)

    def kill(self) -> None:
        """Kills it, if it runs."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        """Waits for its end; returns what it has written to its standard error since that was last read."""
        said = self.stderr.read() if not self.stderr.closed else ""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"it did not end in {timeout} s"
        self.stderr.close()
        return None, said


def _run(module: str, folder: str, environment: dict[str, str], stderr: Connection) -> None:
    os.dup2(stderr.fileno(), 2)
    stderr.close()
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
