"""`switchyard abort`: what an operator does with a release that has not ended."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from switchyard.cli.options import Json, ServiceKey, Stack, Wait, Yes


def abort(
    service: ServiceKey, stack: Stack = None, *, wait: Wait = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Takes a release back: rolls back after the switch, and deletes the pods of the new version before it.

    Ends with 0 when the release is taken back.
    """
    from switchyard.cli.deploy_request import DeployRequest, begin
    from switchyard.release.plan import Act

    begin(DeployRequest(Act.ABORT, service, stack=stack, wait=wait, yes=yes, as_json=as_json))
