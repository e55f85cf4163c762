"""The line of `switchyard status` about the latest release of a service."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.cli.release_text import doubt_line, release_line
from switchyard.cli.service_status import ServiceStatus
from switchyard.cli.status_changes import described
from switchyard.cli.status_display import rendered
from switchyard.cli.status_watch import StatusReading
from switchyard.config.loader import load
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import ServiceName
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.release.phases import Phase, Result
from switchyard.release.record.hook import HookRecord
from switchyard.release.record.latest import LatestRelease
from switchyard.release.record.lease_holder import Held
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.configuration import EXISTING
from tests.support.release_records import START, record

STARTED = "2030-01-31T12:00:00Z"
ENDED = "2030-01-31T12:01:00Z"
BAKING = record().entering(Phase.BAKE, START)
CONDEMNED = record(phase=Phase.WATCH).entering(Phase.WATCH, START).leaving("breached", START)
TRACKS = (Track.BLUE, Track.BLUE)
SETTINGS = load(EXISTING, {}, "test")
SERVICE = ServiceStatus(ServiceName("backend", "backend"), "default", SwitchEngine.SELECTOR, *TRACKS, {}, 30080, False)


def test_a_running_release_names_who_where_phase_and_since_when() -> None:
    line = release_line("backend", LatestRelease(record(phase=Phase.WATCH), attended=True))
    assert line == (
        "backend: deploy blue -> green (v2.0.0) runs, in phase watch, since 2030-01-31T12:00:00Z, by ada@laptop; "
        "its command is running."
    )


def test_a_command_without_a_terminal_is_said_with_its_process_and_machine() -> None:
    now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    held = Held("ada@laptop/4711/n", "deploy", "watch", now, now, timedelta(seconds=15), {}, detached=True)
    line = release_line("backend", LatestRelease(record(phase=Phase.WATCH), attended=True, holder=held))
    assert line.endswith("its command is running (process 4711 on laptop, detached).")


@pytest.mark.parametrize(
    ("release", "condition", "step"),
    [
        (LatestRelease(record(held=True), attended=True), "held", "switchyard resume backend"),
        (LatestRelease(record()), "the Lease has expired", "switchyard abort backend"),
        (LatestRelease(record(phase=Phase.BAKE)), "no command needs to run", "switchyard retire backend"),
        (LatestRelease(record(kind="switch")), "the Lease has expired", "switchyard switch backend green"),
        (LatestRelease(record(kind="rollback")), "the Lease has expired", "Next: switchyard rollback backend"),
    ],
)
def test_a_release_without_its_command_says_what_to_type(release: LatestRelease, condition: str, step: str) -> None:
    line = release_line("backend", release)
    assert condition in line
    assert step in line


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"kind": "switch"}, "switchyard switch backend green"),
        ({"kind": "rollback"}, "switchyard rollback backend"),
        ({"kind": "switch", "together": ("backend", "worker")}, "switchyard switch backend worker --together"),
    ],
)
def test_a_command_that_was_killed_before_the_selector_says_so(changes: dict[str, Any], first: str) -> None:
    line = release_line("backend", LatestRelease(record(phase=Phase.SWITCH, **changes), serving="blue"))
    assert "its command has ended (the Lease has expired)" in line
    assert "It has not changed the selector, and blue serves." in line
    assert f"Next: {first} (changes the selector), or switchyard switch backend blue (stays with blue)" in line
    lives = LatestRelease(record(phase=Phase.SWITCH, **changes), attended=True, serving="blue")
    assert "has not changed" not in release_line("backend", lives)
    after = release_line("backend", LatestRelease(record(phase=Phase.SWITCH, **changes), serving="green"))
    assert f"Next: {first} (continues)" in after


@pytest.mark.parametrize(
    ("beneath", "step"),
    [
        (record(phase=Phase.WATCH), "switchyard resume backend (stays with green, and continues the deploy of v2.0.0 "),
        (record(phase=Phase.PROVE), "switchyard resume backend (stays with green, and continues the deploy of v2.0.0 "),
        (record(phase=Phase.BAKE), "switchyard switch backend green (stays with green)"),
        (CONDEMNED, "switchyard abort backend (reverts the deploy of v2.0.0 by ada "),
        (record(kind="drill"), "switchyard switch backend green (stays with green)"),
        (None, "switchyard switch backend green (stays with green)"),
    ],
)
def test_a_deploy_whose_watch_has_not_passed_is_resumed_after_a_switch_that_was_killed(
    beneath: ReleaseRecord | None, step: str
) -> None:
    killed = record(1, kind="switch", source="green", target="blue", phase=Phase.SWITCH)
    line = release_line("backend", LatestRelease(killed, serving="green", beneath=beneath))
    assert f"Next: switchyard switch backend blue (changes the selector), or {step}" in line


def test_a_lease_that_may_not_be_read_is_no_reason_to_intervene() -> None:
    line = release_line("backend", LatestRelease(record(), attended=None))
    assert "is not known, as this user may not list leases" in line
    assert "Next" not in line


def test_a_lease_with_a_time_in_the_future_does_not_say_whether_its_command_runs() -> None:
    renewed = datetime(2030, 1, 31, 13, 0, tzinfo=UTC)
    held = Held("ada@laptop/4711/n", "deploy", "watch", renewed, renewed, timedelta(seconds=15), {})
    assert held.is_ahead(datetime(2030, 1, 31, 12, 0, tzinfo=UTC))
    assert not held.is_ahead(renewed)
    line = release_line("backend", LatestRelease(record(), attended=None, holder=held))
    assert "is not known, as its Lease has a time in the future (2030-01-31T13:00:00Z)" in line


def test_after_an_irreversible_hook_no_abort_is_proposed() -> None:
    hook = HookRecord("contract", "beforeRetire", "2030-01-31T12:00:00Z", irreversible=True)
    held = LatestRelease(record(phase=Phase.RETIRE, held=True, hooks=(hook,)))
    assert release_line("backend", held).endswith("Next: switchyard resume backend (continues)")
    reversible = LatestRelease(record(phase=Phase.RETIRE, held=True))
    assert release_line("backend", reversible).endswith("or switchyard abort backend (reverts it)")


def test_a_version_that_failed_its_watch_is_only_reverted() -> None:
    line = release_line("backend", LatestRelease(replace(CONDEMNED, held=True)))
    assert line.endswith("Next: switchyard abort backend (reverts it)")


def test_a_release_that_was_rolled_back_says_how_to_override() -> None:
    back = record(result=Result.ROLLED_BACK, ended=ENDED)
    line = release_line("backend", LatestRelease(back))
    assert f"was rolled back at {ENDED}, by ada@laptop. No update brings v2.0.0 in green back" in line
    assert line.endswith("To switch to it on purpose: switchyard switch backend green")
    by_command = replace(back, kind="rollback", source="green", target="blue", from_tag="v2.0.0", tag="v1.0.0")
    line = release_line("backend", LatestRelease(replace(by_command, result=Result.SUCCEEDED)))
    assert "backend: rollback green -> blue (v1.0.0) succeeded" in line
    on_purpose = "To switch to it on purpose: switchyard switch backend green"
    assert line.endswith(f"No update brings v2.0.0 in green back. {on_purpose}")


@pytest.mark.parametrize(
    ("changes", "serving"),
    [
        ({"kind": "rollback", "result": Result.SUCCEEDED}, "blue"),
        ({"kind": "switch", "result": Result.SUCCEEDED}, "blue"),
        ({"result": Result.ROLLED_BACK}, "green"),
        ({"kind": "drill", "result": Result.SUCCEEDED}, "green"),
    ],
)
def test_a_later_switch_by_an_update_ends_advice_and_doubt(changes: dict[str, Any], serving: str) -> None:
    for receipt in (SWITCHED, NOT_SEEN):
        release = LatestRelease(record(ended=ENDED, receipt=receipt, **changes), serving=serving)
        assert release_line("backend", release).endswith(
            f"A later change, for example by an update, has switched to {serving}."
        )
        assert doubt_line("backend", release) is None
        other = replace(release, serving={"blue": "green", "green": "blue"}[serving])
        assert "later change" not in release_line("backend", other)


def test_a_release_that_failed_says_why_and_one_that_succeeded_no_more() -> None:
    failed = record(result=Result.FAILED, ended=ENDED, detail="the API server does not answer.")
    assert "Why: the API server does not answer. See: switchyard history backend" in release_line(
        "backend", LatestRelease(failed)
    )
    succeeded = LatestRelease(record(result=Result.SUCCEEDED, ended=ENDED))
    assert release_line("backend", succeeded).endswith("succeeded at 2030-01-31T12:01:00Z, by ada@laptop.")


SWITCHED = {"started": STARTED, "doubt": "backend: 1 of 2 nodes do not follow the switch to green (SY-P140). Do."}
NOT_SEEN = {"started": STARTED, "doubt": None, "notSeen": "backend: that every node follows was not seen (SY-P156)."}


@pytest.mark.parametrize(
    ("release", "line"),
    [
        (
            record(kind="switch", result=Result.SUCCEEDED, receipt=SWITCHED),
            f"backend: its switch at {STARTED} is in doubt: 1 of 2 nodes do not follow the switch to green "
            "(SY-P140). Do.",
        ),
        (
            record(result=Result.ROLLED_BACK, receipt=SWITCHED),
            f"backend: its rollback at {STARTED} is in doubt: 1 of 2 nodes do not follow the switch to green "
            "(SY-P140). Do.",
        ),
        (
            replace(BAKING, receipt=NOT_SEEN),
            f"backend: its switch at {STARTED} was not confirmed: that every node follows was not seen (SY-P156).",
        ),
        (
            record(kind="drill", receipt=NOT_SEEN),
            f"backend: its drill at {STARTED} was not confirmed: that every node",
        ),
        (record(result=Result.SUCCEEDED, receipt=SWITCHED), None),
        (record(), None),
    ],
)
def test_a_switch_that_was_not_seen_to_be_followed_is_said_until_it_is(
    monkeypatch: pytest.MonkeyPatch, release: ReleaseRecord, line: str | None
) -> None:
    latest = LatestRelease(release)
    assert str(doubt_line("backend", latest)).startswith(str(line))
    service = replace(SERVICE, release=latest)

    async def read(*_: object) -> tuple[list[ServiceStatus], None]:
        return [service], None

    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda stack, _: (stack, SETTINGS))
    monkeypatch.setattr("switchyard.cli.configuration.access_to", lambda *_: None)
    monkeypatch.setattr("switchyard.cli.status._read", read)
    printed = " ".join(CliRunner().invoke(app, ["status"]).output.split())
    words = ("is in doubt:", "was not confirmed:")
    assert any(word in printed for word in words) is (line is not None)
    assert (line or "") in printed
    assert any(word in described(service) for word in words) is (line is not None)
    assert any(word in text(service) for word in words) is (line is not None)


def text(service: ServiceStatus) -> str:
    """A service as `status --watch` shows it on a terminal."""
    console = Console(width=400, file=io.StringIO(), record=True)
    console.print(rendered("test", StatusReading(START, (service,), START)))
    return console.export_text()


@pytest.mark.parametrize(
    "release",
    [
        record(held=True),
        BAKING,
        replace(BAKING, kind="switch"),
        record().ending(Result.ROLLED_BACK, START),
        record().ending(Result.FAILED, START, "nobody knows"),
    ],
)
def test_status_names_commands_for_the_stack_that_it_was_asked_about(
    monkeypatch: pytest.MonkeyPatch, release: ReleaseRecord
) -> None:
    async def read(*_: object) -> tuple[list[ServiceStatus], None]:
        return [replace(SERVICE, release=LatestRelease(release, attended=False))], None

    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda stack, _: (stack, SETTINGS))
    monkeypatch.setattr("switchyard.cli.configuration.access_to", lambda *_: None)
    monkeypatch.setattr("switchyard.cli.status._read", read)
    printed = CliRunner().invoke(app, ["status", "--stack", "production"]).output
    commands = re.findall(
        r"switchyard (?:abort|history|resume|retire|rollback|switch)\b[^.;(]*", " ".join(printed.split())
    )
    assert commands
    assert all("--stack production" in command for command in commands), commands
