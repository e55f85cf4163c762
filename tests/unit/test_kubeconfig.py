"""Which cluster a kubeconfig leads to, as whom, and what is said of one that leads nowhere."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.access import UNREACHABLE
from gate.api import BoundedApi
from gate.kubeconfig import Surroundings, resolve
from gate.login import Login
from tests.kubeconfig_cases import CASES
from tests.kubeconfigs import REFUSED, Case, Played, play


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    servers = play(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()


def connect(case: Case, played: Played, directory: Path) -> None:
    """Asks for the version of the cluster of a case, as a gate does first."""

    def filled(text: str | None) -> str | None:
        return None if text is None else played.fill(text, directory).decode()

    environment = {"HOME": str(directory / "home")}
    if case.variable is not None:
        environment["KUBECONFIG"] = str(filled(case.variable))
    around = Surroundings(environment, directory, directory, directory / "pod")
    login = Login(resolve(filled(case.setting), case.context, around))
    login.check()
    asyncio.run(_ask(login))


async def _ask(login: Login) -> None:
    await BoundedApi.connect(login)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kubeconfig(case: Case, played: Played, tmp_path: Path) -> None:
    played.write(case, tmp_path)
    played.asked.clear()
    if case.expected != REFUSED:
        connect(case, played, tmp_path)
        assert played.asked == [case.expected]
        return
    with pytest.raises((ValueError, *UNREACHABLE)) as refusal:
        connect(case, played, tmp_path)
    assert played.asked == []
    assert case.message in str(refusal.value)
