"""`switchyard switch`: switches the traffic of a service to its other colour at once."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace
from typing import Annotated

import typer

from switchyard.cli.options import Json, Override, Reason, ServiceKey, Stack, Together, Wait, Yes

Others = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="COLOUR",
        help="blue or green. Default: the colour that does not serve. With --together, other services instead, each "
        "as SERVICE or SERVICE=COLOUR.",
        show_default=False,
    ),
]


def switch(
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
    """Switches a service to a colour that is ready, and then updates configuration and state.

    The gates are those of `pulumi up`. Ends with 0 when the colour serves, and with 1 when it is refused.
    """
    from switchyard.cli.release_request import ReleaseRequest, begin

    colour = others[0] if others else None
    if together or (others and (len(others) > 1 or colour not in {"blue", "green"})):
        from switchyard.cli.together_request import TogetherRequest, begin_together, end_misused
        from switchyard.release.plan import Act

        words = (service, *(others or ()))
        if together:
            begin_together(TogetherRequest(Act.SWITCH, words, reason, stack, wait, yes, as_json, override or None))
            return
        end_misused(Act.SWITCH, words, stack, as_json=as_json)
    request = ReleaseRequest(service, rollback=False, colour=colour, reason=reason, stack=stack, wait=wait)
    begin(replace(request, override=override or None, yes=yes, as_json=as_json))
