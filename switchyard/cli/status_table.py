"""The output of `switchyard status` for people: the table, and the notes about it."""

from rich.table import Table

from switchyard.cli.output import console, errors
from switchyard.cli.service_status import ServiceStatus, TrackStatus
from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import key_of
from switchyard.kube.images import parsed, versions


def print_status(stack: str, services: list[ServiceStatus], balancer: str | None) -> None:
    """Prints the table, notes about services, and the problem of the load balancer.

    Args:
        stack: the stack's name.
        services: the services, in the order of the table.
        balancer: the problem of the load balancer; None without a problem or a load balancer.
    """
    console.print(table(stack, services))
    if any(service.simulated for service in services):
        console.print(
            "Simulated nodes: pods turn Ready without running; probes, images and smoke tests are not exercised."
        )
    _print_releases(services)
    for note in (note for service in services for note in service.notes):
        console.print(note, style="yellow", markup=False)
    if balancer is not None:
        errors.print(balancer)
    # A note says what to do itself: a refresh that would replace pods that serve is refused.
    differing = [service for service in services if not (service.as_configured or service.notes)]
    # A refresh in the middle of a release would give its selector to the state, and the update would take it back.
    released = [key_of(service.name) for service in differing if service.release and service.release.record.running]
    if released:
        console.print(
            f"{', '.join(released)}: not as configured while the release runs, which updates the configuration when it "
            f"has switched. Do not run `{typed('pulumi up --refresh')}` before the release has ended."
        )
    if len(released) < len(differing):
        differs = f"Not everything is as configured ({Code.NOT_AS_CONFIGURED})."
        console.print(f"{differs} `{typed('pulumi up --refresh')}` shows and repairs it.", style="yellow")


def _print_releases(services: list[ServiceStatus]) -> None:
    """A line for an open freeze, for the latest release of each service, and for each record that cannot be read."""
    for service in services:
        if service.frozen_note is not None:
            console.print(service.frozen_note, style="yellow", markup=False)
        if service.release is not None:
            # Only where there is a release.
            from switchyard.cli.release_text import doubt_line, release_line  # noqa: PLC0415

            key = key_of(service.name)
            console.print(release_line(key, service.release), markup=False)
            if (doubt := doubt_line(key, service.release)) is not None:
                console.print(doubt, style="yellow", markup=False)
        if service.release_note is not None:
            console.print(service.release_note, style="yellow", markup=False)


def table(stack: str, services: list[ServiceStatus]) -> Table:
    """The table of the services of a stack."""
    table = Table(title=f"stack {stack}", title_justify="left")
    tracks = [track for track in Track if any(track in service.tracks for service in services)]
    # Only for a load balancer with a target group for each colour, which most stacks do not have.
    by_engine = any(service.ingress_targets is not None for service in services)
    engine = ("engine", "Ingress routes to") if by_engine else ()
    for column in ("service", "configured", "serving", *engine, *tracks, "node port"):
        table.add_column(column, overflow="fold")  # a narrow terminal cuts no text
    for service in services:
        table.add_row(
            _title(service),
            service.configured.value,
            "nothing" if service.serving is None else service.serving.value,
            *((service.engine.value, _targets(service)) if by_engine else ()),
            *(_cell(service.tracks.get(track)) for track in tracks),
            "-" if service.node_port is None else str(service.node_port),
        )
    return table


def _title(service: ServiceStatus) -> str:
    """Namespace and name of a service, with its key if that differs from the name."""
    title, key = f"{service.namespace}/{service.name}", key_of(service.name)
    return title if key == service.name else f"{title} ({key})"


def _targets(service: ServiceStatus) -> str:
    return "-" if service.ingress_targets is None else ", ".join(sorted(service.ingress_targets)) or "nothing"


def _cell(track: TrackStatus | None) -> str:
    return "-" if track is None else versions_of(track)


def versions_of(track: TrackStatus) -> str:
    """The versions of a track's pods, with the number of ready pods."""
    repository = parsed(track.configured).repository if track.configured else None
    return f"{versions(track.running, repository) or '-'}  {track.ready}/{track.wanted} ready"
