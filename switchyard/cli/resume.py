"""`switchyard resume`: continues a release that is held, or whose command has ended."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace

from switchyard.cli.options import Detach, Hotfix, Json, Override, ServiceKey, Stack, Wait, Yes


def resume(
    service: ServiceKey,
    override: Override = None,
    stack: Stack = None,
    *,
    wait: Wait = False,
    detach: Detach = False,
    hotfix: Hotfix = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Continues a release that is held, or whose command has ended, in its present phase.

    Ends with 0 when the version serves and its watch has passed, and with 1 when it was refused, failed, was rolled
    back or is held.
    """
    from switchyard.cli.deploy_request import DeployRequest, begin
    from switchyard.release.plan import Act

    request = DeployRequest(Act.RESUME, service, stack=stack, wait=wait, detach=detach, yes=yes, as_json=as_json)
    begin(replace(request, override=override or None, hotfix=hotfix))
