"""`switchyard status`: what is configured and what serves."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from switchyard.cli.options import Json, Stack
from switchyard.errors import ExitCode

if TYPE_CHECKING:
    from switchyard.cli.service_status import ServiceStatus
    from switchyard.config.loader import StackSettings
    from switchyard.kube.access import ClusterAccess


Watch = Annotated[bool, typer.Option("--watch", "-w", help="Shows each change until Ctrl-C.")]


def status(stack: Stack = None, *, watch: Watch = False, as_json: Json = False) -> None:
    """Shows the configured and the serving colour of each service, the versions of its pods, and how many are ready."""
    if watch:
        _watch(stack, as_json=as_json)
        return
    from switchyard.cli.configuration import access_to, print_ignored_errors, read_settings_at_once
    from switchyard.cli.failures import errors_end_the_command
    from switchyard.kube.blocking import run_blocking

    with errors_end_the_command(stack, as_json=as_json):
        name, settings = read_settings_at_once(stack, ())
        services, balancer = run_blocking(_read(access_to(name, settings), name, settings))
        if as_json:
            from switchyard.cli.output import print_json
            from switchyard.cli.status_json import document

            print_json(document(name, services, balancer, settings.ignored))
        else:
            from switchyard.cli.status_table import print_status

            print_status(name, services, balancer)
            print_ignored_errors(settings)
    if settings.ignored:
        raise typer.Exit(ExitCode.USAGE)
    if balancer is not None or not all(service.as_configured for service in services):
        raise typer.Exit(ExitCode.FAILED)


def _watch(stack: str | None, *, as_json: bool) -> None:
    from switchyard.cli.failures import errors_end_the_command
    from switchyard.cli.status_watch import watch_status

    with errors_end_the_command(stack, as_json=as_json):
        watch_status(stack, as_json=as_json)


async def _read(
    access: "ClusterAccess", stack: str, settings: "StackSettings"
) -> "tuple[list[ServiceStatus], str | None]":
    """The status of the services, and the problem of the load balancer that the stack creates."""
    from switchyard.cli.service_status import inspect_services
    from switchyard.cli.switch_recheck import recheck_doubtful_switches

    services = await inspect_services(access, settings.services, settings.releases.freeze)
    services = await recheck_doubtful_switches(access, stack, settings.services, services, settings.cluster)
    if getattr(settings.cluster, "load_balancer", None) is None:
        return services, None
    # The SDK of AWS takes a second to import, which other clusters need not wait for.
    from switchyard.gates.load_balancer import load_balancer_problem

    return services, await load_balancer_problem(access, settings.cluster, settings.services)
