"""`switchyard switch` and `rollback` at the command line: what is asked, refused and printed, and exit codes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.fast_lane import _Command, is_configured, service_of
from switchyard.cli.fast_lane_text import FastLaneReport
from switchyard.cli.main import app
from switchyard.cli.release_request import ReleaseRequest
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.service import Colour
from switchyard.errors import ConfigurationError, EngineError, GateRefusedError
from switchyard.kube.access import ClusterAccess
from switchyard.release.engine.convergence import Convergence
from switchyard.release.engine.engine import Engine
from switchyard.release.notices.subscriptions import NO_SUBSCRIPTIONS
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal import LeasedSwitchJournal
from switchyard.release.switch.protocol import SwitchOutcome, SwitchSteps
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import EXISTING
from tests.support.ec2_configuration import PRODUCTION
from tests.support.fake_lane import OF_BLUE, Release
from tests.support.lane_command import BACKEND, NOT_INSTALLED, SERVICES, UID, FakeAnswer, Run, run
from tests.support.observed import observed

__all__ = ["run", "server"]

CANARY = {"image": "org/backend", "strategy": "canary", "tag": "v1"}
PLAN = Plan(Act.SWITCH, observed(), Colour.GREEN)
RECEIPT = Receipt("2026-01-02T03:04:05Z", 0.41, 0.47, 3)
DONE = SwitchOutcome(RECEIPT, Convergence(config=True, state=True))


def refused(result: Any, code: int, message: str) -> str:
    assert result.exit_code == code, result.output
    found = json.loads(result.stdout)
    assert (found["code"], found["exitCode"]) == (message, code)
    assert "Nothing was changed" in found["error"]
    return str(found["error"])


@pytest.mark.parametrize("act", ["switch", "rollback"])
def test_without_a_terminal_nothing_is_done_unless_it_is_confirmed(run: Run, server: FakeApiServer, act: str) -> None:
    result = run(act, "backend")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "(SY-P027)" in result.stderr
    assert f"switchyard {act} backend --yes" in result.stderr
    refused(run(act, "backend", "--json"), 2, "SY-P027")
    assert server.asked == []


@pytest.mark.parametrize("act", ["switch", "rollback"])
def test_what_confirms_a_command_has_its_options(run: Run, act: str) -> None:
    text = refused(
        run(act, "backend", "--reason", "500s on /pay", "--override", "ok", "--wait", "--json"), 2, "SY-P027"
    )
    assert f"switchyard {act} backend --reason '500s on /pay' --override ok --wait --yes --stack test" in text


@pytest.mark.parametrize("colour", ["blue", "green"])
def test_what_confirms_a_switch_names_its_colour(run: Run, colour: str) -> None:
    text = refused(run("switch", "backend", colour, "--json"), 2, "SY-P027")
    assert f"switchyard switch backend {colour} --yes --stack test" in text


@pytest.mark.parametrize("act", ["switch", "rollback"])
@pytest.mark.parametrize(
    ("services", "code", "message", "said"),
    [
        ({"shop": BACKEND}, 2, "SY-P020", "switchyard {act} shop --stack test"),
        ({"backend": CANARY}, 1, "SY-P021", "'switchyard:services.backend.tag' v1"),
    ],
)
def test_a_service_that_a_command_does_not_switch_is_refused_before_the_cluster_is_asked(
    run: Run, server: FakeApiServer, act: str, services: dict[str, Any], code: int, message: str, said: str
) -> None:
    assert said.format(act=act) in refused(run(act, "backend", "--yes", "--json", services=services), code, message)
    assert server.asked == []


def test_a_service_of_another_stack_is_refused(run: Run) -> None:
    text = refused(run("rollback", "backend", "--yes", "--json", mark="other"), 1, "SY-P026")
    assert "belongs to shop/other, not to shop/test" in text


def test_a_service_that_is_not_on_the_cluster_is_refused(run: Run, server: FakeApiServer) -> None:
    server.answers["GET", f"{SERVICES}/services/backend"] = (404, {})
    text = refused(run("switch", "backend", "--yes", "--json"), 1, "SY-P026")
    assert "has no Service backend in namespace default" in text
    assert text.endswith("new or was deleted, create it: pulumi up --refresh --stack test")


def test_another_cluster_than_that_of_the_state_is_refused(run: Run) -> None:
    state = json.dumps({"cluster": {"uid": "another"}})
    text = refused(run("rollback", "backend", "--yes", "--json", state=state), 1, "SY-D010")
    assert f"(UID of kube-system {UID}) than stack test (another)" in text


def test_a_rollback_goes_on_without_the_state_and_says_so(run: Run, server: FakeApiServer) -> None:
    result = run("rollback", "backend", "--yes", state=EngineError("no such host"))
    assert "The state of stack test cannot be read, and the command continues without it: no such host" in result.stderr
    assert result.exit_code == 1
    assert "(SY-P023)" in result.stderr  # green has no pods here
    assert [call for call in server.asked if call[0] == "PATCH"] == []


def test_a_rollback_goes_on_although_the_settings_of_another_service_are_wrong(run: Run) -> None:
    services = {"backend": BACKEND, "payments": {**BACKEND, "active": "purple"}}
    result = run("rollback", "backend", "--yes", services=services)
    warning = "switchyard:services.payments.active: 'purple': allowed: blue, green."
    assert result.stderr.startswith(warning)
    assert "(SY-P023)" in result.stderr  # green has no pods here
    own = run("rollback", "payments", "--yes", services=services)
    assert own.exit_code == 2
    assert f"1 error in the configuration, nothing was changed:\n  SY-C002 {warning}" in own.stderr
    switch = run("switch", "backend", "--yes", services=services)
    assert switch.exit_code == 2
    assert warning in switch.stderr


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine where the engine is not installed."""
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("act", ["switch", "rollback"])
def test_a_command_goes_on_where_the_engine_is_not_installed(
    run: Run, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    async def reached(_: FastLane, plan: Plan, __: str | None, steps: SwitchSteps) -> SwitchOutcome:
        raise GateRefusedError(f"the lane is reached, and then: {(await steps.converge(RECEIPT)).problem}")

    async def observe(*_: object) -> Observation:
        return observed()

    async def last(*_: object) -> Release:
        return OF_BLUE

    monkeypatch.setattr(FastLane, "run", reached)
    monkeypatch.setattr("switchyard.cli.fast_lane.observe_service", observe)
    monkeypatch.setattr(LeasedSwitchJournal, "last", last)
    result = run(act, "backend", "--yes", state=NOT_INSTALLED)
    missing = "pulumi is not installed here"
    assert f"cannot be read, and the command continues without it: {missing}" in result.stderr
    assert f"the lane is reached, and then: {missing}" in result.stderr


@pytest.mark.usefixtures("no_engine")
def test_a_deploy_is_refused_at_once_where_the_engine_is_not_installed(run: Run, server: FakeApiServer) -> None:
    result = run("deploy", "backend", "v3", "--yes", state=NOT_INSTALLED)
    assert (result.exit_code, server.asked) == (2, [])
    assert "pulumi is not installed here" in result.stderr


def test_a_switch_to_what_serves_is_refused(run: Run) -> None:
    assert "blue serves already" in refused(run("switch", "backend", "blue", "--yes", "--json"), 1, "SY-P022")


def test_a_colour_that_there_is_not_is_bad_usage(run: Run, server: FakeApiServer) -> None:
    result = run("switch", "backend", "red", "--yes")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert server.asked == []


def test_why_a_rollback_overrides_a_refusal_reaches_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[ReleaseRequest] = []
    monkeypatch.setattr("switchyard.cli.release_request.begin", requests.append)
    for words in (["--override", "v1 ignores the new column"], ["--override", ""], []):
        assert CliRunner().invoke(app, ["rollback", "backend", *words]).exit_code == 0
    assert [request.override for request in requests] == ["v1 ignores the new column", None, None]


@pytest.mark.parametrize("engine", ["selector", "albWeights"])
@pytest.mark.parametrize(("act", "colour"), [("rollback", None), ("switch", "green")])
def test_a_kubeconfig_in_a_state_that_does_not_answer_is_waited_for_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, act: str, colour: str | None, engine: str
) -> None:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("switchyard.cli.fast_lane.STATE_SECONDS", {Act.SWITCH: 0.3, Act.ROLLBACK: 0.2})
    settings = load(PRODUCTION, {"backend": {**BACKEND, "nodePort": 30080, "switchEngine": engine}}, "test")
    monkeypatch.setattr("switchyard.cli.fast_lane.read_settings_at_once", lambda *_: ("test", settings))
    monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeAnswer("{}"))
    arguments = [act, "backend", *([colour] if colour else []), "--yes", "--json", "--stack", "test"]
    text = refused(CliRunner().invoke(app, arguments), 1, "SY-P032")
    assert "pulumi has not answered in 0 s" in text
    assert f'"version": "{colour or "<blue or green>"}"' in text
    by_hand = [target for target in ("blue", "green") if f"for {target}: kubectl -n default annotate ingress" in text]
    assert by_hand == ([colour] if colour else ["blue", "green"]) * (engine == "albWeights")


