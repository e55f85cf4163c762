"""`switchyard rollback`: sends the traffic of a service back to the version that served before, at once."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Wait, Yes


def rollback(
    service: ServiceKey,
    reason: Reason = None,
    stack: Stack = None,
    *,
    wait: Wait = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Goes back to the version that served before, and keeps others from undoing that.

    No smoke test stops it, and the state of the stack need not be reachable. A retired version is warmed first.
    Ends with 0 when the version serves, with 1 when it is refused.
    """
    from switchyard.cli.release_request import Request, begin

    begin(Request(service, rollback=True, reason=reason, stack=stack, wait=wait, yes=yes, as_json=as_json))
