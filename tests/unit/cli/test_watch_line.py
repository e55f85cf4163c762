"""The watches of services on a terminal: one line, in as much detail as fits, cleared for everything else."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from switchyard.cli import deploy_text, group_text, watch_line
from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import DeployReport
from switchyard.cli.group_text import GroupReport
from switchyard.cli.output import on_terminal
from switchyard.cli.watch_line import line
from switchyard.release.phases import Phase
from switchyard.release.plan import Act
from switchyard.release.record.release_record import PhaseRecord
from switchyard.release.watch.verdict import Outcome, Verdict

API = Verdict(Outcome.UNDECIDED, "", requests=1200, failed=1, seconds=12.4)
WORKER = replace(API, requests=40, failed=0, seconds=11.9)
ENDED = PhaseRecord(Phase.WATCH, "2030-01-31T12:00:00Z", "2030-01-31T12:00:13Z", "passed", "It is well.")


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (90, "  watch     api 12 s, 1200 requests, 1 failed; worker 12 s, 40 requests, 0 failed"),
        (70, "  watch     api 12 s 1/1200 failed; worker 12 s 0/40 failed"),
        (50, "  watch     2 services, 1240 requests, 1 failed"),
        (20, "  watch     2 servic"),
    ],
)
def test_the_line_has_as_much_as_fits(width: int, shown: str) -> None:
    assert line({"worker": WORKER, "api": API}, width) == shown


class Terminal(io.StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        return True


def written_to(monkeypatch: pytest.MonkeyPatch, file: io.StringIO, width: int = 90) -> io.StringIO:
    """Lets the reports write to a file."""
    console = Console(file=file, force_terminal=True, width=width, highlight=False, soft_wrap=True, color_system=None)
    for module in (watch_line, group_text, deploy_text):
        monkeypatch.setattr(module, "console", console)
    return file


def reported(monkeypatch: pytest.MonkeyPatch, *, terminal: bool = True, as_json: bool = False) -> tuple[str, str]:
    """What is written while two services are watched and one ends, and what a terminal shows in the end."""
    file = written_to(monkeypatch, Terminal() if terminal else io.StringIO())
    request = DeployRequest(Act.DEPLOY, "", as_json=as_json, together=("api=v2", "worker=v3"))
    members = [replace(request, service=key, tag=request.tags[key]) for key in ("api", "worker")]
    report = GroupReport(request, "test", "a context", members)
    report.members["api"].tick(API)
    report.members["worker"].tick(WORKER)
    report.members["api"].phase_ended(ENDED)
    report.members["worker"].tick(WORKER)
    written = file.getvalue()
    return written, "\n".join(_overwritten(row) for row in written.split("\n"))


def _overwritten(row: str) -> str:
    """A row as a terminal has it, on which a return goes to its beginning."""
    shown = ""
    for part in row.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def test_the_end_of_a_phase_takes_the_place_of_the_line_and_leaves_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written, shown = reported(monkeypatch)
    assert "api 12 s, 1200 requests, 1 failed; worker 12 s, 40 requests, 0 failed" in written
    assert shown.splitlines() == [
        "  api    watch     passed      13 s  It is well.",
        "  watch     worker 12 s, 40 requests, 0 failed",
    ]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (90, "  watch     backend 12 s, 1200000 requests, 1 failed"),
        (45, "  watch     backend 12 s 1/1200000 failed"),
        (40, "  watch     12 s 1/1200000 failed"),
    ],
)
def test_the_watch_of_one_service_fits_its_terminal_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, width: int, expected: str
) -> None:
    file = written_to(monkeypatch, Terminal(), width)
    report = DeployReport(DeployRequest(Act.DEPLOY, "backend", "v2"), "test", "a context")
    report.tick(replace(API, requests=1200000))
    [row] = file.getvalue().split("\n")
    assert row.rstrip() == expected
    assert len(row.rstrip("\r")) < width
    report.phase_ended(replace(ENDED, detail=None))
    shown = [_overwritten(row) for row in file.getvalue().split("\n")]
    assert shown == ["  watch     passed      13 s", ""]


def test_a_pipeline_that_forces_colours_has_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = Console(file=io.StringIO())
    assert (console.is_terminal, on_terminal(console), on_terminal(Console(file=Terminal()))) == (True, False, True)


def test_without_a_terminal_there_are_the_ends_of_phases_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shown = reported(monkeypatch, terminal=False)
    assert shown.splitlines() == ["  api    watch     passed      13 s  It is well."]
    assert reported(monkeypatch, as_json=True)[0] == ""
