"""Options that several commands have."""

from typing import Annotated

import typer

REASON_CHARACTERS = 1_000
"""Largest number of characters of a reason in the record."""


def one_line(text: str | None) -> str | None:
    """The text of an option as one line for the record, which others print at their terminals and in messages.

    Bytes that are no UTF-8, and characters that control a terminal, are replaced. A long text is cut, because no
    rollback is refused for its reason.

    Args:
        text: the text as it was typed; None without one.
    """
    if text is None:
        return None
    words = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return line if len(line) <= REASON_CHARACTERS else f"{line[: REASON_CHARACTERS - 3]}..."


Stack = Annotated[
    str | None, typer.Option("--stack", "-s", metavar="STACK", help="Name of the stack. Default: the selected one.")
]

Json = Annotated[
    bool, typer.Option("--json", help="Prints one JSON document on standard output instead, including errors.")
]

ServiceKey = Annotated[
    str, typer.Argument(metavar="SERVICE", help="Key of the service in the configuration.", show_default=False)
]

Reason = Annotated[
    str | None,
    typer.Option(
        "--reason",
        metavar="REASON",
        callback=one_line,
        help="Reason for the command, kept in the record.",
        show_default=False,
    ),
]

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Confirms in advance. Required without a terminal, and with --json.")
]

Wait = Annotated[
    bool, typer.Option("--wait", help="Waits until another command on the service has ended, however long it takes.")
]

Detach = Annotated[
    bool, typer.Option("--detach", help="Continues in the background with a log; returns once the release has begun.")
]

Override = Annotated[
    str | None,
    typer.Option(
        "--override",
        metavar="REASON",
        callback=one_line,
        help="Reason to continue although releases are frozen. It is kept in the record.",
        show_default=False,
    ),
]

Hotfix = Annotated[
    bool,
    typer.Option(
        "--hotfix",
        help="Marks an unplanned repair: it continues although the metrics of its watch cannot be read.",
    ),
]

Together = Annotated[bool, typer.Option("--together", help="Handles several services together: all of them, or none.")]
