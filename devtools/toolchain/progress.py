"""Shows the tool, the progress and the duration so far: as a moving line on a terminal, as a few lines in a log."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

HEARTBEAT_SECONDS = 30
"""Longest time without a line in a log while a step runs, seconds."""


class Step:
    """The installation of one tool."""

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
        """Prints a permanent line."""
        self._console.print(f"{self._title}: {text}")

    def show(self) -> None:
        """Shows the present state of the step."""
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
