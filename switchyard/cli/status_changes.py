"""Output of `switchyard status --watch` without a terminal: one line for each change."""

import errno
import json
import os
import select
import sys
from io import UnsupportedOperation

from switchyard.cli.release_text import doubt_line, release_line
from switchyard.cli.service_status import ServiceStatus
from switchyard.cli.status_json import document, failure
from switchyard.cli.status_table import versions_of
from switchyard.cli.status_watch import StatusReading, reason
from switchyard.config.errors import Problem
from switchyard.config.models.service_name import key_of
from switchyard.kube.clock import to_text


class Lines:
    """Prints a line for each service that has changed, with the time of the API server's clock."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._error: str | None = None
        self._problems: tuple[Problem, ...] = ()

    def show(self, reading: StatusReading) -> None:
        """Prints the changes since the last reading."""
        _end_without_reader()
        error = None if reading.error is None else type(reading.error).__name__
        if error != self._error:
            _print(reading, f"cannot be seen: {reason(reading.error)}" if reading.error else "can be seen again")
        self._error = error
        if reading.error is not None:
            return
        self._show_problems(reading)
        for service in reading.services:
            key, line = key_of(service.name), described(service)
            if self._lines.get(key) != line:
                _print(reading, f"{key}: {line}")
            self._lines[key] = line

    def _show_problems(self, reading: StatusReading) -> None:
        """Prints new errors in the settings of services, or that all errors are corrected."""
        for problem in reading.problems:
            if problem not in self._problems:
                _print(reading, f"{problem} ({problem.code})")
        if self._problems and not reading.problems:
            _print(reading, "the errors in the settings of services are corrected")
        self._problems = reading.problems


class Documents:
    """Prints the document of `switchyard status --json` on one line at each change, with the time.

    Args:
        stack: name of the stack.
    """

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._last: object = None

    def show(self, reading: StatusReading) -> None:
        """Prints the document if anything in it has changed since the last reading."""
        _end_without_reader()
        if reading.error is None:
            content = document(self._stack, list(reading.services), ignored=reading.problems)
            changed: object = content
        else:
            content = {**failure(reason(reading.error), reading.error), "stack": self._stack}
            changed = content["code"]  # the text may have a time in it
        if changed != self._last:
            print(json.dumps({"at": to_text(reading.at), **content}, separators=(",", ":")), flush=True)
        self._last = changed


def described(service: ServiceStatus) -> str:
    """A description of a service in one line: the colour that serves, the pods, and the release."""
    serving = "nothing" if service.serving is None else service.serving.value
    configured = "" if service.serving == service.configured else f" ({service.configured.value} is configured)"
    tracks = ", ".join(f"{name.value} {versions_of(track)}" for name, track in service.tracks.items())
    release = "" if service.release is None else f"; {_release(service)}"
    frozen = "" if service.frozen is None else f"; releases are frozen: {service.frozen}"
    return f"{serving} serves{configured}; {tracks}{frozen}{release}"


def _release(service: ServiceStatus) -> str:
    release, key = service.release, key_of(service.name)
    if release is None:
        return ""
    line = release_line(key, release).removeprefix(f"{key}: ")
    if release.following:
        line = f"{line.removesuffix('.')}. After this phase: {release.following}."
    doubt = doubt_line(key, release)
    return line if doubt is None else f"{line.removesuffix('.')}; {doubt.removeprefix(f'{key}: ')}"


def _print(reading: StatusReading, text: str) -> None:
    sys.stdout.write(f"{to_text(reading.at)} {' '.join(text.split())}\n")
    sys.stdout.flush()


def _end_without_reader() -> None:
    """Raises ``BrokenPipeError`` if the reader has closed the pipe, because the next change may be far away."""
    try:
        output = sys.stdout.fileno()
    except UnsupportedOperation:  # no file, but a test
        return
    poll = select.poll()
    poll.register(output, 0)
    if any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0)):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
