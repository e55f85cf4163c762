"""`switchyard abort`: ends a release that has not ended, with the old version serving."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from switchyard.cli.options import Json, Reason, ServiceKey, Stack, Wait, Yes


def abort(
    service: ServiceKey,
    reason: Reason = None,
    stack: Stack = None,
    *,
    wait: Wait = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Aborts a release: after the switch it rolls back, and before the switch it deletes the new pods.

    Ends with 0 when the old version serves.
    """
    from switchyard.cli.deploy_request import DeployRequest, begin
    from switchyard.release.plan import Act

    begin(DeployRequest(Act.ABORT, service, reason=reason, stack=stack, wait=wait, yes=yes, as_json=as_json))