@pytest.mark.parametrize(
    ("now", "interrupts", "configured"),
    [
        ("blue", False, True),
        ("green", False, False),  # the deploy that is rolled back has gone on since
        ("blue", True, False),  # and this one is about to
        (None, False, False),
    ],
)
def test_a_rollback_asks_what_is_configured_once_it_serves(
    monkeypatch: pytest.MonkeyPatch, now: str | None, *, interrupts: bool, configured: bool
) -> None:
    def read(*_: object) -> tuple[str, StackSettings]:
        if now is None:
            raise ConfigurationError("somebody writes the stack file now")
        return "test", load(EXISTING, {"backend": {**BACKEND, "active": now}}, "test")

    monkeypatch.setattr("switchyard.cli.fast_lane.read_settings_at_once", read)
    journal = LeasedSwitchJournal(None, "default", "backend", print)  # type: ignore[arg-type]
    journal.interrupts = interrupts
    assert is_configured("test", {"backend": Colour.BLUE}, [journal]) is configured
    assert is_configured("test", {"other": Colour.BLUE}, []) is False


def test_a_rollback_configures_what_serves_although_a_deploy_has_written_meanwhile(
    monkeypatch: pytest.MonkeyPatch, server: FakeApiServer
) -> None:
    written: list[bool] = []

    async def converged(*_: object, config: bool, **__: object) -> Convergence:
        written.append(not config)
        return Convergence(config=True, state=True)

    read, now = ({"backend": {**BACKEND, "active": active}} for active in ("blue", "green"))
    cluster = {**EXISTING, "kubeconfig": str(server.kubeconfig)}
    monkeypatch.setattr(
        "switchyard.cli.fast_lane.read_settings_at_once", lambda *_: ("test", load(cluster, now, "test"))
    )
    monkeypatch.setattr("switchyard.cli.fast_lane.converge", converged)
    service = service_of("backend", Act.ROLLBACK, "test", load(cluster, read, "test"))
    request = ReleaseRequest("backend", rollback=True, yes=True)
    state: Any = FakeAnswer("{}")
    command = _Command(request, Act.ROLLBACK, "test", service, ClusterAccess(), state, 0.0, NO_SUBSCRIPTIONS)
    asyncio.run(command._converge(None, Plan(Act.ROLLBACK, observed(Colour.GREEN), Colour.BLUE), RECEIPT))  # type: ignore[arg-type]
    assert written == [True], "green stays configured, and every update is refused or brings it back"


@pytest.mark.parametrize("yes", [True, False])
def test_a_switch_that_an_operator_was_asked_about_is_planned_again_by_what_there_is_then(
    run: Run, monkeypatch: pytest.MonkeyPatch, *, yes: bool
) -> None:
    again: list[bool] = []

    async def planned_again(_: FastLane, __: Plan, ___: str | None, steps: SwitchSteps) -> SwitchOutcome:
        again.append(steps.waited())
        raise GateRefusedError("seen")

    monkeypatch.setattr(FastLane, "run", planned_again)
    monkeypatch.setattr("switchyard.cli.release_request.can_ask", lambda **_: True)
    monkeypatch.setattr(FastLaneReport, "confirmed", lambda *_: True)
    assert "seen" in run("switch", "backend", *(["--yes"] if yes else [])).stderr
    assert again == [not yes]
