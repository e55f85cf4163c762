"""`switchyard report`: the success measures and DORA's five, from the records of the releases."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Annotated

import typer

from switchyard.cli.options import Json, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from switchyard.cli.report_text import ReadRecords
    from switchyard.config.models.service import ServiceSettings
    from switchyard.errors import AccessDeniedError
    from switchyard.kube.access import ClusterAccess
    from switchyard.release.record.store import RecordedReleases, ReleaseStore
    from switchyard.release_errors import ReleaseError

Services = Annotated[
    list[str] | None,
    typer.Argument(metavar="SERVICE", help="Keys of services. Default: all services of the stack.", show_default=False),
]

Since = Annotated[
    str,
    typer.Option("--since", metavar="TIME", help="Period before now: hours, days or weeks, for example 12h, 30d, 4w."),
]


def report(services: Services = None, since: Since = "30d", stack: Stack = None, *, as_json: Json = False) -> None:
    """Shows the success metrics of past releases: value, target, whether it is met, and what the sample supports.

    Ends with 1 when the record of a service cannot be read, and with 2 when its settings have errors; the other
    services are shown.
    """
    from switchyard.cli.configuration import access_to, print_ignored_errors, read_settings_at_once
    from switchyard.cli.failures import errors_end_the_command
    from switchyard.errors import ExitCode
    from switchyard.kube.blocking import run_blocking

    with errors_end_the_command(stack, as_json=as_json):
        span = _span(since)
        name, settings = read_settings_at_once(stack, services or ())
        print_ignored_errors(settings)
        chosen = _chosen(services, name, settings.services)
        records = run_blocking(_read(access_to(name, settings), chosen))
        from switchyard.cli.report_text import document, print_report
        from switchyard.release.report.report import report as measured

        result = measured(records.services, records.now - span, records.now)
        if as_json:
            from switchyard.cli.output import print_json

            # A report that names its services does not need the others.
            print_json(document(name, result, records, () if services else settings.ignored))
        else:
            print_report(name, result, records)
    if settings.ignored and not services:
        raise typer.Exit(ExitCode.USAGE)
    if records.problems:
        raise typer.Exit(ExitCode.FAILED)


def _span(text: str) -> "timedelta":
    """The duration that a text such as ``30d`` names."""
    from datetime import timedelta

    from switchyard.errors import UsageError
    from switchyard.release.report.refusals import refuse_span

    if (refusal := refuse_span(text)) is not None:
        raise UsageError(str(refusal))
    units = {"h": "hours", "d": "days", "w": "weeks"}
    return timedelta(**{units[text[-1]]: int(text[:-1])})


def _chosen(
    keys: list[str] | None, stack: str, services: "Mapping[str, ServiceSettings]"
) -> "Mapping[str, ServiceSettings]":
    from switchyard.cli.configuration import check_known

    for key in keys or ():
        check_known(key, stack, services, "report")
    return {key: services[key] for key in keys or services}


async def _read(access: "ClusterAccess", services: "Mapping[str, ServiceSettings]") -> "ReadRecords":
    """Reads the record of each service, and the time by the API server's clock."""
    import asyncio

    from switchyard.cli.history import all_releases
    from switchyard.cli.report_text import ReadRecords
    from switchyard.errors import ClusterError, with_code
    from switchyard.kube.clock import ServerClock
    from switchyard.release.record.store import RecordedReleases, ReleaseStore

    api = await access.api()
    stores = [ReleaseStore(api, own.namespace, own.kubernetes_name(key)) for key, own in services.items()]
    clock, answers = await asyncio.gather(ServerClock.ask(api), asyncio.gather(*map(_record, stores)))
    by_service = dict(zip(services, answers, strict=True))
    return ReadRecords(
        clock.now(),
        {key: all_releases(answer) for key, answer in by_service.items() if isinstance(answer, RecordedReleases)},
        {
            key: with_code(answer.code, f"{key}: {answer.summary}" if isinstance(answer, ClusterError) else str(answer))
            for key, answer in by_service.items()
            if not isinstance(answer, RecordedReleases)
        },
    )


async def _record(store: "ReleaseStore") -> "RecordedReleases | ReleaseError | AccessDeniedError":
    """The record of a service, or the reason why it cannot be read, so that the others are reported."""
    from switchyard.errors import AccessDeniedError
    from switchyard.release_errors import ReleaseError

    try:
        return await store.read()
    except (ReleaseError, AccessDeniedError) as error:  # a Role is of one namespace
        return error
