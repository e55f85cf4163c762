"""`switchyard analyze`: what a canary's analysis would find now."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from typing import Annotated, Any

import typer

from switchyard.cli.options import Stack
from switchyard.errors import ExitCode


def _url(text: str | None) -> str | None:
    from switchyard.config.types.text import Url

    return _validated(Url, text)


def _pod_hash(text: str | None) -> str | None:
    from switchyard.config.kubernetes import ROLLOUT_POD_TEMPLATE_HASH
    from switchyard.config.types.text import matching

    rule = f"must be the value of a pod's label {ROLLOUT_POD_TEMPLATE_HASH}: a-z 0-9 | Example: 6c8f7d9b4f"
    return _validated(Annotated[str, matching(r"[a-z0-9]+", rule)], text)


def analyze(
    service: Annotated[str, typer.Argument(help="The service, which must be under a canary.")],
    stack: Stack = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            callback=_url,
            help="Where this machine reaches Prometheus; without it, the address that the controller has.",
        ),
    ] = None,
    pod_hash: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="POD_HASH",
            callback=_pod_hash,
            help="Judges these pods alone; without it, the new version, and the stable one beside it.",
        ),
    ] = None,
) -> None:
    """Dry run of a canary's analysis: asks Prometheus once, now, and shows what each measurement would be judged."""
    from switchyard.cli.analysis import analysed, hint, measure, succeeded
    from switchyard.cli.analysis_table import table
    from switchyard.cli.configuration import access_to, read_settings
    from switchyard.cli.failures import errors_end_the_command
    from switchyard.cli.output import console
    from switchyard.kube.blocking import run_blocking

    with errors_end_the_command(stack):
        name, settings = read_settings(stack)
        canary, configured = analysed(settings.services, service)
        analysis = configured.model_copy(update={"prometheus": prometheus or configured.prometheus})
        access = access_to(name, settings)
        judgements = run_blocking(measure(access, canary.named(service), canary, analysis, pod_hash))
    console.print(table(f"stack {name}, service {service}, {analysis.prometheus}", judgements))
    if advice := hint(canary.named(service), analysis, judgements):
        console.print(advice, style="yellow", markup=False)
    if not succeeded(judgements):
        raise typer.Exit(ExitCode.FAILED)


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
