"""`switchyard status --watch`: each change is shown once, and an API server that is away does not end it."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from switchyard.cli import status_watch
from switchyard.cli.service_status import ServiceStatus
from switchyard.cli.status_watch import Configuration, StatusReading, watch
from switchyard.errors import UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.release.phases import Result
from tests.support.status_readings import (
    AWAY,
    FREEZE,
    PROBLEM,
    RELEASING,
    FakeAccess,
    displayed,
    look,
    settings_of,
    status,
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
        asyncio.run(watch(cast("ClusterAccess", FakeAccess()), Configuration("test", settings_of()), shown))
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
        asyncio.run(watch(cast("ClusterAccess", FakeAccess()), Configuration("test", settings_of()), Shown(1)))


def test_the_display_has_phase_next_phase_command_times_and_outcomes() -> None:
    printed = displayed(look(32, status(release=RELEASING)))
    for expected in (
        "phase     watch, for 30 s; then bake",
        "by        ada on laptop, process 4711, without a terminal, which runs deploy",
        "elapsed   32 s since 2030-01-31T12:00:00Z",
        "prove     passed  2 s  3 pods ready, gates passed",
        "Ctrl-C ends this display",
    ):
        assert expected in printed
    held = replace(RELEASING, record=replace(RELEASING.record, held=True, detail="no requests"), holder=None)
    assert "held      no requests" in displayed(look(32, status(release=held)))
    ended = replace(RELEASING, record=replace(RELEASING.record, result=Result.SUCCEEDED, ended="2030-01-31T12:01:00Z"))
    assert "elapsed" not in displayed(look(32, status(release=ended)))


def test_the_display_says_since_when_nothing_is_seen() -> None:
    assert "Not seen for 12 s: The cluster does not answer" in displayed(look(12, status(), error=AWAY))


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
    settings = settings_of(PROBLEM, services={"web": None}, freezes=freezes)

    def read_settings(stack: str | None, *_: object) -> Any:
        read.append(stack)
        return "test", settings

    monkeypatch.setattr(status_watch, "read_settings_at_once", read_settings)
    configuration = Configuration("test", settings_of())
    if is_changed:
        file.write_text("config: {switchyard:services: {}}\n")
    configuration.services()
    assert configuration.services() == ({"web": None} if is_changed else {})
    assert configuration.freezes() == (freezes if is_changed else ())
    assert configuration.problems() == ((PROBLEM,) if is_changed else ())
    assert read == (["test"] if is_changed else [])


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
import tests.support.status_readings as fakes
from switchyard.cli import status_watch
from switchyard.cli.main import app
async def inspect(*_):
    return [fakes.status(release=fakes.RELEASING)]

status_watch.read_settings_at_once = lambda *_: ("test", fakes.settings_of())
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
