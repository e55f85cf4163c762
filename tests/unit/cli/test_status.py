"""What `switchyard status` shows: what runs beside what is configured, for readers and for scripts."""

import asyncio
import dataclasses
import io
import json
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from rich.console import Console
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.cli.service_status import ServiceStatus, TrackStatus, inspect_services
from switchyard.cli.status_json import document
from switchyard.cli.status_table import table
from switchyard.config.models.service import Track
from switchyard.errors import ConfigurationError, UnreachableError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.images import Running
from switchyard.manifests.labels import selector
from tests.support.status_readings import status
from tests.support.weighted_balancer import FakeBalancer, service, written
from tests.unit.gates.test_service import DENIED, answered, owned_by


class NoAutoscalers:
    """An API server whose lists are empty."""

    async def find_all(self, *_: object) -> dict[str, list[object]]:
        return {"items": []}

    async def find(self, _resource: str, *_: object) -> Any:
        return None


@dataclass
class FakeCluster(FakeBalancer):
    """A cluster on which green serves by the Service."""

    api: ClassVar[Any] = NoAutoscalers()

    async def serving_track(self, *_: str) -> Track:
        return Track.GREEN

    async def simulated(self, _: object) -> frozenset[str]:
        return frozenset()


def looked(monkeypatch: pytest.MonkeyPatch, engine: str, there: dict[str, Any], **more: Any) -> ServiceStatus:
    async def connect(_: ClusterAccess) -> Any:
        cluster = {"of_colour": ("a", "b", "c"), "image": "org/backend:v1", "there": [there], **more}
        return FakeCluster(selected=selector("backend", Track.GREEN), **cluster)

    monkeypatch.setattr(Cluster, "connect", connect)
    (status,) = asyncio.run(inspect_services(ClusterAccess(), {"backend": service(engine)}))
    return status


def headers(status: ServiceStatus) -> list[object]:
    return [column.header for column in table("it", [status]).columns]


@pytest.mark.parametrize(
    ("engine", "active", "leads", "right"),
    [
        ("albWeights", "green", {"backend-green"}, True),
        ("albWeights", "blue", {"backend-blue"}, False),
        ("albTargets", "green", {"backend"}, True),
    ],
)
def test_status_shows_the_switch_engine_and_the_route_of_the_ingress(
    monkeypatch: pytest.MonkeyPatch, engine: str, active: str, leads: set[str], *, right: bool
) -> None:
    status = looked(monkeypatch, engine, written(engine, active))
    assert (status.engine.value, status.ingress_targets, status.as_configured) == (engine, frozenset(leads), right)
    assert {"engine", "Ingress routes to"} <= set(headers(status))


def test_status_of_a_service_switched_by_selector_shows_no_ingress(monkeypatch: pytest.MonkeyPatch) -> None:
    status = looked(monkeypatch, "selector", written("selector"))
    assert (status.ingress_targets, status.as_configured) == (None, True)
    assert headers(status) == ["service", "configured", "serving", "blue", "green", "node port"]


def test_status_shows_the_version_that_runs_and_not_the_one_that_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    status = looked(monkeypatch, "selector", written("selector"), image="org/backend:v9", owned=owned_by("kubectl-set"))
    green = status.tracks[Track.GREEN]
    assert (green.tag, green.configured, green.ready, green.as_configured) == ("v9", "org/backend:v1", 3, False)
    assert not status.as_configured
    assert "v9  3/3 ready" in list(table("it", [status]).columns[4].cells)
    assert (
        "pods of green run org/backend:v9 (set by kubectl-set), though the stack has org/backend:v1" in status.notes[1]
    )


def test_status_accepts_a_mirror_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    status = looked(monkeypatch, "selector", written("selector"), image="mirror/org/backend:v1")
    assert status.as_configured
    assert status.tracks[Track.GREEN].tag == "v1"
    assert "mirror/org/backend:v1  3/3 ready" in list(table("it", [status]).columns[4].cells)
    assert "rewritten by the cluster's admission" in status.notes[1]


