"""The history of a service as a table for people."""

from collections.abc import Sequence

from rich.table import Table

from switchyard.cli.output import console
from switchyard.release.record.release_record import ABORTED, ReleaseRecord

NARROW = 80
"""Width in columns below which a table has no room for its text."""


def print_history(service: str, releases: Sequence[ReleaseRecord]) -> None:
    """Prints a row for each release, newest first, or a line on a narrow terminal."""
    if not releases:
        console.print(f"{service}: no release by `deploy`, `switch`, `rollback` or `drill` is recorded yet.")
        return
    if console.width < NARROW:
        for release in releases:
            console.print(_line(release))
        return
    table = Table(title=f"Releases of {service}", title_justify="left")
    for column in ("started", "kind"):
        table.add_column(column, no_wrap=True)
    for column in ("from", "to", "by", "result", "reason"):
        table.add_column(column, overflow="fold")  # a narrow terminal cuts no text
    for release in releases:
        table.add_row(*_cells(release))
    console.print(table)


def _cells(release: ReleaseRecord) -> tuple[str, ...]:
    return (
        release.started,
        release.kind,
        f"{release.source} {release.from_tag or ''}".rstrip(),
        f"{release.target} {release.tag or ''}".rstrip(),
        f"{release.actor}@{release.host}",
        _result(release),
        _reason(release),
    )


def _line(release: ReleaseRecord) -> str:
    """A release in one line, which the terminal wraps."""
    started, kind, source, target, actor, result, reason = _cells(release)
    return f"{started} {kind} {source} -> {target}: {result}, by {actor}" + (f"; {reason}" if reason else "")


def _reason(release: ReleaseRecord) -> str:
    detail = release.detail or ""
    reasons = (release.reason, detail) if detail.startswith(ABORTED) else (release.reason or detail,)
    override = "" if release.override is None else f"override: {release.override}"
    return "; ".join(text for text in ("hotfix" if release.hotfix else "", *reasons, override) if text)


def _result(release: ReleaseRecord) -> str:
    if not release.running:
        return release.result.value
    return f"{'held' if release.held else 'running'} in {release.phase}"
