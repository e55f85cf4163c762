"""An API server of a sandbox that is killed, and starts again as it was started."""

import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from devtools.sandbox import Sandbox
from devtools.sandbox.processes import end

READY_SECONDS = 60
POLL_SECONDS = 0.05
"""An API server that does not run yet offers no watch."""


@dataclass
class KilledApiServer:
    """Kills the API server of a sandbox once.

    Attributes:
        sandbox: sandbox of the API server.
        back: a file that exists once it answers again.
        killed: process of the API server, once it was killed.
    """

    sandbox: Sandbox
    back: Path
    killed: psutil.Process | None = None
    restarting: threading.Thread | None = field(default=None, repr=False)

    def kill(self) -> None:
        """Kills it and begins to start it again, unless that has been done; returns once it is gone."""
        if self.killed is not None:
            return
        self.killed = psutil.Process(self.sandbox.processes()["kube-apiserver"])
        command, directory = self.killed.cmdline(), self.killed.cwd()
        end([self.killed])
        self.restarting = threading.Thread(target=self._restart, args=(command, directory))
        self.restarting.start()

    def _restart(self, command: list[str], directory: str) -> None:
        subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        limit = time.monotonic() + READY_SECONDS
        while not self._answers() and time.monotonic() < limit:
            time.sleep(POLL_SECONDS)
        self.back.touch()

    def _answers(self) -> bool:
        try:
            with self.sandbox.client() as client:
                return client.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def wait(self) -> None:
        """Waits until it answers again, and whatever has ended with it has been repaired."""
        assert self.restarting is not None, "it was not killed"
        self.restarting.join()
        self.sandbox.up()
