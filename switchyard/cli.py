"""The commands. Exit codes: 0 done, 1 the cluster or the engine refused, 2 bad usage or configuration."""

import asyncio
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from gate.api import AccessDeniedError
from gate.cluster import UNREACHABLE, ClusterAccess
from settings.problems import SettingsError
from settings.service import Track
from switchyard.configuration import ConfigurationError, read_settings
from switchyard.status import ServiceStatus, TrackStatus, look

app = typer.Typer(
    help="Releases on a stack: what is configured, and what serves.",
    add_completion=False,
    no_args_is_help=True,
)
LOG_WIDTH = 120
"""Columns where there is no terminal to ask."""

console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal:
    console.width = LOG_WIDTH
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True, style="red")

MISMATCH = 1
"""Exit code of `status` when a service does not serve what is configured."""


@app.callback()
def commands() -> None:
    """Keeps `status` a command of its own while it is the only one."""


@app.command()
def status(
    stack: Annotated[str | None, typer.Option("--stack", "-s", help="The stack; without it, the selected one.")] = None,
) -> None:
    """Shows for each service what is configured, what serves, and the ready pods."""
    try:
        name, settings = read_settings(stack)
        access = ClusterAccess(settings.cluster.kubeconfig, settings.cluster.context)
        services = asyncio.run(look(access, settings.services))
    except SettingsError as error:
        _end(str(error), code=2)
    except ConfigurationError as error:
        _end(str(error), code=2)
    except AccessDeniedError as error:
        _end(f"The kubeconfig's user {error}.", code=1)
    except UNREACHABLE as error:
        _end(f"The cluster does not answer ({type(error).__name__}: {error}).", code=1)
    console.print(_table(name, services))
    if any(service.simulated for service in services):
        console.print(
            "Simulated nodes: pods turn Ready without running; probes, images and smoke tests are not exercised."
        )
    if not all(service.as_configured for service in services):
        console.print("Not everything is as configured: `pulumi up --refresh` shows and repairs it.", style="yellow")
        raise typer.Exit(MISMATCH)


def _table(stack: str, services: list[ServiceStatus]) -> Table:
    table = Table(title=f"stack {stack}", title_justify="left")
    tracks = [track for track in Track if any(track in service.tracks for service in services)]
    for column in ("service", "configured", "serving", *tracks, "node port"):
        table.add_column(column)
    for service in services:
        table.add_row(
            f"{service.namespace}/{service.name}",
            service.configured.value,
            "nothing" if service.serving is None else service.serving.value,
            *(_cell(service.tracks.get(track)) for track in tracks),
            "-" if service.node_port is None else str(service.node_port),
        )
    return table


def _cell(track: TrackStatus | None) -> str:
    return "-" if track is None else f"{track.tag or '-'}  {track.ready}/{track.wanted} ready"


def _end(message: str, code: int) -> NoReturn:
    errors.print(message)
    raise typer.Exit(code)
