"""Credentials of a kubeconfig's user while an update runs: bounded, renewed, and in no file."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import switchyard.kube.exec_plugin
import switchyard.kube.login
from switchyard.errors import LoginError
from switchyard.kube.api import BoundedApi
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from tests.support.kubeconfigs import FakeServers, kubeconfig, start_servers

VERSION = "client.authentication.k8s.io/v1"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServers]:
    started = start_servers(tmp_path_factory.mktemp("servers"))
    yield started
    started.stop()


def login_by(servers: FakeServers, directory: Path, script: str) -> Login:
    """A user whose login command is a shell script; `$N` is how often it has run."""
    path = directory / "login"
    path.write_text(f"#!/bin/sh\necho >> {directory}/runs\nN=$(wc -l < {directory}/runs)\n{script}\n")
    path.chmod(0o700)
    user = f"exec: {{apiVersion: {VERSION}, interactiveMode: Never, command: {path}}}"
    return Login(resolve_content(servers.fill(kubeconfig(user=user), directory).decode()))


def answer(**status: str) -> str:
    return f"cat <<END\n{json.dumps({'kind': 'ExecCredential', 'apiVersion': VERSION, 'status': status})}\nEND"


def runs(directory: Path) -> int:
    path = directory / "runs"
    return len(path.read_text()) if path.exists() else 0


async def ask(login: Login, times: int = 1) -> None:
    for _ in range(times):
        await BoundedApi.connect(login)


def test_a_login_command_runs_once_for_many_connections(servers: FakeServers, tmp_path: Path) -> None:
    login = login_by(servers, tmp_path, answer(token="run-$N"))
    servers.asked.clear()

    async def many() -> None:
        await asyncio.gather(*(ask(login) for _ in range(8)))

    asyncio.run(many())
    assert set(servers.asked) == {"A: Bearer run-1"}
    assert runs(tmp_path) == 1


def test_a_credential_that_expires_is_renewed_before_it_does(servers: FakeServers, tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=20)).isoformat().replace("+00:00", "Z")
    login = login_by(servers, tmp_path, answer(token="run-$N", expirationTimestamp=soon))
    servers.asked.clear()
    asyncio.run(ask(login, times=2))
    assert servers.asked[-1] != "A: Bearer run-1"
    late = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    (tmp_path / "later").mkdir()
    login = login_by(servers, tmp_path / "later", answer(token="run-$N", expirationTimestamp=late))
    asyncio.run(ask(login, times=2))
    assert runs(tmp_path / "later") == 1


def test_a_credential_that_the_api_server_refuses_is_renewed(
    servers: FakeServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchyard.kube.login, "RENEWAL_SECONDS", 0.0)
    servers.refused = {"Bearer run-1"}
    login = login_by(servers, tmp_path, answer(token="run-$N"))
    servers.asked.clear()
    asyncio.run(ask(login))
    assert servers.asked == ["A: Bearer run-1", "A: Bearer run-2"]


def test_a_fresh_credential_is_not_renewed_for_a_denial(servers: FakeServers, tmp_path: Path) -> None:
    servers.refused = {"Bearer run-1"}
    login = login_by(servers, tmp_path, answer(token="run-$N"))
    with pytest.raises(Exception, match="401"):
        asyncio.run(ask(login))
    assert runs(tmp_path) == 1


def test_a_login_command_that_hangs_is_ended_with_all_that_it_started(
    servers: FakeServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchyard.kube.exec_plugin, "LOGIN_SECONDS", 0.5)
    login = login_by(servers, tmp_path, f"echo Open the browser >&2; sleep 60 & echo $! > {tmp_path}/child; wait")
    began = time.monotonic()
    with pytest.raises(LoginError, match=r"has not ended in 0\.5 s\. It says: Open the browser\nDoes it wait for"):
        asyncio.run(ask(login))
    assert time.monotonic() - began < 5
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}/stat").exists() and ") Z" not in Path(f"/proc/{child}/stat").read_text():
        assert time.monotonic() < deadline, "the child of the command runs on"
        time.sleep(0.01)


def test_a_long_complaint_is_cut_to_its_end(servers: FakeServers, tmp_path: Path) -> None:
    login = login_by(servers, tmp_path, "yes noise | head -n 5000 >&2; echo 'Run: sso login' >&2; exit 1")
    with pytest.raises(LoginError) as error:
        asyncio.run(ask(login))
    assert "noise\nRun: sso login\n" in str(error.value)
    assert len(str(error.value)) < 2000


def test_a_credential_in_the_output_of_a_failed_command_is_not_shown(servers: FakeServers, tmp_path: Path) -> None:
    login = login_by(servers, tmp_path, f"{answer(token='hunter2')}\nexit 3")
    with pytest.raises(LoginError, match=r"failed with exit code 3\. It gives no reason\.") as error:
        asyncio.run(ask(login))
    assert "hunter2" not in str(error.value)


def test_a_token_is_read_again_from_its_file(servers: FakeServers, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    user = f"tokenFile: {token}"
    login = Login(resolve_content(servers.fill(kubeconfig(user=user), tmp_path).decode()))
    servers.asked.clear()
    asyncio.run(ask(login))
    token.write_text("second")
    asyncio.run(ask(login))
    assert servers.asked == ["A: Bearer first", "A: Bearer second"]
    token.write_text("")
    with pytest.raises(LoginError, match=r"token of user 'kubernetes-admin' cannot be read from .*: it is empty"):
        asyncio.run(ask(login))


def test_a_private_key_is_in_no_file_when_a_connection_stands(
    servers: FakeServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    user = "client-certificate-data: @CERT@, client-key-data: @KEY@"
    login = Login(resolve_content(servers.fill(kubeconfig(user=user), tmp_path).decode()))
    asyncio.run(ask(login))
    assert list(tmp_path.iterdir()) == []
