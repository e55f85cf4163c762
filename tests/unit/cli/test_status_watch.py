"""`switchyard status --watch`: each change is shown once, and an API server that is away does not end it."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from switchyard.cli import status_watch
from switchyard.cli.service_status import ServiceStatus, TrackStatus
from switchyard.cli.status_changes import Documents, Lines
from switchyard.cli.status_display import rendered
from switchyard.cli.status_json import document
from switchyard.cli.status_watch import Configuration, StatusReading, watch
from switchyard.config.models.releases import Freeze, Releases
from switchyard.config.models.service import Track
from switchyard.config.models.service_name import ServiceName
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import SwitchyardError, UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.images import Running
from switchyard.release.phases import Phase, Result
from switchyard.release.record.latest import LatestRelease
from switchyard.release.record.lease_holder import Held
from tests.support.release_records import START, record

FREEZE = Freeze.model_validate(
    {"reason": "holidays", "by": "ada", "from": "2026-12-24T00:00:00Z", "until": "2026-12-27T00:00:00Z"}
)

AWAY = UnreachableError("no answer from https://127.0.0.1:6443")
HELD = Held("ada@laptop/4711/n", "deploy", "watch", START, START, timedelta(seconds=15), {}, detached=True)


def track(tag: str, ready: int) -> TrackStatus:
    image = f"org/backend:{tag}"
    return TrackStatus(image, 3, ready, (Running(image, None, 3, ready),))


def status(serving: Track = Track.BLUE, green: int = 3, release: LatestRelease | None = None) -> ServiceStatus:
    return ServiceStatus(
        name=ServiceName("backend", "backend"),
        namespace="default",
        engine=SwitchEngine.SELECTOR,
        configured=Track.BLUE,
        serving=serving,
        tracks={Track.BLUE: track("v1", 3), Track.GREEN: track("v2", green)},
        node_port=30080,
        simulated=False,
        release=release,
    )


def look(seconds: int = 0, *services: ServiceStatus, error: SwitchyardError | None = None) -> StatusReading:
    at = START + timedelta(seconds=seconds)
    return StatusReading(at, services, START if error else at, error)


RELEASING = LatestRelease(
    record(held=False)
    .entering(Phase.PROVE, START)
    .leaving("passed", START + timedelta(seconds=2), "3 pods ready, gates passed")
    .entering(Phase.WATCH, START + timedelta(seconds=2)),
    attended=True,
    holder=HELD,
)


class EndedError(Exception):
    """The test has seen enough."""


@dataclass
class Shown:
    """Collects looks, and ends the watch with the last of them."""

    wanted: int
    looks: list[StatusReading] = field(default_factory=list)

    def show(self, look: StatusReading) -> None:
        self.looks.append(look)
        if len(self.looks) == self.wanted:
            raise EndedError


class FakeAccess:
    """The access to a cluster whose clock stands still."""

    async def api(self) -> Any:
        return self

    async def date(self) -> datetime:
        return datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


def watched(monkeypatch: pytest.MonkeyPatch, answers: list[Any], looks: int) -> list[StatusReading]:
    shown = Shown(looks)

    async def inspect(*_: object) -> list[ServiceStatus]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            await answer()
        return [status()]

    monkeypatch.setattr(status_watch, "inspect_services", inspect)
    monkeypatch.setattr(status_watch, "SECONDS", 0.01)
    with pytest.raises(EndedError):
        asyncio.run(watch(cast("ClusterAccess", FakeAccess()), dict, shown))
    return shown.looks


def test_an_api_server_that_is_away_is_said_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = watched(monkeypatch, [None, AWAY, AWAY, None], 4)
    assert [look.error for look in looks] == [None, AWAY, AWAY, None]
    assert all(look.services for look in looks), "what was seen last stays"
    assert looks[2].last_seen == looks[0].last_seen


def test_the_display_goes_on_while_answers_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = watched(monkeypatch, [None, lambda: asyncio.sleep(600)], 4)
    assert [look.error for look in looks] == [None] * 4
    monkeypatch.setattr(status_watch, "READ_SECONDS", 0.01)
    looks = watched(monkeypatch, [None, lambda: asyncio.sleep(600), None], 3)
    assert "has not answered" in str(next(look.error for look in looks if look.error))


def test_a_cluster_that_never_answers_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    async def inspect(*_: object) -> list[ServiceStatus]:
        raise AWAY

    monkeypatch.setattr(status_watch, "inspect_services", inspect)
    with pytest.raises(UnreachableError):
        asyncio.run(watch(cast("ClusterAccess", FakeAccess()), dict, Shown(1)))


def test_a_line_for_each_change_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for shown in (
        look(0, status(green=1)),
        look(1, status(green=1)),
        look(2, status(), replace(status(), name=ServiceName("web", "web"))),
        look(3, status(), error=AWAY),
        look(4, status(), error=AWAY),
        look(5, status(Track.GREEN, release=RELEASING)),
    ):
        lines.show(shown)
    printed = capsys.readouterr().out.splitlines()
    assert [line[:20] for line in printed] == [f"2030-01-31T12:00:0{second}Z" for second in (0, 2, 2, 3, 5, 5)]
    assert printed[0].endswith("backend: blue serves; blue v1  3/3 ready, green v2  1/3 ready".replace("  ", " "))
    assert "web: blue serves" in printed[2]
    assert "cannot be seen: The cluster does not answer: no answer from" in printed[3]
    assert printed[4].endswith("can be seen again")
    assert "green serves (blue is configured)" in printed[5]
    assert "deploy blue -> green (v2.0.0) runs, in phase watch" in printed[5]
    assert "its command is running (process 4711 on laptop, detached). After this phase: bake." in printed[5]


def test_a_document_a_line_for_each_change_in_the_form_of_status(capsys: pytest.CaptureFixture[str]) -> None:
    documents = Documents("test")
    service = status(Track.GREEN, release=RELEASING)
    for shown in (look(0, status()), look(1, status()), look(2, service), look(3, error=AWAY), look(4, service)):
        documents.show(shown)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["at"][-3:-1] for entry in printed] == ["00", "02", "03", "04"]
    assert all((entry["version"], entry["stack"]) == (1, "test") for entry in printed)
    assert printed[1] == {"at": "2030-01-31T12:00:02Z", **document("test", [service])}
    release = printed[1]["services"][0]["release"]
    assert (release["phase"], release["next"], release["holder"]["detached"]) == ("watch", "bake", True)
    assert (printed[2]["code"], printed[2]["exitCode"]) == (AWAY.code, 1)


@pytest.mark.parametrize("shown", [Lines(), Documents("test")])
def test_it_ends_with_its_reader_before_the_next_change(
    monkeypatch: pytest.MonkeyPatch, shown: Lines | Documents
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        shown.show(look(0, status()))
        shown.show(look(1, status()))
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            shown.show(look(2, status()))


def text(shown: StatusReading) -> str:
    console = Console(width=160, file=open(os.devnull, "w"), record=True)  # noqa: SIM115 - closed with the process
    console.print(rendered("test", shown))
    return console.export_text()


def test_the_display_has_phase_next_phase_command_times_and_outcomes() -> None:
    printed = text(look(32, status(release=RELEASING)))
    for expected in (
        "phase     watch, for 30 s; then bake",
        "by        ada on laptop, process 4711, without a terminal, which runs deploy",
        "elapsed   32 s since 2030-01-31T12:00:00Z",
        "prove     passed  2 s  3 pods ready, gates passed",
        "Ctrl-C ends this display",
    ):
        assert expected in printed
    held = replace(RELEASING, record=replace(RELEASING.record, held=True, detail="no requests"), holder=None)
    assert "held      no requests" in text(look(32, status(release=held)))
    ended = replace(RELEASING, record=replace(RELEASING.record, result=Result.SUCCEEDED, ended="2030-01-31T12:01:00Z"))
    assert "elapsed" not in text(look(32, status(release=ended)))


def test_the_display_says_since_when_nothing_is_seen() -> None:
    assert "Not seen for 12 s: The cluster does not answer" in text(look(12, status(), error=AWAY))


@pytest.mark.parametrize("is_changed", [True, False])
def test_the_configuration_is_read_again_when_its_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_changed: bool
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text("config: {}\n")
    monkeypatch.chdir(tmp_path)
    read: list[str | None] = []
    freezes = (FREEZE,)
    values = {"services": {"web": None}, "releases": Releases(freeze=freezes), "ignored": ()}
    settings = type("Settings", (), values)()

    def read_settings(stack: str | None, *_: object) -> Any:
        read.append(stack)
        return "test", settings

    monkeypatch.setattr(status_watch, "read_settings_at_once", read_settings)
    configuration = Configuration("test", {})
    if is_changed:
        file.write_text("config: {switchyard:services: {}}\n")
    configuration.services()
    assert configuration.services() == ({"web": None} if is_changed else {})
    assert configuration.freezes() == (freezes if is_changed else ())
    assert read == (["test"] if is_changed else [])


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
import tests.unit.cli.test_status_watch as fakes
from switchyard.cli import status_watch
from switchyard.cli.main import app
async def inspect(*_):
    return [fakes.status(release=fakes.RELEASING)]

settings = type("Settings", (), {"services": {}, "releases": fakes.Releases(), "ignored": ()})()
status_watch.read_settings_at_once = lambda *_: ("test", settings)
status_watch.access_to = lambda *_: fakes.FakeAccess()
status_watch.inspect_services = inspect
app(["status", "--watch"])
"""


def at_terminal(until: Callable[[str], bool], send: bytes) -> tuple[int, str]:
    """Runs the command at a terminal; sends something once enough was printed."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    login = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    with subprocess.Popen(
        [sys.executable, "-c", login + PROGRAM],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(slave)
        printed, sent = "", False
        while True:
            try:
                read = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            printed += read.decode(errors="replace")
            if not sent and until(printed):
                sent = os.write(master, send) > 0
        code = process.wait()
    os.close(master)
    return code, printed


def test_ctrl_c_at_a_terminal_ends_the_display_with_0_and_gives_the_cursor_back() -> None:
    code, printed = at_terminal(lambda printed: printed.count("Ctrl-C ends this display") >= 2, b"\x03")
    assert code == 0, printed
    assert "watch, for" in printed
    assert "Traceback" not in printed
    assert printed.rindex("\x1b[?25h") > printed.rindex("\x1b[?25l")
