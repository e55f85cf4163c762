"""The request of `switchyard switch` or `rollback`, and the start of the command before its libraries are imported."""

# ruff: noqa: PLC0415

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from switchyard.cli.failures import errors_end_the_command
from switchyard.config.commands import options, typed
from switchyard.errors import EngineError
from switchyard.release.engine.engine import Engine, EngineCommand, FailedEngineCommand

SELECTED = "PULUMI_STACK"
"""Environment variable that selects the stack for the engine."""


def can_ask(*, as_json: bool) -> bool:
    """Whether the operator can be asked for confirmation: only at a terminal, and not with `--json`."""
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def reading_state(stack: str | None, *, needed: bool = True) -> Iterator[EngineCommand]:
    """Lets the engine read the outputs of a stack while the block runs, and stops the engine at its end.

    Args:
        stack: name of the stack; None for the selected one.
        needed: whether the command needs the engine. A rollback works without it.
    """
    try:
        answer = Engine(stack or os.environ.get(SELECTED)).begin_outputs()
    except EngineError as error:
        if needed:
            raise
        answer = FailedEngineCommand(str(error))
    try:
        yield answer
    finally:
        answer.end()


@dataclass(frozen=True)
class ReleaseRequest:
    """The arguments and options of `switchyard switch` or `rollback`.

    Attributes:
        service: key of the service.
        rollback: whether the request is a rollback, and not a switch.
        colour: the colour that is to serve; None leaves the choice to the command.
        reason: the operator's reason, for the record.
        stack: name of the stack; None for the selected one.
        wait: whether to wait for another command on the service, without a time limit.
        yes: whether the command is confirmed in advance.
        as_json: whether the output is one JSON document.
        override: reason for a rollback to a version that no longer works after a hook or that was rolled back, or for a
            switch although releases are frozen; None without one.
    """

    service: str
    rollback: bool
    colour: str | None = None
    reason: str | None = None
    stack: str | None = None
    wait: bool = False
    yes: bool = False
    as_json: bool = False
    override: str | None = None

    def again(self, *, yes: bool = False) -> str:
        """The command line with its options, without `--json`.

        Args:
            yes: whether it is confirmed in advance.
        """
        colour = [] if self.colour is None else [self.colour]  # without it, the other colour might be switched to
        words = " ".join(("switchyard", "rollback" if self.rollback else "switch", self.service, *colour))
        return typed(words + options(reason=self.reason, override=self.override, wait=self.wait, yes=yes))


def begin(request: ReleaseRequest) -> None:
    """Runs a command. The state is read by the engine while the libraries of the command are still imported."""
    begun = time.monotonic()
    with errors_end_the_command(request.stack, as_json=request.as_json):
        if not request.yes and not can_ask(as_json=request.as_json):
            _refuse_unconfirmed(request)
        with reading_state(request.stack, needed=False) as answer:
            try:
                from switchyard.cli.fast_lane import run

                run(request, answer, begun)
            except KeyboardInterrupt:
                _end_interrupted(request)


def _refuse_unconfirmed(request: ReleaseRequest) -> None:
    from switchyard.errors import UsageError
    from switchyard.release.refusals import refuse_unconfirmed

    step = f"{request.service}: the {'rollback' if request.rollback else 'switch'}"
    raise UsageError(str(refuse_unconfirmed(step, request.again(yes=True))))


def _end_interrupted(request: ReleaseRequest) -> NoReturn:
    from switchyard.cli.interruption import end_interrupted

    remedy = f"To continue, run the command again: {request.again()}"
    end_interrupted(remedy, (request.service,), request.stack, as_json=request.as_json)
