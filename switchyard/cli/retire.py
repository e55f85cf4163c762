"""`switchyard retire`: deletes the pods of the old colour, once a release has baked."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace
from typing import Annotated

import typer

from switchyard.cli.options import Json, Override, Stack, Wait, Yes

Service = Annotated[
    str | None,
    typer.Argument(metavar="SERVICE", help="Key of the service in the configuration.", show_default=False),
]

Due = Annotated[bool, typer.Option("--due", help="Retires in every service whose bake is over; for a schedule.")]


def retire(
    service: Service = None,
    override: Override = None,
    stack: Stack = None,
    *,
    due: Due = False,
    wait: Wait = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Ends the bake of a release and deletes the pods of the old colour, if it gets no more requests.

    Ends with 0 when it is retired, or when nothing is due, and with 1 when it is refused.
    """
    from switchyard.cli.deploy_request import DeployRequest, begin, begin_due
    from switchyard.release.plan import Act

    if due:
        begin_due(stack, service, override, wait=wait, yes=yes, as_json=as_json)
    else:
        request = DeployRequest(Act.RETIRE, service or "", stack=stack, wait=wait, yes=yes, as_json=as_json)
        begin(replace(request, override=override or None))
