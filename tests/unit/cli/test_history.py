"""`switchyard history` at the command line: a service without releases, and one that is not configured."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli import configuration, history, output
from switchyard.cli.main import app
from switchyard.config.loader import load
from switchyard.errors import ExitCode
from switchyard.release.phases import Result
from switchyard.release.record.store import RecordedReleases
from tests.support.configuration import BACKEND, EXISTING
from tests.support.release_records import START, record


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack with service `backend`, whose cluster has no record of releases."""

    async def nothing(*_: Any) -> RecordedReleases:
        return RecordedReleases()

    monkeypatch.setattr(output.console, "width", 200)
    settings = load(EXISTING, {"backend": BACKEND}, "staging")
    monkeypatch.setattr(configuration, "read_settings_at_once", lambda *_: ("staging", settings))
    monkeypatch.setattr(history, "_read", nothing)


def test_a_service_without_releases_has_an_empty_history() -> None:
    result = CliRunner().invoke(app, ["history", "backend", "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (
        ExitCode.OK,
        {"version": 1, "service": "backend", "releases": []},
    )


def test_a_service_that_is_not_configured_is_named_beside_those_that_are() -> None:
    result = CliRunner().invoke(app, ["history", "frontend"])
    assert result.exit_code == ExitCode.USAGE
    output = " ".join(result.output.split())
    document = json.loads(CliRunner().invoke(app, ["history", "frontend", "--json"]).stdout)
    assert (document["version"], document["code"], document["exitCode"]) == (1, "SY-P020", ExitCode.USAGE)
    assert "frontend: the history is refused (SY-P020): stack staging has the services backend;" in output
    assert "Type one of them: switchyard history backend --stack staging" in output


@pytest.mark.parametrize("reason", ["500s on [/pay]", "[red]not red[/red] :bug:", r"a \\[b]"])
def test_a_reason_is_shown_as_it_was_typed(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    async def released(*_: Any) -> RecordedReleases:
        return RecordedReleases(record(reason=reason))

    monkeypatch.setattr(history, "_read", released)
    result = CliRunner().invoke(app, ["history", "backend"])
    assert result.exit_code == ExitCode.OK
    assert reason in result.output


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("aborted by grace on desk: 500s on /pay", "new prices; aborted by grace on desk: 500s on /pay"),
        ("backend-gate failed", "new prices"),
    ],
)
def test_an_abort_is_shown_beside_the_reason_of_the_release(
    monkeypatch: pytest.MonkeyPatch, detail: str, shown: str
) -> None:
    async def released(*_: Any) -> RecordedReleases:
        return RecordedReleases().writing(record(reason="new prices").ending(Result.ROLLED_BACK, START, detail))

    monkeypatch.setattr(history, "_read", released)
    monkeypatch.setattr(output.console, "width", 40)
    assert " ".join(CliRunner().invoke(app, ["history", "backend"]).output.split()).endswith(f"; {shown}")


def test_a_narrow_terminal_cuts_neither_the_time_nor_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    async def released(*_: Any) -> RecordedReleases:
        return RecordedReleases(record(actor="oncall", host="build-agent-7"))

    monkeypatch.setattr(history, "_read", released)
    monkeypatch.setattr(output.console, "width", 80)
    shown = CliRunner().invoke(app, ["history", "backend"]).output
    assert record().started in shown
    by = [line.split("│")[5].strip() for line in shown.splitlines() if line.startswith("│")]
    assert "".join(by) == "oncall@build-agent-7"


def test_a_very_narrow_terminal_has_a_line_for_each_release(monkeypatch: pytest.MonkeyPatch) -> None:
    async def released(*_: Any) -> RecordedReleases:
        return RecordedReleases(record(reason="[5xx] on /pay"))

    monkeypatch.setattr(history, "_read", released)
    monkeypatch.setattr(output.console, "width", 40)
    shown = CliRunner().invoke(app, ["history", "backend"]).output
    assert shown.splitlines() == [
        "2030-01-31T12:00:00Z deploy blue v1.0.0 -> green v2.0.0: running in warm, by ada@laptop; [5xx] on /pay"
    ]
