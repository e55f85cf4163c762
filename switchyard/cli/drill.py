"""`switchyard drill`: a timed rollback of a service that ends where it began."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Yes


def drill(
    service: ServiceKey,
    reason: Reason = None,
    stack: Stack = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Sends all users to the version that `rollback` would go to, and back at once; says how long that took.

    A drill whose command has ended is brought back by the same command. Ends with 0 when what served serves again and
    both were done, or an earlier drill is brought back; with 1 when it is refused or something went wrong.
    """
    from switchyard.cli.drill_request import DrillRequest, begin

    begin(DrillRequest(service, reason, stack, yes=yes, as_json=as_json))
