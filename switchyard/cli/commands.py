"""What the commands do, in a module of its own because its imports take longer than the help needs."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from switchyard.cli.analysis import Judgement, analysed, hint, measure, succeeded
from switchyard.cli.configuration import access_to, read_settings
from switchyard.cli.status import ServiceStatus, TrackStatus, look
from switchyard.cli.status_json import document, failure
from switchyard.config.errors import SettingsError
from switchyard.config.loader import StackSettings
from switchyard.config.models.ec2 import Ec2Cluster
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import key_of
from switchyard.config.types.text import matching
from switchyard.errors import (
    AccessDeniedError,
    AnsweredError,
    ClusterError,
    ConfigurationError,
    KubeconfigError,
    LoginError,
    NoAnalysisError,
    NoVersionError,
    UnresolvedError,
)
from switchyard.kube.access import ClusterAccess
from switchyard.kube.answers import advice, advice_denied, advice_unreachable
from switchyard.kube.images import parsed, versions

LOG_WIDTH = 120
"""Columns where there is no terminal to ask."""

console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal:
    console.width = LOG_WIDTH
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True, style="red")

MISMATCH = 1
"""Exit code of `status` when a service does not serve what is configured, or its pods run something else."""

UNPROVED = 1
"""Exit code of `analyze` when the version in question would not succeed."""

PodHash = Annotated[
    str,
    matching(
        r"[a-z0-9]+",
        "must be the value of a pod's label rollouts-pod-template-hash: a-z 0-9 | Example: 6c8f7d9b4f",
    ),
]


def taken_as(kind: Any, text: str | None) -> str | None:
    """An option's text, checked by the rule that the settings have for such a value.

    Raises:
        typer.BadParameter: the rule does not take it.
    """
    try:
        return None if text is None else str(TypeAdapter(kind).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter(". ".join(str(error.errors()[0]["ctx"]["error"]).split(" | "))) from None


def show_status(stack: str | None, *, as_json: bool) -> None:
    """Prints the status of a stack, and ends with its exit code; arguments as of the command."""
    with _errors_in_words(as_json=as_json):
        name, settings = read_settings(stack)
        access = access_to(name, settings)
        services = asyncio.run(look(access, settings.services))
        balancer = _balancer_problem(access, settings)
    if as_json:
        _print_json(document(name, services, balancer))
    else:
        _print(name, services, balancer)
    if balancer is not None or not all(service.as_configured for service in services):
        raise typer.Exit(MISMATCH)


def _print(stack: str, services: list[ServiceStatus], balancer: str | None) -> None:
    """For a reader: the table, and what there is to say of it."""
    console.print(_table(stack, services))
    if any(service.simulated for service in services):
        console.print(
            "Simulated nodes: pods turn Ready without running; probes, images and smoke tests are not exercised."
        )
    for note in (note for service in services for note in service.notes):
        console.print(note, style="yellow", markup=False)
    if balancer is not None:
        errors.print(balancer)
    # A note says what to do itself: a refresh that would replace pods that serve is refused.
    if not all(service.as_configured or service.notes for service in services):
        console.print("Not everything is as configured: `pulumi up --refresh` shows and repairs it.", style="yellow")


def _print_json(found: dict[str, Any]) -> None:
    print(json.dumps(found, indent=2))  # not by rich, which would break lines at the width of a terminal


def show_analysis(service: str, stack: str | None, prometheus: str | None, pod_hash: str | None) -> None:
    """Prints what a canary's analysis would be judged now, and ends with its exit code; arguments as of the command."""
    with _errors_in_words():
        name, settings = read_settings(stack)
        canary, configured = analysed(settings.services, service)
        analysis = configured.model_copy(update={"prometheus": prometheus or configured.prometheus})
        access = access_to(name, settings)
        judgements = asyncio.run(measure(access, canary.named(service), canary, analysis, pod_hash))
    console.print(_judgements_table(f"stack {name}, service {service}, {analysis.prometheus}", judgements))
    if said := hint(canary.named(service), analysis, judgements):
        console.print(said, style="yellow", markup=False)
    if not succeeded(judgements):
        raise typer.Exit(UNPROVED)


def _balancer_problem(access: ClusterAccess, settings: StackSettings) -> str | None:
    """What is wrong with the load balancer of a cluster that the stack makes."""
    if not isinstance(settings.cluster, Ec2Cluster):
        return None
    # The SDK of AWS takes a second to import, which a cluster of somebody else's need not wait for.
    from switchyard.gates.load_balancer import load_balancer_problem  # noqa: PLC0415

    return asyncio.run(load_balancer_problem(access, settings.cluster, settings.services))


@contextmanager
def _errors_in_words(*, as_json: bool = False) -> Iterator[None]:
    """Ends the command with a line and its exit code when what it needs cannot be read."""
    try:
        yield
    except (SettingsError, ConfigurationError, NoAnalysisError) as error:
        _end(str(error), code=2, as_json=as_json)
    except (NoVersionError, UnresolvedError) as error:
        _end(str(error), code=1, as_json=as_json)
    except AccessDeniedError as error:
        _end(f"The kubeconfig's user {error}. {advice_denied(error.status)}", code=1, as_json=as_json)
    except AnsweredError as error:
        _end(f"T{str(error)[1:]}. {advice(error.status_code, str(error))}", code=1, as_json=as_json)
    except (KubeconfigError, LoginError) as error:
        _end(str(error), code=1, as_json=as_json)
    except ClusterError as error:
        text = f"The cluster does not answer ({error}). {advice_unreachable(str(error))}"
        _end(text, code=1, as_json=as_json)


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
            _title(service),
            service.configured.value,
            "nothing" if service.serving is None else service.serving.value,
            *((service.engine.value, _led(service)) if by_engine else ()),
            *(_cell(service.tracks.get(track)) for track in tracks),
            "-" if service.node_port is None else str(service.node_port),
        )
    return table


def _title(service: ServiceStatus) -> str:
    """Namespace and name, and the key where that is another."""
    title, key = f"{service.namespace}/{service.name}", key_of(service.name)
    return title if key == service.name else f"{title} ({key})"


def _led(service: ServiceStatus) -> str:
    return "-" if service.leads is None else ", ".join(sorted(service.leads)) or "nothing"


def _cell(track: TrackStatus | None) -> str:
    if track is None:
        return "-"
    repository = parsed(track.configured).repository if track.configured else None
    return f"{versions(track.running, repository) or '-'}  {track.ready}/{track.wanted} ready"


def _end(message: str, code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        _print_json(failure(message, code))
    else:
        errors.print(message)
    raise typer.Exit(code)
