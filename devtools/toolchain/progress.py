"""Shows which tool, how far, and how long so far: as a moving line on a terminal, as few lines in a log."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

HEARTBEAT_SECONDS = 30
"""In a log, the longest time without a line while something is under way."""


class Step:
    """One tool on its way."""

    def __init__(self, console: Console, title: str, status: Status | None) -> None:
        self._console = console
        self._title = title
        self._status = status
        self._started = time.monotonic()
        self._doing = ""

    @property
    def seconds(self) -> int:
        """The duration so far, in seconds."""
        return round(time.monotonic() - self._started)

    def progress(self, doing: str) -> None:
        """Receives the progress of the step."""
        self._doing = doing

    def line(self, text: str) -> None:
        """Prints a line that stays."""
        self._console.print(f"{self._title}: {text}")

    def show(self) -> None:
        """Shows where the step is now."""
        if self._status is not None:
            self._status.update(f"{self._title}: {self._doing}, {self.seconds} s")
        else:
            self.line(f"{self._doing}, {self.seconds} s so far")


@contextmanager
def step(console: Console, title: str) -> Iterator[Step]:
    """Shows a step while the block runs."""
    done = threading.Event()
    status = console.status(title) if console.is_terminal else None
    current = Step(console, title, status)

    def beat() -> None:
        while not done.wait(0.2 if status is not None else HEARTBEAT_SECONDS):
            current.show()

    beating = threading.Thread(target=beat, daemon=True)
    if status is not None:
        status.start()
    beating.start()
    try:
        yield current
    finally:
        done.set()
        beating.join()
        if status is not None:
            status.stop()
