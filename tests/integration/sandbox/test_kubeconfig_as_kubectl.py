"""The pinned kubectl and the program reach the same cluster as the same user, with every kubeconfig of the table."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.toolchain.paths import binary
from tests.support.kubeconfig_cases import CASES
from tests.support.kubeconfigs import REFUSED, Case, FakeServers, start_servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServers]:
    started = start_servers(tmp_path_factory.mktemp("servers"))
    yield started
    started.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kubectl_with(case: Case, servers: FakeServers, tmp_path: Path) -> None:
    servers.write(case, tmp_path)
    servers.asked.clear()
    command = [str(binary("kubectl")), "get", "--raw", "/version"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    if case.setting is not None:
        command += ["--kubeconfig", servers.fill(case.setting, tmp_path).decode()]
    if case.context is not None:
        command += ["--context", case.context]
    if case.variable is not None:
        environment["KUBECONFIG"] = servers.fill(case.variable, tmp_path).decode()
    result = subprocess.run(
        command, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    outcome = REFUSED if result.returncode else ", ".join(servers.asked)
    assert outcome == (case.kubectl or case.expected), result.stderr
