"""Options that several commands have."""

from typing import Annotated

import typer

Stack = Annotated[str | None, typer.Option("--stack", "-s", help="Name of the stack. Default: the selected one.")]

Json = Annotated[
    bool, typer.Option("--json", help="Prints one JSON document on standard output instead, including errors.")
]

ServiceKey = Annotated[
    str, typer.Argument(metavar="SERVICE", help="Key of the service in the configuration.", show_default=False)
]

Reason = Annotated[
    str | None, typer.Option("--reason", help="Reason for the command, kept in the record.", show_default=False)
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
