"""`switchyard retire --due`: every service that is due, whatever the others are, and one document about all of them."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.due_text import DueReport
from switchyard.config.models.service import Colour
from switchyard.errors import ExitCode, GateRefusedError, SwitchyardError
from switchyard.kube.rolled_back import RECORD_VERSION, VERSION
from switchyard.manifests.labels import object_labels, selector
from switchyard.manifests.ownership_marks import PROJECT, STACK
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import LeaseHeldError
from tests.support.api_server import FakeApiServer, server
from tests.support.fake_release import release
from tests.support.observed import observed
from tests.unit.cli.test_deploy import BACKEND, SERVICES, Run, run
from tests.unit.cli.test_frozen import BAKED, FROZEN

__all__ = ["run", "server"]

LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/backend-release"
WITH_A_CANARY = {"aaa": {"image": "org/aaa", "strategy": "canary", "tag": "v1", "nodePort": 30082}, "backend": BACKEND}


def baked(server: FakeApiServer, keys: Iterable[str]) -> None:
    """Has the release of each service bake long enough."""
    for key in keys:
        about = {"name": key, "namespace": "default", "annotations": {PROJECT: "shop", STACK: "test"}}
        service = {"metadata": about, "spec": {"selector": selector(key, Colour.BLUE)}}
        server.answers["GET", f"{SERVICES}/services/{key}"] = (200, service)
        metadata = {"name": f"{key}-release", "namespace": "default", "resourceVersion": "1"}
        marks = {"labels": object_labels(key), "annotations": {RECORD_VERSION: VERSION}}
        data = {"current": json.dumps(BAKED.to_json() | {"service": key})}
        config_map = {"metadata": {**metadata, **marks}, "data": data}
        server.answers["GET", f"{SERVICES}/configmaps/{key}-release"] = (200, config_map)


def test_what_is_due_is_one_document_whatever_becomes_of_each_service(run: Run, server: FakeApiServer) -> None:
    keys, worker = ("backend", "worker"), BACKEND | {"nodePort": 30081}
    baked(server, keys)
    result = run("retire", "--due", "--yes", "--json", services={"backend": BACKEND, "worker": worker})
    due = json.loads(result.stdout)["due"]
    assert [entry["service"] for entry in due] == list(keys)
    assert all("leases" in entry["error"] and entry["code"].startswith("SY-") for entry in due), "no Lease can be had"
    assert result.exit_code == 1


def test_services_without_a_release_that_runs_are_not_read_one_by_one(run: Run, server: FakeApiServer) -> None:
    keys = ["backend", "ended", "messages", "broken", "unknown"]
    one = {"blue": {"tag": "v1", "replicas": 1}, "green": {"tag": "v2", "replicas": 1}}
    services = {key: BACKEND | one | {"nodePort": 30080 + number} for number, key in enumerate(keys)}
    baked(server, keys[:-1])
    stored: dict[tuple[str, str], tuple[int, Any]] = dict(server.answers)
    records = {key: stored["GET", f"{SERVICES}/configmaps/{key}-release"][1] for key in keys[:-1]}
    done = BAKED.ending(Result.SUCCEEDED, datetime(2030, 1, 31, tzinfo=UTC)).to_json()
    for key in ("ended", "messages"):
        records[key]["data"]["current"] = json.dumps(done)
    records["messages"]["data"]["outbox"] = "{}"
    records["broken"]["data"]["current"] = "{"
    server.answers["GET", f"{SERVICES}/configmaps"] = (200, {"items": list(records.values())})
    result = run("retire", "--due", "--yes", "--json", services=services)
    assert {entry["service"] for entry in json.loads(result.stdout)["due"]} == {"backend", "broken"}
    read = {path.rpartition("/")[2] for _, path in server.asked if "/configmaps/" in path or "/services/" in path}
    assert {"backend-release", "messages-release", "unknown-release", "broken-release", "backend"} <= read
    assert not read & {"ended", "ended-release", "messages", "unknown"}


def lease(age: timedelta) -> dict[str, Any]:
    """The Lease of a `retire` that has renewed it so long ago."""
    renewed = (datetime.now(UTC) - age).isoformat()
    spec = {"holderIdentity": "ada@ci/1/abcd", "renewTime": renewed, "leaseDurationSeconds": 15}
    labels, created = object_labels("backend"), "2030-01-31T12:00:00Z"
    return {"metadata": {"name": "backend-release", "labels": labels, "creationTimestamp": created}, "spec": spec}


@pytest.mark.parametrize("release", [BAKED, replace(BAKED, phase=Phase.RETIRE)], ids=["baked", "retiring"])
def test_what_another_command_works_on_is_not_due(run: Run, server: FakeApiServer, release: ReleaseRecord) -> None:
    server.answers["GET", LEASE] = (200, lease(timedelta(0)))
    result = run("retire", "--due", "--yes", "--json", current=release)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"version": 1, "due": []})
    server.answers["GET", LEASE] = (200, lease(timedelta(minutes=1)))
    result = run("retire", "--due", "--yes", "--json", current=release)
    assert [entry["service"] for entry in json.loads(result.stdout)["due"]] == ["backend"]


@pytest.mark.parametrize(
    ("error", "ended", "exit_code"),
    [
        (LeaseHeldError("in progress", "ada", "retire"), False, 0),
        (GateRefusedError("no release runs"), True, 0),
        (GateRefusedError("the old colour gets requests"), False, 1),
    ],
)
def test_what_another_command_begins_to_retire_meanwhile_is_no_failure(
    run: Run,
    server: FakeApiServer,
    monkeypatch: pytest.MonkeyPatch,
    error: SwitchyardError,
    ended: bool,
    exit_code: int,
) -> None:
    async def run_beside(_: object, __: object) -> ExitCode:
        if isinstance(error, LeaseHeldError):
            server.answers["GET", LEASE] = (200, lease(timedelta(0)))
        if ended:
            del server.answers["GET", f"{SERVICES}/configmaps/backend-release"]
        raise error

    monkeypatch.setattr("switchyard.cli.deploy_command._Command.run", run_beside)
    result = run("retire", "--due", "--yes", "--json", current=BAKED)
    assert result.exit_code == exit_code, result.output
    errors = [entry["error"] for entry in json.loads(result.stdout)["due"]]
    assert errors == (["SY-X001: the old colour gets requests"] if exit_code else [])


def test_what_waits_for_a_window_is_in_the_document(run: Run, server: FakeApiServer) -> None:
    result = run("retire", "--due", "--yes", "--json", current=BAKED, freeze=FROZEN)
    window = {"reason": "holidays", "by": "ada", "until": "2090-01-01T00:00:00Z"}
    assert json.loads(result.stdout) == {"version": 1, "due": [{"service": "backend", "frozen": window}]}
    assert result.exit_code == 0


def test_a_release_that_is_retired_is_in_the_document_alone(capsys: pytest.CaptureFixture[str]) -> None:
    entries: list[dict[str, Any]] = []
    request = DeployRequest(Act.RETIRE, "backend", as_json=True)
    retired = release(result=Result.SUCCEEDED, ended="2030-01-31T12:00:00Z")
    assert DueReport(request, "test", "a cluster", entries).end(retired, observed(), 0) == 0
    assert capsys.readouterr().out == ""
    [entry] = entries
    assert (entry["command"], entry["stack"], entry["exitCode"]) == ("retire", "test", 0)
    assert entry.items() >= retired.to_json().items()


def test_a_service_of_another_strategy_does_not_keep_others_from_being_retired(run: Run, server: FakeApiServer) -> None:
    baked(server, ["backend"])
    result = run("retire", "--due", "--yes", "--json", services=WITH_A_CANARY)
    [entry] = json.loads(result.stdout)["due"]
    assert entry["service"] == "backend"
    assert ("GET", f"{SERVICES}/configmaps/aaa-release") not in server.asked


def test_at_a_terminal_each_retirement_is_confirmed(
    run: Run, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def declined(report: DueReport, _: object) -> bool:
        asked.append(report._request.service)
        return False

    monkeypatch.setattr("switchyard.cli.deploy_request.can_ask", lambda **_: True)
    monkeypatch.setattr(DueReport, "confirmed", declined)
    result = run("retire", "--due", current=BAKED)
    assert (result.exit_code, asked) == (1, ["backend"]), result.output
    assert "No release has baked long enough" not in result.output
    assert {verb for verb, _ in server.asked} == {"GET"}
    run("retire", "--due", "--yes", current=BAKED)
    assert asked == ["backend"]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("backend",), "switchyard retire backend --stack test."),
        (("--override", "a fix"), "switchyard retire SERVICE --override 'a fix' --stack test."),
    ],
)
def test_what_is_about_one_service_retires_no_others(
    run: Run, server: FakeApiServer, words: tuple[str, ...], remedy: str
) -> None:
    baked(server, ["backend", "worker"])
    result = run("retire", *words, "--due", "--yes", "--json")
    assert result.exit_code == 2
    assert remedy in json.loads(result.stdout)["error"]
    assert server.asked == []