@pytest.mark.parametrize(("manager", "right"), [("switchyard", True), ("kubectl-set", False)])
def test_a_digest_that_admission_has_put_in_is_as_configured(
    monkeypatch: pytest.MonkeyPatch, manager: str, *, right: bool
) -> None:
    image = "org/backend@sha256:" + "9" * 64
    status = looked(monkeypatch, "selector", written("selector"), image=image, owned=owned_by(manager))
    assert status.as_configured is right
    assert ("rewritten by the cluster's admission" in status.notes[1]) is right


def test_status_says_why_pods_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    status = looked(monkeypatch, "selector", written("selector"), of_colour=("a",))
    assert not status.as_configured
    assert "backend: pods of green: 1 of 3 ready of v1 (SY-S013)." in status.notes


def test_mixed_versions_are_shown_as_such() -> None:
    running = (Running("org/backend:v2", None, 2, 1), Running("org/backend:v1", None, 1, 1))
    track = TrackStatus("org/backend:v2", 3, 3, running)
    assert (track.tag, track.as_configured) == ("v2, v1", False)
    nothing = TrackStatus("org/backend:v2", 0, 0)
    assert (nothing.tag, nothing.as_configured) == (None, True)


def test_the_document_for_scripts_has_the_names_that_they_rely_on(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = "sha256:" + "9" * 64
    status = looked(monkeypatch, "selector", written("selector"))
    track = TrackStatus("org/backend:v1", 3, 3, (Running("org/backend:v1", digest, 3, 3),))
    report = document("it", [dataclasses.replace(status, tracks={Track.GREEN: track})])
    assert (report["version"], report["stack"], report["asConfigured"]) == (1, "it", True)
    (service_,) = report["services"]
    expected = {"name": "backend", "namespace": "default", "configured": "green", "serving": "green"}
    assert {key: service_[key] for key in expected} == expected
    assert service_["release"] is None
    assert service_["tracks"]["green"] == {
        "tag": "v1",
        "configured": "org/backend:v1",
        "wanted": 3,
        "ready": 3,
        "asConfigured": True,
        "running": [{"image": "org/backend:v1", "tag": "v1", "digest": digest, "pods": 3, "ready": 3}],
    }


def run(monkeypatch: pytest.MonkeyPatch, error: Exception, *arguments: str) -> Any:
    def read(*_: object) -> Any:
        raise error

    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", read)
    return CliRunner().invoke(app, ["status", *arguments])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigurationError("no stack named 'x'"), 2, "no stack named 'x'"),
        (UnreachableError("connection refused"), 1, "The cluster does not answer: connection refused (SY-K004)"),
        (DENIED, 1, "The kubeconfig's user may not get services/backend"),
        (
            answered(503, "the server is unable"),
            1,
            "The API server answered 503 to get services/backend: the server is",
        ),
    ],
)
def test_an_error_is_json_where_json_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, said: str
) -> None:
    result = run(monkeypatch, error, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["exitCode"]) == (code, code)
    assert said in report["error"]
    assert result.stderr == ""
    plain = run(monkeypatch, error)
    assert (plain.exit_code, plain.stdout) == (code, "")
    assert said in plain.stderr


def test_status_names_the_objects_that_somebody_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutAccount(NoAutoscalers):
        """An API server on which everything of the service is, but for its account."""

        async def find(self, _resource: str, *_: object) -> Any:
            return None if _resource == "serviceaccounts" else {"metadata": {}}

    monkeypatch.setattr(FakeCluster, "api", WithoutAccount())
    status = looked(monkeypatch, "selector", written("selector"))
    [note] = status.notes
    assert "backend: ServiceAccount/backend in namespace" in note
    assert (
        "is not on the cluster: deleted by hand, or not created yet (SY-O009). `pulumi up --refresh` creates it."
        in note
    )
    assert not status.as_configured


def test_a_narrow_terminal_cuts_no_text() -> None:
    console = Console(width=40, file=io.StringIO(), record=True)
    console.print(table("test", [status()]))
    rows = [line.split("│")[1:-1] for line in console.export_text().splitlines() if line.startswith("│")]
    cells = ["".join(part.strip() for part in column) for column in zip(*rows, strict=True)]
    assert cells == ["default/backend", "blue", "blue", "v13/3ready", "v23/3ready", "30080"]
