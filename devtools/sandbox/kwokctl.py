"""Runs kwokctl, and stops waiting for it when a component that it has started ends."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from devtools.sandbox.errors import SandboxError
from devtools.toolchain.paths import binary

POLL_SECONDS = 0.1
"""Pause between two questions to an API server that may not be up, so that it cannot be watched yet."""


def kwokctl(work: Path, ended: Callable[[], list[str]], *arguments: str) -> None:
    """Runs one command of kwokctl.

    Args:
        work: working directory with the configuration `kwok.yaml`.
        ended: the components that were started and do not run any more.
        arguments: arguments of the command.

    Raises:
        SandboxError: the command failed; its output is in `kwokctl.log`.
    """
    command = [str(binary("kwokctl")), *arguments]
    command += ["--name", "sandbox", "--config", str(work / "kwok.yaml")]
    # It asks the API server with the first kubectl that it finds, and looks for one on the internet otherwise.
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
        # It would ask for two minutes about a component that has ended.
        while (code := starter.poll()) is None and not ended():
            time.sleep(POLL_SECONDS)
    finally:
        starter.kill()
        starter.wait()
    if code:
        raise SandboxError(f"kwokctl {arguments[0]} failed; see {log}, then run up again.")
