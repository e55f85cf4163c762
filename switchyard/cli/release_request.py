"""What is asked of `switchyard switch` or `switchyard rollback`, and what begins before anything is imported for it."""

# ruff: noqa: PLC0415

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from switchyard.cli.failures import errors_end_the_command
from switchyard.config.commands import stack_option
from switchyard.errors import ExitCode
from switchyard.release.engine import Answer, Engine

SELECTED = "PULUMI_STACK"
"""Environment variable with the stack that the engine takes for the selected one."""


def can_ask(*, as_json: bool) -> bool:
    """Whether the operator can be asked: at a terminal, and where no document is awaited."""
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def reading_state(stack: str | None) -> Iterator[Answer]:
    """Has the engine read the outputs of a stack while the block runs, and ends the engine with it."""
    answer = Engine(stack or os.environ.get(SELECTED)).begin_outputs()
    try:
        yield answer
    finally:
        answer.end()


@dataclass(frozen=True)
class Request:
    """What the operator has typed.

    Attributes:
        service: key of the service.
        rollback: whether a rollback is asked for, and not a switch.
        colour: that is to serve; None leaves it to the command.
        reason: why, for the record.
        stack: name of the stack; None for the selected one.
        wait: whether a command that releases the service is waited for as long as it takes.
        yes: whether it is confirmed already.
        as_json: whether the output is one JSON document.
        override: why a rollback goes to a version that a hook has left behind, or why a switch goes through although
            releases are frozen; None where it does not.
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


def begin(request: Request) -> None:
    """Runs a command. The state is read by the engine while the libraries of the command are still imported."""
    begun = time.monotonic()
    with errors_end_the_command(request.stack, as_json=request.as_json):
        if not request.yes and not can_ask(as_json=request.as_json):
            _refuse_unconfirmed(request)
        with reading_state(request.stack) as answer:
            try:
                from switchyard.cli.fast_lane import run

                run(request, answer, begun)
            except KeyboardInterrupt:
                _end_interrupted(request)


def _refuse_unconfirmed(request: Request) -> None:
    from switchyard.errors import UsageError
    from switchyard.release.plan import Act
    from switchyard.release.refusals import refuse_unconfirmed

    act = Act.ROLLBACK if request.rollback else Act.SWITCH
    raise UsageError(str(refuse_unconfirmed(request.service, act)))


def _end_interrupted(request: Request) -> None:
    import typer

    from switchyard.cli.output import errors

    again, on = "rollback" if request.rollback else "switch", stack_option(request.stack)
    errors.print(
        f"Interrupted. What serves now: switchyard status{on}. To go on, run the command again: switchyard {again} "
        f"{request.service}{f' {request.colour}' if request.colour else ''}{on}"
    )
    raise typer.Exit(ExitCode.FAILED)
