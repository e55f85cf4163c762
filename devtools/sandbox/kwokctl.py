"""Runs kwokctl, and stops waiting for it when a component that it has started ends."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from devtools.sandbox.errors import SandboxError
from devtools.toolchain.paths import binary

POLL_SECONDS = 0.1
"""Seconds between two requests to an API server that may not be running yet, so that it cannot be watched."""


def kwokctl(work: Path, ended: Callable[[], list[str]], *arguments: str) -> None:
    """Runs one command of kwokctl.

    Args:
        work: working directory with the configuration `kwok.yaml`.
        ended: returns the components that were started and have ended.
        arguments: arguments of the command.

    Raises:
        SandboxError: the command failed; its output is in `kwokctl.log`.
    """
    command = [str(binary("kwokctl")), *arguments]
    command += ["--name", "sandbox", "--config", str(work / "kwok.yaml")]
    # kwokctl uses the first kubectl on the PATH, and otherwise downloads one.
    path = f"{binary('kubectl').parent}{os.pathsep}{os.environ['PATH']}"
    log = work / "kwokctl.log"
    with log.open("w") as output:
        starter = subprocess.Popen(
            command,
            env=os.environ | {"KWOK_WORKDIR": str(work), "PATH": path},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        # kwokctl would wait for two minutes for a component that has ended.
        while (code := starter.poll()) is None and not ended():
            time.sleep(POLL_SECONDS)
    finally:
        starter.kill()
        starter.wait()
    if code:
        raise SandboxError(f"kwokctl {arguments[0]} failed; see {log}, then run up again.")
