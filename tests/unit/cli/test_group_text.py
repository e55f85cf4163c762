"""What is printed of the releases of several services by one command."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.detachment import Detached
from switchyard.cli.group_text import GroupReport
from switchyard.errors import ExitCode, GateRefusedError
from switchyard.release.deploy.together import Outcomes
from switchyard.release.phases import Phase
from switchyard.release.plan import Act
from switchyard.release_errors import LeaseLostError
from tests.support.fake_release import release
from tests.support.observed import observed

KEYS = ("api", "worker")


def test_the_process_of_all_services_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    request = DeployRequest(Act.DEPLOY, "", stack="test", together=("api=v2", "worker=v3"))
    members = [replace(request, service=key, tag=request.tags[key]) for key in KEYS]
    GroupReport(request, "test", "a context", members).detached(Detached(4711, Path("a.log"), {}))
    printed = capsys.readouterr().out
    assert "The deploy of api v2, worker v3 continues without this terminal, in process 4711 on" in printed
    assert "switchyard abort api --stack test" in printed
    assert "switchyard status --watch --stack test" in printed


@pytest.mark.parametrize("as_json", [False, True])
def test_the_end_has_each_service_and_the_worst_exit_code(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    request = DeployRequest(Act.DEPLOY, "", as_json=as_json, together=("api=v2", "worker=v2"))
    report = GroupReport(request, "test", "a context", [replace(request, service=key) for key in KEYS])
    outcomes: Outcomes = {
        "api": release(service="api", together=KEYS, phase=Phase.BAKE),
        "worker": LeaseLostError("bob has it"),
    }
    code = report.end(outcomes, dict.fromkeys(KEYS, observed()), dict.fromkeys(KEYS, 3600))
    assert code is ExitCode.FAILED
    printed = capsys.readouterr()
    if not as_json:
        assert "switchyard rollback api worker --together" in printed.out
        assert printed.err.startswith("worker: SY-P002: bob has it")
        return
    document = json.loads(printed.out)
    assert {key: document[key] for key in ("version", "command", "stack", "together", "exitCode")} == {
        "version": 1,
        "command": "deploy",
        "stack": "test",
        "together": True,
        "exitCode": 1,
    }
    api, worker = document["services"]
    assert (api["service"], api["phase"], api["serving"]) == ("api", "bake", {"colour": "blue", "tag": "v1"})
    assert (worker["service"], worker["code"][:6]) == ("worker", "SY-P00")


def test_a_refusal_of_one_service_has_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    request = DeployRequest(Act.ABORT, "", as_json=True, together=("api=v2", "worker=v2"))
    report = GroupReport(request, "test", "a context", [replace(request, service=key) for key in KEYS])
    refusal = "worker: the abort is refused (SY-P092): hook contract has run"
    outcomes: Outcomes = {"api": release(service="api", phase=Phase.BAKE), "worker": GateRefusedError(refusal)}
    report.end(outcomes, dict.fromkeys(KEYS, observed()), dict.fromkeys(KEYS, 3600))
    [_, worker] = json.loads(capsys.readouterr().out)["services"]
    assert (worker["code"], worker["error"]) == ("SY-P092", refusal)
