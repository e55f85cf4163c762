"""Options that several commands have."""

from typing import Annotated

import typer

Stack = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; without it, the selected one.")]

Json = Annotated[
    bool, typer.Option("--json", help="Prints one JSON document instead, on standard output, errors included.")
]

ServiceKey = Annotated[
    str, typer.Argument(metavar="SERVICE", help="The service, by its key in the configuration.", show_default=False)
]

Reason = Annotated[str | None, typer.Option("--reason", help="Why, for the record.", show_default=False)]

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Does not ask. Needed where there is no terminal, and with --json.")
]

Wait = Annotated[
    bool, typer.Option("--wait", help="Waits for a command that releases the service now, as long as it takes.")
]

Detach = Annotated[
    bool, typer.Option("--detach", help="Goes on without this terminal, with a log; ends here once it has begun.")
]

Override = Annotated[
    str | None,
    typer.Option(
        "--override",
        metavar="REASON",
        help="Goes on although releases are frozen. Why, for the record.",
        show_default=False,
    ),
]

Hotfix = Annotated[
    bool,
    typer.Option(
        "--hotfix",
        help="An unplanned repair: goes on although the metrics of its watch cannot be read. Is in the record.",
    ),
]

Together = Annotated[bool, typer.Option("--together", help="All services of the command, or none.")]
