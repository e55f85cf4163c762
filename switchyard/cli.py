"""The commands.

Exit codes: 0 all is well, 1 something is not (a service does not serve what is configured, an analysis would not
succeed) or the cluster or Prometheus cannot be asked, 2 bad usage or configuration.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate.access import UNREACHABLE, ClusterAccess
from gate.api import AccessDeniedError
from settings.ec2 import Ec2Cluster
from settings.problems import SettingsError
from settings.service import Track
from settings.stack import StackSettings
from settings.text import Url, matching
from switchyard.analysis import Judgement, NoAnalysisError, NoVersionError, analysed, hint, measure, succeeded
from switchyard.configuration import ConfigurationError, access_to, read_settings
from switchyard.prometheus import UnresolvedError
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

UNPROVED = 1
"""Exit code of `analyze` when the version in question would not succeed."""

PodHash = Annotated[
    str,
    matching(
        r"[a-z0-9]+",
        "must be the value of a pod's label rollouts-pod-template-hash: a-z 0-9 | Example: 6c8f7d9b4f",
    ),
]


def _taken_as(kind: Any) -> Callable[[str | None], str | None]:
    """A check of an option's text by the rule that the settings have for such a value."""

    def check(text: str | None) -> str | None:
        try:
            return None if text is None else str(TypeAdapter(kind).validate_python(text))
        except ValidationError as error:
            raise typer.BadParameter(". ".join(str(error.errors()[0]["ctx"]["error"]).split(" | "))) from None

    return check


Stack = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; without it, the selected one.")]


@app.command()
def status(stack: Stack = None) -> None:
    """Shows for each service what is configured, what serves, and the ready pods."""
    with _errors_in_words():
        name, settings = read_settings(stack)
        access = access_to(name, settings)
        services = asyncio.run(look(access, settings.services))
        balancer = _balancer_problem(access, settings)
    console.print(_table(name, services))
    if any(service.simulated for service in services):
        console.print(
            "Simulated nodes: pods turn Ready without running; probes, images and smoke tests are not exercised."
        )
    if balancer is not None:
        errors.print(balancer)
    if not all(service.as_configured for service in services):
        console.print("Not everything is as configured: `pulumi up --refresh` shows and repairs it.", style="yellow")
    if balancer is not None or not all(service.as_configured for service in services):
        raise typer.Exit(MISMATCH)


@app.command()
def analyze(
    service: Annotated[str, typer.Argument(help="The service, which must be under a canary.")],
    stack: Stack = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            callback=_taken_as(Url),
            help="Where this machine reaches Prometheus; without it, the address that the controller has.",
        ),
    ] = None,
    pod_hash: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="POD_HASH",
            callback=_taken_as(PodHash),
            help="Judges these pods alone; without it, the new version, and the stable one beside it.",
        ),
    ] = None,
) -> None:
    """Dry run of a canary's analysis: asks Prometheus once, now, and shows what each measurement would be judged."""
    with _errors_in_words():
        name, settings = read_settings(stack)
        canary, configured = analysed(settings.services, service)
        analysis = configured.model_copy(update={"prometheus": prometheus or configured.prometheus})
        access = access_to(name, settings)
        judgements = asyncio.run(measure(access, service, canary, analysis, pod_hash))
    console.print(_judgements_table(f"stack {name}, service {service}, {analysis.prometheus}", judgements))
    if said := hint(service, analysis, judgements):
        console.print(said, style="yellow", markup=False)
    if not succeeded(judgements):
        raise typer.Exit(UNPROVED)


def _balancer_problem(access: ClusterAccess, settings: StackSettings) -> str | None:
    """What is wrong with the load balancer of a cluster that the stack makes."""
    if not isinstance(settings.cluster, Ec2Cluster):
        return None
    # The SDK of AWS takes a second to import, which a cluster of somebody else's need not wait for.
    from gate.balancer_wait import load_balancer_problem  # noqa: PLC0415

    return asyncio.run(load_balancer_problem(access, settings.cluster, settings.services))


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Ends the command with a line and its exit code when what it needs cannot be read."""
    try:
        yield
    except (SettingsError, ConfigurationError, NoAnalysisError) as error:
        _end(str(error), code=2)
    except (NoVersionError, UnresolvedError) as error:
        _end(str(error), code=1)
    except AccessDeniedError as error:
        _end(f"The kubeconfig's user {error}.", code=1)
    except UNREACHABLE as error:
        _end(f"The cluster does not answer ({type(error).__name__}: {error}).", code=1)


def _judgements_table(title: str, judgements: list[Judgement]) -> Table:
    table = Table(title=Text(title), title_justify="left")
    for column in ("version", "metric", "value", "needed", "verdict", "why"):
        table.add_column(column)
    for judgement in judgements:
        metric, version = judgement.metric, judgement.version
        table.add_row(
            f"{version.role} {version.pod_hash}",
            f"{metric.name} ({metric.unit})",
            judgement.value or "-",
            metric.success,
            judgement.verdict.value,
            Text(judgement.why),  # in others' words, which are no markup
        )
    return table


def _table(stack: str, services: list[ServiceStatus]) -> Table:
    table = Table(title=f"stack {stack}", title_justify="left")
    tracks = [track for track in Track if any(track in service.tracks for service in services)]
    # Only where there is a load balancer that knows the colours, which most stacks have not.
    by_engine = any(service.leads is not None for service in services)
    engine = ("engine", "Ingress leads to") if by_engine else ()
    for column in ("service", "configured", "serving", *engine, *tracks, "node port"):
        table.add_column(column)
    for service in services:
        table.add_row(
            f"{service.namespace}/{service.name}",
            service.configured.value,
            "nothing" if service.serving is None else service.serving.value,
            *((service.engine.value, _led(service)) if by_engine else ()),
            *(_cell(service.tracks.get(track)) for track in tracks),
            "-" if service.node_port is None else str(service.node_port),
        )
    return table


def _led(service: ServiceStatus) -> str:
    return "-" if service.leads is None else ", ".join(sorted(service.leads)) or "nothing"


def _cell(track: TrackStatus | None) -> str:
    return "-" if track is None else f"{track.tag or '-'}  {track.ready}/{track.wanted} ready"


def _end(message: str, code: int) -> NoReturn:
    errors.print(message)
    raise typer.Exit(code)
