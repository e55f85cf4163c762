"""Reports a wrong command line with its code: with `--json` as a document, as every other error is reported."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError  # typer exports only a class below it
from typer.core import TyperGroup

from switchyard.codes import Code
from switchyard.errors import ExitCode


class Commands(TyperGroup):
    """All commands of the program. Without `--json`, the error of a wrong command line follows lines of usage."""

    _as_json = False

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Reads the options before the name of the command."""
        self._as_json = "--json" in _options(args)
        with self._reporting():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Reads the arguments and options of a command, and runs it."""
        with self._reporting():
            return super().invoke(ctx)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except NoArgsIsHelpError:  # the help, which is no error
            raise
        except UsageError as error:
            if not self._as_json:
                raise UsageError(_message(error), error.ctx) from None
            # Not before something is printed.
            from switchyard.cli.output import error_document, print_json  # noqa: PLC0415

            print_json(error_document(_text(error), Code.COMMAND_LINE_WRONG.value, ExitCode.USAGE))
            raise typer.Exit(ExitCode.USAGE) from None


def _options(args: Sequence[str]) -> Sequence[str]:
    """The arguments up to `--`, after which no word is an option."""
    return args[: args.index("--")] if "--" in args else args


def _message(error: UsageError) -> str:
    return f"{error.format_message().rstrip('.')} ({Code.COMMAND_LINE_WRONG}). Nothing was changed."


def _text(error: UsageError) -> str:
    context = error.ctx
    named = () if context is None or context.parent is None else (str(context.info_name),)
    command = " ".join(("switchyard", *named))
    return f"{command}: {_message(error)} What it takes: {command} --help"
