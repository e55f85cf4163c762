"""`switchyard deploy`: releases a version of a service, up to the bake, or rolls it back."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import replace
from typing import Annotated, Literal

import typer

from switchyard.cli.options import Detach, Hotfix, Json, Override, Reason, ServiceKey, Stack, Together, Wait, Yes

TagArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="TAG",
        help="Tag of the image, its digest or both. With --together, several services instead, each as SERVICE=TAG.",
        show_default=False,
    ),
]

HoldAfter = Annotated[
    Literal["warm", "prove", "switch", "drain", "watch"] | None,
    typer.Option(
        "--hold-after",
        help="Holds the release after this phase, for an operator. After watch, the old version keeps its pods.",
        show_default=False,
    ),
]


def deploy(
    context: typer.Context,
    service: ServiceKey,
    tag: TagArgument = None,
    reason: Reason = None,
    override: Override = None,
    hold_after: HoldAfter = None,
    stack: Stack = None,
    *,
    together: Together = False,
    wait: Wait = False,
    detach: Detach = False,
    hotfix: Hotfix = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Releases a version: warms the idle colour, checks it, switches, drains, watches, and rolls back a bad version.

    Ends with 0 when the version serves and its watch has passed, and with 1 when it was refused, failed, was rolled
    back or is held.
    """
    from switchyard.cli.deploy_request import DeployRequest, begin
    from switchyard.release.plan import Act

    request = DeployRequest(Act.DEPLOY, service, tag or "", reason, hold_after, stack, wait=wait, detach=detach)
    request = replace(request, override=override or None, hotfix=hotfix, yes=yes, as_json=as_json)
    words = (service, *(() if tag is None else (tag,)), *context.args)
    if together or len(words) != len(("service", "tag")) or "=" in service:
        from switchyard.cli.deploy_request import several

        request = several(request, words, together=together)
    begin(request)
