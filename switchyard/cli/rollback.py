"""`switchyard rollback`: sends the traffic of a service back to the version that served before, at once."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace
from typing import Annotated

import typer

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Yes

Override = Annotated[
    str | None,
    typer.Option(
        "--override",
        metavar="REASON",
        help="Goes back although an irreversible hook has run. Why, for the record.",
        show_default=False,
    ),
]


def rollback(
    service: ServiceKey,
    reason: Reason = None,
    override: Override = None,
    stack: Stack = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Goes back to the version that served before, and keeps others from undoing that.

    No smoke test stops it, and the state of the stack need not be reachable. A retired version is warmed first.
    Ends with 0 when the version serves, with 1 when it is refused.
    """
    from switchyard.cli.release_request import Request, begin

    request = Request(service, rollback=True, reason=reason, stack=stack, yes=yes, as_json=as_json)
    begin(replace(request, override=override or None))
