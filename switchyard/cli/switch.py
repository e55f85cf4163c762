"""`switchyard switch`: sends the traffic of a service to its other colour, at once."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace
from typing import Annotated, Literal

import typer

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Wait, Yes

ColourName = Annotated[
    Literal["blue", "green"] | None,
    typer.Argument(
        metavar="COLOUR", help="blue or green; without it, the one that does not serve.", show_default=False
    ),
]


def switch(
    service: ServiceKey,
    colour: ColourName = None,
    reason: Reason = None,
    stack: Stack = None,
    *,
    wait: Wait = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Switches a service to a colour that is ready, and brings configuration and state to the same.

    The gates are those of `pulumi up`. Ends with 0 when the colour serves, with 1 when it is refused.
    """
    from switchyard.cli.release_request import Request, begin

    request = Request(service, rollback=False, colour=colour, reason=reason, stack=stack, wait=wait)
    begin(replace(request, yes=yes, as_json=as_json))
