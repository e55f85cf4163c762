"""`switchyard history`: shows the releases of a service from the record in its cluster."""

# What the command does is imported when it runs: its help needs none of it.
# ruff: noqa: PLC0415

from typing import TYPE_CHECKING, Any

from switchyard.cli.options import Json, ServiceKey, Stack

if TYPE_CHECKING:
    from switchyard.config.models.service import ServiceSettings
    from switchyard.kube.access import ClusterAccess
    from switchyard.release.record.store import RecordedReleases

FORM_VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""


def history(service: ServiceKey, stack: Stack = None, *, as_json: Json = False) -> None:
    """Shows the recorded releases of a service, newest first."""
    from switchyard.cli.configuration import access_to, check_known, print_ignored_errors, read_settings_at_once
    from switchyard.cli.failures import errors_end_the_command
    from switchyard.kube.blocking import run_blocking

    with errors_end_the_command(stack, as_json=as_json):
        name, settings = read_settings_at_once(stack, (service,))
        print_ignored_errors(settings)
        check_known(service, name, settings.services, "history")
        releases = run_blocking(_read(access_to(name, settings), service, settings.services[service]))
        if as_json:
            from switchyard.cli.output import print_json

            print_json(document(service, releases))
            return
        from switchyard.cli.history_table import print_history

        print_history(service, all_releases(releases))


def document(service: str, releases: "RecordedReleases") -> dict[str, Any]:
    """The history as `--json` prints it."""
    return {
        "version": FORM_VERSION,
        "service": service,
        "releases": [release.to_json() for release in all_releases(releases)],
    }


def all_releases(releases: "RecordedReleases") -> list[Any]:
    """All releases of a record, newest first. A release that is running comes first."""
    running = [releases.current] if releases.current is not None and releases.current.running else []
    return [*running, *releases.history]


async def _read(access: "ClusterAccess", key: str, settings: "ServiceSettings") -> "RecordedReleases":
    from switchyard.release.record.store import ReleaseStore

    return await ReleaseStore(await access.api(), settings.namespace, settings.kubernetes_name(key)).read()
