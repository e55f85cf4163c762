"""`switchyard drill`: rehearses a rollback of a service, times it, and switches back."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Wait, Yes


def drill(
    service: ServiceKey,
    reason: Reason = None,
    stack: Stack = None,
    *,
    wait: Wait = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Rehearses a rollback: switches all users to the version that `rollback` would return to, and back; times both.

    If the command of a drill has died, running the command again switches back. Ends with 0 when both switches were
    done or an earlier drill was switched back, and with 1 when the drill is refused or something failed.
    """
    from switchyard.cli.drill_request import DrillRequest, begin

    begin(DrillRequest(service, reason, stack, wait=wait, yes=yes, as_json=as_json))
