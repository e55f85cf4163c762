"""What a switch, several switches together, a drill and a rollback do while releases are frozen."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.drill_text import DrillReport
from switchyard.cli.fast_lane_text import FastLaneReport
from switchyard.cli.main import app
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.service_name import ServiceName
from switchyard.errors import GateRefusedError
from switchyard.gates.blue_green import BlueGreenGates
from switchyard.gates.rules.windows import OpenWindow
from switchyard.release.drill.drill import Drill, DrillPlan
from switchyard.release.engine.engine import Engine
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.protocol import SwitchSteps
from switchyard.release.switch.together import Together
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import EXISTING
from tests.support.fake_lane import OF_BLUE
from tests.support.observed import BLUE, GREEN, observed
from tests.unit.cli.test_deploy import BACKEND, FakeAnswer, refused
from tests.unit.cli.test_frozen import FROZEN

__all__ = ["server"]

SERVICES = {"backend": BACKEND, "worker": BACKEND | {"nodePort": 30081}}
REACHED = "the lane is reached"

Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs a command on services of which blue serves and green is ready; `windows` are those at each reading."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.chdir(tmp_path)

    async def observe(*arguments: Any) -> Any:
        return replace(observed(), name=ServiceName(str(arguments[3]), str(arguments[3])))

    async def is_own(*_: object) -> None:
        pass

    async def reached(*_: object, **__: object) -> None:
        raise GateRefusedError(REACHED)

    def command(*arguments: str, windows: tuple[bool, ...] = (True,), asked: bool = False, lane: Any = reached) -> Any:
        cluster, left = {**EXISTING, "kubeconfig": str(server.kubeconfig)}, list(windows)

        def read(*_: object) -> tuple[str, StackSettings]:
            releases = {"freeze": [FROZEN]} if (left.pop(0) if len(left) > 1 else left[0]) else None
            return "test", load(cluster, SERVICES, "test", raw_releases=releases)

        for module in ("fast_lane", "drill_command"):
            monkeypatch.setattr(f"switchyard.cli.{module}.read_settings_at_once", read)
        for module in ("fast_lane", "together_command", "drill_command"):
            monkeypatch.setattr(f"switchyard.cli.{module}.observe_service", observe)
        monkeypatch.setattr("switchyard.cli.fast_lane._Command._check_cluster", is_own)
        monkeypatch.setattr("switchyard.cli.together_command.check_cluster", is_own)
        monkeypatch.setattr("switchyard.cli.drill_command.check_cluster", is_own)
        monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeAnswer())
        monkeypatch.setattr("switchyard.release.switch.journal.latest", lambda *_: OF_BLUE)
        monkeypatch.setattr(FastLane, "run", lane)
        monkeypatch.setattr(FastLane, "patch", reached)
        confirmed = () if asked else ("--yes", "--json")
        return CliRunner().invoke(app, [*arguments, *confirmed, "--stack", "test"])

    return command


@pytest.mark.parametrize(
    ("arguments", "override"),
    [
        (("switch", "backend"), 'switchyard switch backend green --stack test --override "REASON"'),
        (
            ("switch", "backend", "--reason", "a fix"),
            "switchyard switch backend green --stack test --reason 'a fix' --override \"REASON\"",
        ),
        (
            ("switch", "backend", "worker", "--together", "--reason", "a fix"),
            "switchyard switch backend worker --together --stack test --reason 'a fix' --override \"REASON\"",
        ),
        (("drill", "backend"), None),
    ],
)
def test_what_gives_users_another_version_is_refused(
    run: Run, server: FakeApiServer, arguments: tuple[str, ...], override: str | None
) -> None:
    message = refused(run(*arguments), server, 1, "SY-P100")
    assert "releases are frozen: holidays (by ada), until 2090-01-01T00:00:00Z" in message
    assert "Nothing was changed. Wait until then. A rollback is never refused." in message
    assert ("--override" in message) == (override is not None)
    assert override is None or override in message


@pytest.mark.parametrize(
    "arguments", [("rollback", "backend"), ("rollback", "backend", "worker", "--together")], ids=["one", "together"]
)
def test_a_rollback_is_never_refused(monkeypatch: pytest.MonkeyPatch, run: Run, arguments: tuple[str, ...]) -> None:
    async def reached(*_: object, **__: object) -> None:
        raise GateRefusedError(REACHED)

    monkeypatch.setattr(Together, "run", reached)
    result = run(*arguments)
    assert json.loads(result.stdout)["error"].endswith(REACHED), (result.output, result.exception)


def test_a_window_that_opens_while_the_leases_are_waited_for_stops_every_switch(
    monkeypatch: pytest.MonkeyPatch, run: Run, server: FakeApiServer
) -> None:
    held: list[str] = []

    @asynccontextmanager
    async def waited_for(journal: LeasedSwitchJournal, _: object) -> AsyncGenerator[None, None]:
        journal.waited = True
        held.append(journal._name)
        yield

    async def passed(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(LeasedSwitchJournal, "held", waited_for)
    monkeypatch.setattr(BlueGreenGates, "before_switch", passed)
    result = run("switch", "backend", "worker", "--together", windows=(False, True))
    message = refused(result, server, 1, "SY-P100")
    assert held == ["backend", "worker"]
    assert [line.partition(":")[0] for line in message.splitlines()] == ["backend", "worker"]


@pytest.mark.parametrize("act", ["switch", "drill"])
def test_a_window_that_opens_while_the_operator_is_asked_stops_the_command(
    monkeypatch: pytest.MonkeyPatch, run: Run, act: str
) -> None:
    windows: list[OpenWindow | None] = [None, OpenWindow("holidays", "ada", datetime(2090, 1, 1, tzinfo=UTC))]

    async def opens(*_: object) -> OpenWindow | None:
        return windows.pop(0)

    async def reads_again(_: object, __: object, ___: object, steps: SwitchSteps) -> None:
        await steps.observe()

    async def planned(*_: object) -> DrillPlan:
        return DrillPlan(observed(), BLUE, GREEN)

    monkeypatch.setattr("switchyard.release.freeze.read_open_window", opens)
    for module in ("release_request", "drill_request"):
        monkeypatch.setattr(f"switchyard.cli.{module}.can_ask", lambda **_: True)
    monkeypatch.setattr(FastLaneReport, "confirmed", lambda *_: True)
    monkeypatch.setattr(DrillReport, "confirmed", lambda *_: True)
    monkeypatch.setattr(Drill, "plan", planned)
    result = run(act, "backend", asked=True, lane=reads_again)
    assert (result.exit_code, windows) == (1, []), (result.output, result.exception)
    assert "releases are frozen: holidays (by ada)" in result.stderr


def test_the_same_switch_without_a_window_reaches_the_selectors(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    async def passed(*_: object, **__: object) -> None:
        pass

    @asynccontextmanager
    async def at_once(*_: object) -> AsyncGenerator[None, None]:
        yield

    async def begun(*_: object) -> str:
        return "2030-01-31T12:00:00Z"

    monkeypatch.setattr(LeasedSwitchJournal, "held", at_once)
    monkeypatch.setattr(LeasedSwitchJournal, "begin", begun)
    monkeypatch.setattr(LeasedSwitchJournal, "confirm", passed)
    monkeypatch.setattr(LeasedSwitchJournal, "end", passed)
    monkeypatch.setattr(BlueGreenGates, "before_switch", passed)
    result = run("switch", "backend", "worker", "--together", windows=(False,))
    assert REACHED in json.loads(result.stdout)["error"], (result.output, result.exception)
