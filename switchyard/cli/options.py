"""Options that several commands have."""

from typing import Annotated

import typer

Stack = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; without it, the selected one.")]

Json = Annotated[
    bool, typer.Option("--json", help="Prints one JSON document instead, on standard output, errors included.")
]
