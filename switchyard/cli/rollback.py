"""`switchyard rollback`: rolls a service back at once to the version that served before."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace
from typing import Annotated

import typer

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Together, Wait, Yes, one_line

Others = Annotated[
    list[str] | None,
    typer.Argument(metavar="SERVICE", help="With --together, the other services.", show_default=False),
]

Override = Annotated[
    str | None,
    typer.Option(
        "--override",
        metavar="REASON",
        callback=one_line,
        help="Reason for a rollback although an irreversible hook has run, or to a version that was rolled back. "
        "It is kept in the record.",
        show_default=False,
    ),
]


def rollback(
    service: ServiceKey,
    others: Others = None,
    reason: Reason = None,
    override: Override = None,
    stack: Stack = None,
    *,
    together: Together = False,
    wait: Wait = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Rolls back to the version that served before, and refuses pipelines that would undo the rollback.

    No smoke test stops it, and the state of the stack need not be reachable. A retired version is warmed first.
    Ends with 0 when the version serves, and with 1 when it is refused.
    """
    from switchyard.cli.release_request import ReleaseRequest, begin

    if others or together:
        from switchyard.cli.together_request import TogetherRequest, begin_together, end_misused
        from switchyard.release.plan import Act

        words = (service, *(others or ()))
        if together:
            begin_together(TogetherRequest(Act.ROLLBACK, words, reason, stack, wait, yes, as_json, override or None))
            return
        end_misused(Act.ROLLBACK, words, stack, as_json=as_json)
    request = ReleaseRequest(service, rollback=True, reason=reason, stack=stack, wait=wait, yes=yes, as_json=as_json)
    begin(replace(request, override=override or None))
