"""Converts errors into a message and the exit code of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from switchyard.config.commands import messages_about
from switchyard.errors import ClusterError, SwitchyardError, with_code


@contextmanager
def errors_end_the_command(stack: str | None = None, *, as_json: bool = False) -> Iterator[None]:
    """Ends the command with a message and an exit code if an error is raised, or Ctrl-C pressed, in the `with` block.

    Args:
        stack: the stack that commands in messages name; None for the selected one.
        as_json: whether the message is a JSON document on standard output.
    """
    with messages_about(stack):
        try:
            yield
        except SwitchyardError as error:
            _print(error, as_json=as_json)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:  # of a command that only reads, or that has not begun
            from switchyard.cli.interruption import NOTHING_CHANGED, end  # noqa: PLC0415 - not before it is needed

            end(NOTHING_CHANGED, as_json=as_json)


def message_of(error: SwitchyardError) -> str:
    """The message for an error: what happened, its code, and the remedy."""
    if not isinstance(error, ClusterError) or error.summary == str(error):  # the text has its own remedy
        return with_code(error.code, str(error))
    from switchyard.kube.error_texts import remedy_for  # noqa: PLC0415 - with the HTTP client

    unchanged = "Nothing was changed. " if error.is_of_first_call else ""
    return f"{error.summary.removesuffix('.')} ({error.code}). {unchanged}{remedy_for(error)}"


def _print(error: SwitchyardError, *, as_json: bool) -> None:
    from switchyard.cli.output import errors, print_json  # noqa: PLC0415 - not before something is printed

    if not as_json:
        errors.print(message_of(error))
        return
    from switchyard.cli.status_json import failure  # noqa: PLC0415 - with the models

    print_json(failure(message_of(error), error))
