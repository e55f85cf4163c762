"""`switchyard analyze`: what the watch of a release, or a canary's analysis, would find now."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switchyard.cli.options import Json, Stack
from switchyard.errors import ExitCode

if TYPE_CHECKING:
    from switchyard.config.models.service import BlueGreenSettings, ServiceSettings
    from switchyard.kube.access import ClusterAccess

WATCH_SECONDS = 30
"""Seconds that the version that serves is watched. With Prometheus it should be more than two scrape intervals."""


@dataclass(frozen=True)
class AnalysisRequest:
    """The arguments and options of `switchyard analyze`.

    Attributes:
        stack: name of the stack.
        service: key of the service.
        prometheus: address of Prometheus; None for the configured source.
        pod_hash: hash of the pod template to measure; None for the versions of the Rollout.
        seconds: for how long the version that serves is watched; None for the default.
        as_json: whether the output is one JSON document.
    """

    stack: str
    service: str
    prometheus: str | None
    pod_hash: str | None
    seconds: int | None
    as_json: bool


def _url(text: str | None) -> str | None:
    from switchyard.config.types.text import Url

    return _validated(Url, text)


def _pod_hash(text: str | None) -> str | None:
    from switchyard.config.kubernetes import ROLLOUT_POD_TEMPLATE_HASH
    from switchyard.config.types.text import matching

    rule = f"must be the value of a pod's label {ROLLOUT_POD_TEMPLATE_HASH}: a-z 0-9 | Example: 6c8f7d9b4f"
    return _validated(Annotated[str, matching(r"[a-z0-9]+", rule)], text)


def analyze(
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help="The service, whose strategy must be blueGreen or canary.")
    ],
    stack: Stack = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            callback=_url,
            help="URL at which this machine reaches Prometheus. Default: the configured source.",
        ),
    ] = None,
    pod_hash: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="POD_HASH",
            callback=_pod_hash,
            help="For a canary: judges only these pods. Default: the new version, and the stable one beside it.",
        ),
    ] = None,
    seconds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=3600,
            metavar="SECONDS",
            help=f"For blueGreen: seconds for which the version that serves is watched. Default: {WATCH_SECONDS}.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Shows what the watch of a release, or the analysis of a canary, would report about a service now.

    For blueGreen, the version that serves is watched for some seconds and judged as a release would judge it. For a
    canary, Prometheus is queried once. Ends with 0 if the version would pass, and with 1 otherwise.
    """
    from switchyard.cli.configuration import access_to, check_known, print_ignored_errors, read_settings_at_once
    from switchyard.cli.failures import errors_end_the_command
    from switchyard.config.models.service import BlueGreenSettings

    with errors_end_the_command(stack, as_json=as_json):
        name, settings = read_settings_at_once(stack, (service,))
        print_ignored_errors(settings)
        check_known(service, name, settings.services, "analyze")
        own = settings.services[service]
        request = AnalysisRequest(name, service, prometheus, pod_hash, seconds, as_json=as_json)
        if isinstance(own, BlueGreenSettings):
            succeeded = _analyse_colour(request, own, access_to(name, settings))
        else:
            succeeded = _analyse_canary(request, own, access_to(name, settings))
    if not succeeded:
        raise typer.Exit(ExitCode.FAILED)


def _analyse_colour(request: AnalysisRequest, service: "BlueGreenSettings", access: "ClusterAccess") -> bool:
    """Whether the version that serves would pass the watch of a release."""
    from switchyard.cli.colour_analysis import analyse
    from switchyard.cli.output import console, print_json
    from switchyard.kube.blocking import run_blocking

    if request.pod_hash is not None:
        _refuse(request, service.strategy, "--hash")
    analysis = run_blocking(
        analyse(access, request.stack, request.service, service, request.prometheus, request.seconds or WATCH_SECONDS)
    )
    if request.as_json:
        print_json(analysis.document(request.stack, request.service))
    else:
        if analysis.verdict.findings:
            console.print(analysis.table(request.stack, request.service))
        console.print(analysis.text, style="" if analysis.is_good else "yellow", markup=False)
    return analysis.is_good


def _analyse_canary(request: AnalysisRequest, own: "ServiceSettings", access: "ClusterAccess") -> bool:
    """Whether each measurement of the version to judge would be a success."""
    from switchyard.cli.analysis import analysed, hint, measure, succeeded
    from switchyard.cli.analysis_table import document, table
    from switchyard.cli.output import console, print_json
    from switchyard.kube.blocking import run_blocking

    stack, service = request.stack, request.service
    canary, configured = analysed(service, own)
    if request.seconds is not None:
        _refuse(request, canary.strategy, "--seconds")
    analysis = configured.model_copy(update={"prometheus": request.prometheus or configured.prometheus})
    judgements = run_blocking(measure(access, canary.named(service), canary, analysis, request.pod_hash))
    is_good = succeeded(judgements)
    if request.as_json:
        print_json(document(stack, service, analysis.prometheus, judgements, is_good=is_good))
        return is_good
    console.print(table(f"stack {stack}, service {service}, {analysis.prometheus}", judgements))
    if advice := hint(canary.named(service), analysis, judgements):
        console.print(advice, style="yellow", markup=False)
    return is_good


def _refuse(request: AnalysisRequest, strategy: str, option: str) -> None:
    from switchyard.errors import UsageError
    from switchyard.release.watch.analyze_refusals import refuse_option

    raise UsageError(str(refuse_option(request.service, strategy, option)))


def _validated(kind: Any, text: str | None) -> str | None:
    """An option's text, checked by the rule that the settings have for such a value.

    Raises:
        typer.BadParameter: the rule refuses it.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return None if text is None else str(TypeAdapter(kind).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter(". ".join(str(error.errors()[0]["ctx"]["error"]).split(" | "))) from None
