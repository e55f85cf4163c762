"""Several services at the command line: what is a wrong usage, and what is printed."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.cli.release_text import release_line
from switchyard.cli.together_request import TogetherRequest
from switchyard.cli.together_text import TogetherReport, document_of_all
from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour
from switchyard.release.drain.report import DrainReport
from switchyard.release.engine.convergence import Convergence, converge_all
from switchyard.release.engine.engine import Engine, Step
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.latest import LatestRelease
from switchyard.release.switch.protocol import SwitchOutcome
from tests.support.fake_together import World
from tests.support.release_records import record

DRAINED = DrainReport(Colour.BLUE, DrainMethod.NONE)
RECEIPT = Receipt("2030-01-31T12:00:00Z", 0.41, 0.47, 3, drain=DRAINED)


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    def begin(_: Engine) -> None:
        raise AssertionError("the engine was started for a wrong usage")

    monkeypatch.setattr(Engine, "begin_outputs", begin)


@pytest.mark.parametrize(
    ("arguments", "code", "remedy"),
    [
        (("switch", "api", "worker"), "SY-P132", "switchyard switch api worker --together"),
        (("switch", "api", "purple"), "SY-P132", "purple is not a colour"),
        (("switch", "api", "green", "worker"), "SY-P132", "--together"),
        (("rollback", "api", "worker"), "SY-P132", "switchyard rollback api worker --together"),
        (("switch", "api", "worker", "api", "--together"), "SY-P132", "api is named twice"),
        (("switch", "api=purple", "worker", "--together"), "SY-P132", "SERVICE=green"),
        (("rollback", "api=green", "worker", "--together"), "SY-P132", "api=green: no colour of a switch"),
        (("deploy", "api=v2", "worker=v3"), "SY-P133", "switchyard deploy api=v2 worker=v3 --together"),
        (("deploy", "api=v2", "worker=v3", "web=v4"), "SY-P133", "api=v2 worker=v3 web=v4 --together"),
        (("deploy", "api=v2", "worker", "--together"), "SY-P133", "switchyard deploy api=v2 worker=TAG --together"),
        (("deploy", "api=v2", "worker=", "--together"), "SY-P133", "no tag is named for worker="),
        (
            ("deploy", "api=v2=x", "worker=v1", "--together"),
            "SY-P133",
            "switchyard deploy api=TAG worker=v1 --together",
        ),
        (("deploy", "api=", "--together"), "SY-P133", "switchyard deploy api TAG"),
        (("deploy", "api=v2", "worker=v3", "api=v4", "--together"), "SY-P133", "api is named twice"),
        (("deploy", "api=v2", "--together"), "SY-P133", "For this service alone: switchyard deploy api v2"),
        (("deploy", "api"), "SY-P133", "For this service alone: switchyard deploy api TAG"),
        (("deploy", "api=v2", "worker=v/3", "--together"), "SY-P060", "worker: the deploy"),
        (("deploy", "api", "v2", "worker"), "SY-P133", "For this service alone: switchyard deploy api v2"),
        (("deploy", "api", "v2", "--together"), "SY-P133", "For this service alone: switchyard deploy api v2"),
    ],
)
def test_a_wrong_usage_ends_with_2_and_what_to_type(arguments: tuple[str, ...], code: str, remedy: str) -> None:
    result = CliRunner().invoke(app, [*arguments, "--yes", "--json"])
    printed = json.loads(result.stdout)
    assert (result.exit_code, printed["code"], printed["exitCode"]) == (2, code, 2)
    assert remedy in printed["error"]
    assert "Nothing was changed" in printed["error"]


@pytest.mark.parametrize("typed", ["switch api worker", "rollback api worker", "deploy api=v2 worker=v3"])
def test_several_services_are_confirmed_too(typed: str) -> None:
    result = CliRunner().invoke(app, [*typed.split(), "--together", "--json", "--reason", "500s on /pay"])
    assert (result.exit_code, json.loads(result.stdout)["code"]) == (2, "SY-P027")
    assert f"switchyard {typed} --together --reason '500s on /pay' --yes" in json.loads(result.stdout)["error"]


def done(convergence: Convergence) -> tuple[Mapping[str, Plan], dict[str, SwitchOutcome]]:
    plans = {key: World().plan(key) for key in ("api", "worker")}
    return plans, {key: SwitchOutcome(RECEIPT, convergence) for key in plans}


def test_the_document_has_each_service_and_configuration_and_state_once() -> None:
    plans, outcomes = done(Convergence(config=True, state=True))
    document = document_of_all(plans, outcomes, "test", None, ["a warning"])
    assert (document["version"], document["command"], document["together"]) == (1, "switch", True)
    assert [service["service"] for service in document["services"]] == ["api", "worker"]
    assert all(service["serving"] == "green" for service in document["services"])
    assert (document["config"], document["state"], document["exitCode"]) == (True, True, 0)
    assert document["warnings"] == ["a warning"]


@pytest.mark.parametrize(
    ("convergence", "says"),
    [
        (Convergence(config=True, state=True), "converged     configuration and state are updated"),
        (Convergence(config=False, state=False, problem="no such host"), "(SY-P028)"),
        (Convergence(config=True, state=True, waiting=(Step("a::web", "update"),)), "web (update)"),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_the_report_has_each_service_and_what_to_type_next(
    capsys: pytest.CaptureFixture[str], convergence: Convergence, says: str, *, as_json: bool
) -> None:
    plans, outcomes = done(convergence)
    request = TogetherRequest(Act.SWITCH, ("api", "worker"), stack="test", yes=True, as_json=as_json)
    report = TogetherReport(request, "test", "kubeconfig")
    report.served(plans, dict.fromkeys(plans, RECEIPT))
    report.end(plans, outcomes)
    printed = capsys.readouterr()
    if as_json:
        document: dict[str, Any] = json.loads(printed.out)
        assert [service["receipt"]["readyEndpoints"] for service in document["services"]] == [3, 3]
        return
    assert "worker: green serves v2 (before: blue v1)" in printed.out
    assert says in printed.out + printed.err
    assert "to go back: switchyard rollback api worker --together --stack test" in printed.out


def test_after_a_rollback_no_command_goes_back_to_the_bad_versions(capsys: pytest.CaptureFixture[str]) -> None:
    plans, outcomes = done(Convergence(config=True, state=True))
    plans = {key: replace(plan, act=Act.ROLLBACK) for key, plan in plans.items()}
    request = TogetherRequest(Act.ROLLBACK, ("api", "worker"), stack="test", yes=True)
    TogetherReport(request, "test", "kubeconfig").end(plans, outcomes)
    printed = capsys.readouterr().out
    assert "to go back" not in printed
    again = "switchyard switch api=blue worker=blue --together --stack test"
    assert f"to switch again once they are repaired: {again}" in printed


def test_status_names_the_command_of_the_group() -> None:
    line = release_line("api", LatestRelease(record(kind="switch", together=("api", "worker"))))
    assert "Next: switchyard switch api worker --together (continues)" in line


def test_configuration_and_state_follow_by_one_call_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []

    def run(_: Engine, *words: str) -> str:
        calls.append(words)
        return json.dumps({"steps": []})

    monkeypatch.setattr(Engine, "run", run)
    targets = {"api": Colour.GREEN, "worker": Colour.BLUE}
    assert asyncio.run(converge_all(Engine("test"), targets, print, config=False)).done
    assert [words[0] for words in calls] == ["config", "refresh", "preview", "up"]
    config, refresh, *_ = calls
    assert {"switchyard:services.api.active=green", "switchyard:services.worker.active=blue"} <= set(config)
    assert refresh.count("--target") == 2
