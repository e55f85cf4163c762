"""The command line: one command a file. Exit codes are those of `switchyard.errors.ExitCode`."""

import gc
import io
import os
import sys

import typer

from switchyard.cli.abort import abort
from switchyard.cli.analyze import analyze
from switchyard.cli.deploy import deploy
from switchyard.cli.drill import drill
from switchyard.cli.history import history
from switchyard.cli.lasting_output import continues_without_output
from switchyard.cli.rbac import rbac
from switchyard.cli.report import report
from switchyard.cli.resume import resume
from switchyard.cli.retire import retire
from switchyard.cli.rollback import rollback
from switchyard.cli.status import status
from switchyard.cli.switch import switch
from switchyard.cli.usage_errors import Commands

app = typer.Typer(
    cls=Commands,
    help="Releases the services of a stack, and shows what is configured and what serves.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: frames around it would take twice the time of everything else
)
app.command(short_help="Shows which versions are configured, and which serve.")(status)
app.command(short_help="Shows the releases of a service.")(history)
app.command(
    short_help="Releases a version of a service, and watches it.",
    context_settings={"allow_extra_args": True},  # for a message with what to type for several services
)(continues_without_output(deploy))
app.command(short_help="Continues a release that is held, or whose command has ended.")(
    continues_without_output(resume)
)
app.command(short_help="Aborts a release, and restores the old version.")(continues_without_output(abort))
app.command(short_help="Deletes the old version's pods once a release has baked.")(continues_without_output(retire))
app.command(short_help="Switches a service to its other colour at once.")(continues_without_output(switch))
app.command(short_help="Rolls a service back at once to the version that served before.")(
    continues_without_output(rollback)
)
app.command(short_help="Rehearses a rollback and back again, and times it.")(continues_without_output(drill))
app.command(short_help="Shows success metrics of past releases, with their targets.")(report)
app.command(short_help="Judges the version that serves, or a canary, as a release would now.")(analyze)
app.command(short_help="Prints the minimum permissions that these commands need.")(rbac)


def _replace_closed_streams() -> None:
    """Opens the null device in place of each stream that the caller has closed (`>&-`), which Python has as None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends


def main() -> None:
    """Runs a command, as the program `switchyard`."""
    # A command runs for a second, and would spend a fifth of it on garbage collection among modules and their
    # classes: while they are imported, and at the end once more.
    gc.disable()
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a release does not end at a character that the terminal lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    finally:
        gc.freeze()
