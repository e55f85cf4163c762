"""A command that goes on without its terminal: its process, its log, and what is said when it ends too early."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.deploy_text import DeployReport
from switchyard.cli.detachment import CHANNEL, Detached, detach, is_detached, open_log, report_begun
from switchyard.errors import DetachedEndedError, LogUnwritableError
from switchyard.release.plan import Act
from switchyard.release.record.detached_holder import interrupt
from switchyard.release.record.lease_holder import Held, Holder

BEGINS = """
import os, signal, sys
from switchyard.cli.detachment import report_begun, settle
settle()
print("warms", sys.argv[1:], flush=True)
os.kill(os.getpid(), signal.SIGHUP)
print("alone:", os.getsid(0) == os.getpid(), sys.stdin.read() == "", flush=True)
try:
    report_begun({"backend": "id-1"})
    signal.pause()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
"""A process that begins, survives the end of its terminal, and ends by SIGINT."""

SILENT = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a shell's background job ignores
print("waits", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def detached() -> Iterator[Detached]:
    process = start(BEGINS, "deploy", "backend")
    yield process
    if psutil.pid_exists(process.process):
        os.kill(process.process, signal.SIGKILL)
        os.waitpid(process.process, 0)


def start(code: str, *arguments: str) -> Detached:
    return asyncio.run(detach(["backend"], list(arguments), (sys.executable, "-c", code)))


def held(process: int, *, detached: bool = True, host: str | None = None) -> Held:
    holder = Holder("deploy", host=host or socket.gethostname(), process=process)
    now = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    return Held(holder.identity, "deploy", "warm", now, now, timedelta(seconds=15), {}, detached)


def test_a_process_goes_on_in_a_session_of_its_own_with_a_private_log_and_ends_by_sigint(detached: Detached) -> None:
    assert detached.releases == {"backend": "id-1"}
    assert interrupt(held(detached.process))
    os.waitpid(detached.process, 0)
    assert detached.log.read_text().splitlines() == ["warms ['deploy', 'backend']", "alone: True True", "interrupted"]
    assert stat.S_IMODE(detached.log.stat().st_mode) == 0o600
    assert (detached.log.parent.name, (detached.log.parent / ".gitignore").read_text()) == (".switchyard", "*\n")


def test_only_a_detached_process_of_this_program_on_this_machine_is_interrupted(detached: Detached) -> None:
    assert not interrupt(held(detached.process, detached=False))
    assert not interrupt(held(detached.process, host="another"))
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        assert not interrupt(held(other.pid))
        assert other.poll() is None
        other.kill()
    assert not interrupt(held(other.pid))
    assert psutil.pid_exists(detached.process)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import sys; print('SY-P062: not now', flush=True); sys.exit(1)", "with exit code 1"),
        ("import os; print('SY-P062: not now', flush=True); os.kill(os.getpid(), 9)", "by signal 9"),
    ],
)
def test_a_process_that_ends_before_it_begins_is_reported_with_what_it_said(code: str, how: str) -> None:
    with pytest.raises(DetachedEndedError) as error:
        start(code)
    assert f"has ended {how} before it held the Lease" in str(error.value)
    assert "SY-P062: not now" in str(error.value)
    assert (error.value.exit_code, error.value.code) == (1, "SY-P130")


def test_ctrl_c_before_it_has_begun_ends_the_process_too() -> None:
    async def interrupted() -> None:
        task = asyncio.create_task(detach(["backend"], [], (sys.executable, "-c", SILENT)))
        while not (logs := list(Path(".switchyard").glob("*.log"))) or "waits" not in logs[0].read_text():
            await asyncio.sleep(0.02)
        [child] = psutil.Process().children()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert child.wait(30) == -signal.SIGINT

    asyncio.run(interrupted())


def test_a_log_that_cannot_be_written_starts_nothing() -> None:
    Path(".switchyard").write_text("a file")
    with pytest.raises(LogUnwritableError, match="Nothing was changed") as error:
        open_log(["backend"])
    assert error.value.code == "SY-P131"
    assert psutil.Process().children() == []


def test_the_process_gets_the_command_confirmed_and_never_detaches_again(monkeypatch: pytest.MonkeyPatch) -> None:
    request = DeployRequest(
        Act.DEPLOY, "backend", "v2", "new prices", "prove", wait=True, detach=True, yes=False, as_json=True
    )
    assert request.confirmed_arguments("test") == [
        "deploy", "--reason=new prices", "--hold-after=prove", "--stack=test", "--yes", "--wait", "--", "backend", "v2",
    ]  # fmt: skip
    resumed = DeployRequest(Act.RESUME, "backend", detach=True).confirmed_arguments("test")
    assert resumed == ["resume", "--stack=test", "--yes", "--", "backend"]
    urgent = DeployRequest(Act.DEPLOY, "backend", "v2", hotfix=True).confirmed_arguments("test")
    assert urgent == ["deploy", "--stack=test", "--yes", "--hotfix", "--", "backend", "v2"]
    assert not is_detached()
    report_begun({"backend": "id-1"})  # at a terminal nobody listens
    monkeypatch.setenv(CHANNEL, "")
    assert is_detached()


@pytest.mark.parametrize("as_json", [True, False])
def test_the_terminal_shows_the_process_and_how_to_follow_and_end_it(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    request = DeployRequest(Act.DEPLOY, "backend", "v2", stack="test", as_json=as_json)
    DeployReport(request, "test", "kubeconfig").detached(Detached(4711, Path("a.log"), {"backend": "id-1"}))
    printed = capsys.readouterr().out
    if as_json:
        document = json.loads(printed)
        assert (document["version"], document["detached"], document["process"]) == (1, True, 4711)
        assert (document["command"], document["stack"], document["service"]) == ("deploy", "test", "backend")
        assert (document["log"], document["release"]) == ("a.log", "id-1")
    else:
        for text in (
            "4711",
            "a.log",
            "switchyard status --watch --stack test",
            "switchyard abort backend --stack test",
        ):
            assert text in printed
