"""`switchyard report` at the command line: what is refused, printed and left out, and exit codes."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.config.loader import load
from switchyard.kube.clock import to_text
from switchyard.manifests.labels import object_labels
from switchyard.release.phases import Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import KEPT_RELEASES
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import BACKEND, EXISTING
from tests.support.release_records import START, record

__all__ = ["server"]

NOW = START + timedelta(days=10)
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"

Run = Callable[..., Any]


def released(number: int, **changes: Any) -> ReleaseRecord:
    """A release by `switch` on day `number`."""
    moment = START + timedelta(days=number)
    ended = record(number, kind="switch", started=to_text(moment)).entering(Phase.SWITCH, moment)
    return ended.leaving("passed", moment).ending(changes.pop("result", Result.SUCCEEDED), moment)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs the command against a fake API server with the records of some services."""
    monkeypatch.chdir(tmp_path)

    async def ask(_: object) -> Any:
        return type("Clock", (), {"now": lambda _: NOW})()

    monkeypatch.setattr("switchyard.kube.clock.ServerClock.ask", ask)

    def command(*arguments: str, services: dict[str, Any] | None = None, **records: list[ReleaseRecord] | str) -> Any:
        settings = load({**EXISTING, "kubeconfig": str(server.kubeconfig)}, services or {"backend": BACKEND}, "test")
        monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("test", settings))
        items = []
        for key, own in records.items():
            history = own if isinstance(own, str) else json.dumps([release.to_json() for release in own])
            metadata = {"name": f"{key}-release", "labels": object_labels(key), "resourceVersion": "1"}
            items.append({"metadata": metadata, "data": {"history": history}})
            server.answers["GET", f"{CONFIG_MAPS}/{key}-release"] = (200, items[-1])
        server.answers["GET", CONFIG_MAPS] = (200, {"items": items, "metadata": {"resourceVersion": "1"}})  # of several
        return CliRunner().invoke(app, ["report", *arguments])

    return command


def test_the_document_has_the_measures_with_their_targets_and_samples(run: Run) -> None:
    result = run("--json", backend=[released(9), released(8, result=Result.FAILED), released(3)])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["version"], found["stack"], found["since"]) == (1, "test", "2030-01-11T12:00:00Z")
    assert found["services"] == [
        {"service": "backend", "records": 3, "oldest": "2030-02-03T12:00:00Z", "complete": True}
    ]
    success, *_ = found["measures"]
    assert (success["name"], success["value"], success["met"]) == ("deploymentsThatSucceed", 0.666667, False)
    assert (success["sample"]["size"], success["supported"]) == (3, False)
    assert [measure["name"] for measure in found["dora"]] == [
        "deploymentFrequency",
        "leadTimeForChanges",
        "changeFailureRate",
        "failedDeploymentRecoveryTime",
        "reworkRate",
    ]


def test_only_what_began_within_the_time_counts(run: Run) -> None:
    result = run("--json", "--since", "48h", backend=[released(9), released(8), released(7)])
    assert json.loads(result.stdout)["measures"][0]["sample"]["size"] == 2


def test_people_get_lines_where_there_is_no_terminal(run: Run) -> None:
    result = run(backend=[released(9)])
    assert result.exit_code == 0
    assert "deployments that succeed                100 %  >= 99 %          met       1 deployments" in result.stdout
    assert "at 95 % the sample shows at least 5 %, which does not show the target" in result.stdout
    assert "unknown: a record has the tag and not the time of its commit" in result.stdout


def test_a_record_that_begins_later_than_asked_for_is_named(run: Run) -> None:
    full = [released(9 - number % 9) for number in range(KEPT_RELEASES)]
    result = run("--since", "4w", backend=full)
    assert result.exit_code == 0
    assert "backend: the record begins at 2030-02-01T12:00:00Z, after the start of the period" in result.stderr
    assert run("--since", "1d", backend=full).stderr == ""


def test_a_broken_record_is_named_and_the_other_services_are_reported(run: Run) -> None:
    services = {"backend": BACKEND, "frontend": {**BACKEND, "nodePort": 30099}}
    result = run("--json", services=services, backend=[released(9)], frontend="[{}]")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [service["service"] for service in found["services"]] == ["backend"]
    [problem] = found["problems"]
    assert (problem["service"], "SY-P004" in problem["problem"]) == ("frontend", True)


def test_a_namespace_that_may_not_be_read_leaves_the_other_services_reported(run: Run, server: FakeApiServer) -> None:
    services = {"backend": BACKEND, "frontend": {**BACKEND, "nodePort": 30099, "namespace": "shop"}}
    denied = {"kind": "Status", "code": 403, "message": 'configmaps is forbidden: User "ada" cannot get resource'}
    for path in ("configmaps", "configmaps/frontend-release"):
        server.answers["GET", f"/api/v1/namespaces/shop/{path}"] = (403, denied)
    result = run("--json", services=services, backend=[released(9)])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [service["service"] for service in found["services"]] == ["backend"]
    [problem] = found["problems"]
    assert problem["service"] == "frontend"
    assert problem["problem"].startswith("SY-K005: frontend: The kubeconfig's user may not get configmaps")


@pytest.mark.parametrize(
    ("arguments", "code", "remedy"),
    [
        (("frontend",), "SY-P020", "switchyard report backend --stack test"),
        (("--since", "yesterday"), "SY-P120", "switchyard report --since 30d"),
        (("--since", "0d"), "SY-P120", "switchyard report --since 30d"),
    ],
)
def test_what_is_not_there_is_refused_before_the_cluster_is_asked(
    run: Run, server: FakeApiServer, arguments: tuple[str, ...], code: str, remedy: str
) -> None:
    result = run(*arguments, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["code"], found["exitCode"]) == (2, code, 2)
    assert remedy in found["error"]
    assert server.asked == []
