"""Output streams whose write errors do not end a command: a closed terminal or pipe, or a full disk."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TextIO

P = ParamSpec("P")

GONE = frozenset({errno.EPIPE, errno.EIO})
"""Errors of a stream that never recovers: the pipe has no reader, or the terminal has ended."""


class LastingStream:
    """A text stream that drops text which cannot be written, and otherwise behaves like the wrapped stream.

    Args:
        stream: the wrapped stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text, or drops it; returns its length."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._discard_if_gone(error)
            return len(text)

    def flush(self) -> None:
        """Writes the buffered text, or keeps it for the next attempt."""
        try:
            self._stream.flush()
        except OSError as error:
            self._discard_if_gone(error)

    def _discard_if_gone(self, error: OSError) -> None:
        if error.errno not in GONE:
            return
        # The interpreter flushes what is buffered once more at its end, and would report an error then.
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def continues_without_output(command: Callable[P, None]) -> Callable[P, None]:
    """Lets a command that changes a service continue when its output cannot be written.

    Otherwise the release would stop half-way, and a bad version would not be rolled back. The exit code and the
    record show the result.

    Args:
        command: the function of the command, whose signature is kept.
    """

    @wraps(command)
    def continuing(*args: P.args, **kwargs: P.kwargs) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if not isinstance(stream, LastingStream):
                setattr(sys, name, LastingStream(stream))
        command(*args, **kwargs)

    return continuing
