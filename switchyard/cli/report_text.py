"""Output of `switchyard report`, for people and as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.table import Table

from switchyard.cli.output import console, errors, on_terminal
from switchyard.cli.status_json import configuration_errors
from switchyard.config.errors import Problem
from switchyard.kube.clock import to_text
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import HISTORY_BYTES, KEPT_RELEASES
from switchyard.release.report.measure import Measure
from switchyard.release.report.report import Report

VERSION = 1
"""Version of the JSON document. It changes when a key is removed or its meaning changes."""

NEARLY = 0.97
"""Share of the size limit of a history above which older releases may have been dropped."""


@dataclass(frozen=True)
class ReadRecords:
    """The records that a report is computed from.

    Attributes:
        now: the time by the API server's clock.
        services: the records of each service.
        problems: reason why a record cannot be read, by the key of the service.
    """

    now: datetime
    services: Mapping[str, Sequence[ReleaseRecord]]
    problems: Mapping[str, str] = field(default_factory=dict)


def document(stack: str, report: Report, records: ReadRecords, ignored: Iterable[Problem] = ()) -> dict[str, Any]:
    """The document that `--json` prints. Scripts rely on its keys.

    Args:
        stack: name of the stack.
        report: the measures.
        records: the records that they are computed from.
        ignored: errors in the settings of services, which are left out for that reason.
    """
    return {
        "version": VERSION,
        "stack": stack,
        "since": to_text(report.since),
        "until": to_text(report.until),
        "services": [
            {
                "service": key,
                "records": len(own),
                "oldest": oldest(own),
                "complete": is_complete(own, report.since),
            }
            for key, own in records.services.items()
        ],
        "problems": [{"service": key, "problem": text} for key, text in records.problems.items()],
        "configurationErrors": configuration_errors(ignored),
        **report.to_json(),
    }


def print_report(stack: str, report: Report, records: ReadRecords) -> None:
    """Prints the report: a table on a terminal, and the same in lines elsewhere."""
    title = (
        f"Stack {stack}, {to_text(report.since)} to {to_text(report.until)}: {', '.join(records.services) or 'none'}"
    )
    if on_terminal(console):
        _print_tables(title, report)
    else:
        console.print(title, markup=False)
        for line in lines(report):
            console.print(line, markup=False)
    for line in remarks(report, records):
        errors.print(line)


def lines(report: Report) -> Iterator[str]:
    """The report as plain lines."""
    for measure in (*report.measures, *report.dora, report.drills):
        cells = _cells(measure)
        yield f"{cells[0]:32} {cells[1]:>12}  {cells[2]:16} {cells[3]:9} {cells[4]}".rstrip()
        yield from (f"    {line}" for line in _details(measure))


def remarks(report: Report, records: ReadRecords) -> Iterator[str]:
    """Notes on what the report does not cover."""
    yield from records.problems.values()
    for key, own in records.services.items():
        if not is_complete(own, report.since):
            yield (
                f"{key}: the record begins at {oldest(own)}, after the start of the period: it keeps "
                f"{KEPT_RELEASES} releases, or fewer when they are large. Earlier releases are not in this report."
            )
    if report.unreadable:
        yield f"{report.unreadable} records have a kind or a time that this program does not know, and are not counted."


def oldest(records: Sequence[ReleaseRecord]) -> str | None:
    """The start of the oldest release that is kept; None without one."""
    return min((record.started for record in records), default=None)


def is_complete(records: Sequence[ReleaseRecord], since: datetime) -> bool:
    """Whether the record has every release that began in the period."""
    first = oldest(records)
    if first is None or first <= to_text(since):
        return True
    ended = [record for record in records if not record.running]
    size = sum(len(json.dumps(record.to_json(), separators=(",", ":"))) for record in ended)
    return len(ended) < KEPT_RELEASES and size < NEARLY * HISTORY_BYTES


def _print_tables(title: str, report: Report) -> None:
    console.print(title, markup=False)
    for name, measures in (("Success measures", report.measures), ("DORA", report.dora), ("Drills", (report.drills,))):
        table = Table(title=name, title_justify="left")
        for column in ("measure", "value", "target", "met", "sample"):
            table.add_column(column, overflow="fold")  # a narrow terminal cuts no text
        for measure in measures:
            *cells, sample = _cells(measure)
            table.add_row(*cells, "\n".join(text for text in (sample, *_details(measure)) if text))
        console.print(table)


def _cells(measure: Measure) -> tuple[str, str, str, str, str]:
    met = {True: "met", False: "not met", None: "unknown" if measure.target else ""}[measure.met]
    sample = f"{measure.size} {measure.of}" if measure.of else ""
    return measure.title, _value(measure.value, measure.unit), measure.target, met, sample


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    return {"share": f"{100 * value:.4g} %", "seconds": f"{value:g} s", "perWeek": f"{value:g} a week"}[unit]


def _details(measure: Measure) -> Iterator[str]:
    if counts := ", ".join(f"{count} {name}" for name, count in measure.counts.items() if count):
        yield counts
    if measure.bound is not None:
        word = "at most" if measure.name in {"errorRateDuring", "changeFailureRate"} else "at least"
        whole = "" if measure.unit == "share" else " of them within the target"
        support = {True: ", which shows the target", False: ", which does not show the target", None: ""}[
            measure.supported
        ]
        yield f"at 95 % the sample shows {word} {100 * measure.bound:.4g} %{whole}{support}"
    for part in measure.parts:
        if part.size:
            yield f"{part.name}: median {part.median:g} s, 95 % {part.p95:g} s, longest {part.worst:g} s ({part.size})"
        else:
            yield f"{part.name}: no data"
    if measure.note:
        yield measure.note
