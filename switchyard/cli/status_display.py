"""Output of `switchyard status --watch` on a terminal: the table of `status`, and each running release."""

from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from switchyard.cli.output import console
from switchyard.cli.release_text import doubt_line, release_line
from switchyard.cli.service_status import ServiceStatus
from switchyard.cli.status_table import table
from switchyard.cli.status_watch import StatusReading, reason
from switchyard.config.models.service_name import key_of
from switchyard.kube.clock import from_text, to_text
from switchyard.release.record.latest import LatestRelease


class LiveDisplay:
    """A display that each reading overwrites.

    Args:
        stack: name of the stack.
    """

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, reading: StatusReading) -> None:
        """Shows a reading in place of the last one."""
        self._live.update(rendered(self._stack, reading), refresh=True)


def rendered(stack: str, reading: StatusReading) -> RenderableType:
    """The output of a reading for a terminal.

    Args:
        stack: name of the stack.
        reading: the reading.
    """
    parts: list[RenderableType] = [table(stack, list(reading.services))]
    parts += [Text(f"{problem} ({problem.code})", style="yellow") for problem in reading.problems]
    for service in reading.services:
        if service.frozen_note is not None:
            parts.append(Text(service.frozen_note, style="yellow"))
        parts += _release(service, reading.at)
        parts += [Text(note, style="yellow") for note in service.notes]
    if reading.error is not None:
        seconds = (reading.at - reading.last_seen).total_seconds()
        parts.append(Text(f"Not seen for {seconds:.0f} s: {reason(reading.error)}", style="red"))
    parts.append(Text(f"{to_text(reading.at)}  Ctrl-C ends this display, and nothing else.", style="dim"))
    return Group(*parts)


def _release(service: ServiceStatus, now: datetime) -> list[RenderableType]:
    """The latest release of a service: several lines for a running release, one line for an ended one."""
    if service.release_note is not None:
        return [Text(service.release_note, style="yellow")]
    if service.release is None:
        return []
    key = key_of(service.name)
    rows: list[RenderableType] = [Text(release_line(key, service.release))]
    if (doubt := doubt_line(key, service.release)) is not None:
        rows.append(Text(doubt, style="yellow"))
    if service.release.record.running:
        rows += [Text(f"  {name:<9} {value}") for name, value in running_lines(service.release, now)]
    return rows


def running_lines(release: LatestRelease, now: datetime) -> list[tuple[str, str]]:
    """The lines about a running release, each with a name and a value.

    Args:
        release: the running release.
        now: the time by the API server's clock.
    """
    record, holder = release.record, release.holder
    since = record.phases[-1].started if record.phases else record.started
    then = f"; then {release.following}" if release.following else ""
    lines = [("phase", f"{record.phase}, for {_seconds(since, now)} s{then}")]
    if holder is not None:
        how = ", without a terminal" if holder.detached else ""
        lines.append(("by", f"{holder.user} on {holder.host}, process {holder.process}{how}, which runs {holder.act}"))
    lines.append(("elapsed", f"{_seconds(record.started, now)} s since {record.started}"))
    for phase in record.phases:
        if phase.ended is not None:
            took = "" if phase.seconds is None else f"{phase.seconds:.0f} s"
            lines.append((phase.phase.value, f"{phase.outcome}  {took}  {phase.detail or ''}".rstrip()))
    if record.held:
        lines.append(("held", record.detail or "it waits for an operator"))
    return lines


def _seconds(started: str, now: datetime) -> int:
    return max(0, int((now - from_text(started)).total_seconds()))
