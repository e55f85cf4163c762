"""`switchyard retire --due`: every service that is due, whatever the others are, and one document about all of them."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.due_text import DueReport
from switchyard.config.models.service import Colour
from switchyard.kube.rolled_back import RECORD_VERSION, VERSION
from switchyard.manifests.labels import object_labels, selector
from switchyard.manifests.ownership_marks import PROJECT, STACK
from switchyard.release.phases import Result
from switchyard.release.plan import Act
from tests.support.api_server import FakeApiServer, server
from tests.support.fake_release import release
from tests.support.observed import observed
from tests.unit.cli.test_deploy import BACKEND, SERVICES, Run, run
from tests.unit.cli.test_frozen import BAKED, FROZEN

__all__ = ["run", "server"]

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
    assert (entries, capsys.readouterr().out) == ([{"version": 1, **retired.to_json()}], "")


def test_a_service_of_another_strategy_does_not_keep_others_from_being_retired(run: Run, server: FakeApiServer) -> None:
    baked(server, ["backend"])
    result = run("retire", "--due", "--yes", "--json", services=WITH_A_CANARY)
    [entry] = json.loads(result.stdout)["due"]
    assert entry["service"] == "backend"
    assert ("GET", f"{SERVICES}/configmaps/aaa-release") not in server.asked


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
