"""`switchyard drill` at the command line: what is asked, refused and printed, and exit codes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.drill_request import DrillRequest
from switchyard.cli.drill_text import DrillReport, document, planned
from switchyard.cli.main import app
from switchyard.config.loader import load
from switchyard.config.models.service import Colour
from switchyard.errors import ExitCode, GateRefusedError
from switchyard.release.drill.drill import DrillOutcome, DrillPlan
from switchyard.release.drill.journal import DrillJournal
from switchyard.release.engine.engine import Engine
from switchyard.release.receipt.receipt import NodeAnswer, Receipt
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import BACKEND, EXISTING
from tests.support.observed import BLUE, GREEN, observed
from tests.support.release_records import record

__all__ = ["server"]

PLAN = DrillPlan(observed(Colour.GREEN), GREEN, BLUE)
BACK_ONLY = DrillPlan(observed(Colour.BLUE, active=Colour.GREEN), GREEN, BLUE, record(kind="drill"))
BACK = Receipt("2026-01-02T03:04:05Z", 0.21, 0.27, 3)
DONE = DrillOutcome(Receipt("2026-01-02T03:04:01Z", 0.41, 0.47, 3), BACK)
DOUBTED = replace(BACK, nodes=(NodeAnswer("worker-2", None, "kube-proxy does not answer"),))
UNSEEN = "last answer of v1 after a time that was not seen"

Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs the command against a fake API server."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, services: dict[str, Any] | None = None) -> Any:
        settings = load({**EXISTING, "kubeconfig": str(server.kubeconfig)}, services or {"backend": BACKEND}, "test")
        monkeypatch.setattr("switchyard.cli.drill_command.read_settings_at_once", lambda *_: ("test", settings))
        monkeypatch.setattr(Engine, "begin_outputs", lambda _: type("Answer", (), {"end": lambda _: None})())
        return CliRunner().invoke(app, ["drill", *arguments, "--stack", "test"])

    return command


@pytest.mark.parametrize(
    ("arguments", "services", "code", "exit_code"),
    [
        (("backend",), None, "SY-P027", 2),
        (("shop", "--yes"), None, "SY-P020", 2),
        (("backend", "--yes"), {"backend": {"image": "org/b", "strategy": "canary", "tag": "v1"}}, "SY-P021", 1),
    ],
)
def test_what_cannot_be_drilled_is_refused_before_the_cluster_is_asked(
    run: Run, server: FakeApiServer, arguments: tuple[str, ...], services: Any, code: str, exit_code: int
) -> None:
    result = run(*arguments, "--json", services=services)
    found = json.loads(result.stdout)
    assert (result.exit_code, found["code"], found["exitCode"]) == (exit_code, code, exit_code)
    assert "Nothing was changed" in found["error"]
    assert server.asked == []


def test_what_confirms_a_drill_has_its_options(run: Run) -> None:
    text = json.loads(run("backend", "--reason", "before lunch", "--wait", "--json").stdout)["error"]
    assert "switchyard drill backend --reason 'before lunch' --wait --yes --stack test" in text


@pytest.mark.parametrize("wait", [True, False])
def test_a_drill_waits_for_another_command_and_plans_from_the_configuration_after_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, *, wait: bool
) -> None:
    waits: list[bool] = []

    async def wait_until_free(journal: DrillJournal) -> None:
        waits.append(journal._wait)
        journal.waited = journal._wait
        service = {**BACKEND, "active": "green", "green": {"tag": "v2", "replicas": 3}}
        settings = load({**EXISTING, "kubeconfig": "k"}, {"backend": service}, "test")
        monkeypatch.setattr("switchyard.cli.drill_command.read_settings_at_once", lambda *_: ("test", settings))

    async def observe_service(*arguments: Any) -> None:
        raise GateRefusedError(f"observed with {arguments[4].active} as the active colour")

    monkeypatch.setattr(DrillJournal, "wait_until_free", wait_until_free)
    monkeypatch.setattr("switchyard.cli.drill_command.observe_service", observe_service)
    result = run("backend", "--yes", *(["--wait"] if wait else []))
    assert f"observed with {'green' if wait else 'blue'} as the active colour" in result.stderr
    assert waits == [wait]


def test_the_confirmation_says_which_version_all_users_get_in_between() -> None:
    assert planned(PLAN, "test", "k")[1:] == [
        "  serves now   green v2, 3 of 3 pods ready",
        "  then         all users get blue v1 for a while: blue v1, 3 of 3 pods ready",
        "  after this   green v2 again; configuration and state stay as they are",
    ]
    assert planned(BACK_ONLY, "test", "k")[1:] == [
        "  serves now   blue v1, 3 of 3 pods ready",
        "  after this   green v2, 3 of 3 pods ready, as before the interrupted drill",
    ]


def test_a_drill_that_is_not_confirmed_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert not DrillReport(DrillRequest("backend"), "test", "k").confirmed(PLAN)
    assert "Nothing was changed. backend serves green v2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("plan", "outcome", "code", "said"),
    [
        (PLAN, DONE, ExitCode.OK, "Rollback time from the decision: selector accepted after 0.21 s, endpoints"),
        (PLAN, DONE, ExitCode.OK, UNSEEN),
        (PLAN, DrillOutcome(None, BACK, "the switch was interrupted: gone"), ExitCode.FAILED, "backend: the switch"),
        (PLAN, DrillOutcome(BACK, None), ExitCode.FAILED, "somebody else has switched"),
        (BACK_ONLY, DrillOutcome(None, BACK, "ended by this one"), ExitCode.OK, "backend: ended by this one"),
    ],
)
def test_the_end_has_both_ways_and_the_time_of_the_rollback(
    capsys: pytest.CaptureFixture[str], plan: DrillPlan, outcome: DrillOutcome, code: ExitCode, said: str
) -> None:
    assert DrillReport(DrillRequest("backend", yes=True), "test", "k").end(plan, outcome) is code
    printed = capsys.readouterr()
    assert "backend: green v2 serves, as before the drill" in printed.out
    assert said in printed.out + printed.err


@pytest.mark.parametrize("plan", [PLAN, BACK_ONLY])
@pytest.mark.parametrize("outcome", [replace(DONE, out=DOUBTED), replace(DONE, back=DOUBTED)], ids=["out", "back"])
def test_a_drill_of_which_a_node_was_not_seen_to_follow_is_no_success(
    capfd: pytest.CaptureFixture[str], plan: DrillPlan, outcome: DrillOutcome
) -> None:
    assert DrillReport(DrillRequest("backend", yes=True), "test", "k").end(plan, outcome) is ExitCode.FAILED
    assert "worker-2: kube-proxy does not answer) (SY-P155)" in capfd.readouterr().err


def test_the_document_has_both_receipts_and_the_parts_of_the_time() -> None:
    found = document(PLAN, DONE, "test", None, ["few pods"], ExitCode.OK)
    assert (found["version"], found["serving"], found["exitCode"], found["warnings"]) == (1, "green", 0, ["few pods"])
    assert (found["from"], found["to"]) == ({"colour": "green", "tag": "v2"}, {"colour": "blue", "tag": "v1"})
    assert (found["out"]["patchedAfter"], found["back"]["patchedAfter"]) == (0.41, 0.21)
    assert found["rollback"] == {"acceptedAfter": 0.21, "endpointsAfter": 0.27, "lastBadAnswerAfter": None}
