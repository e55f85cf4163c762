"""Several services by `deploy`, `resume`, `abort` and `retire`: what is refused, for whom, and what is printed."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.detachment import Detached
from switchyard.cli.main import app
from switchyard.config.loader import StackSettings, load
from switchyard.config.models.service import Colour
from switchyard.errors import EngineError
from switchyard.kube.rolled_back import RECORD_VERSION, VERSION
from switchyard.manifests.labels import object_labels, selector
from switchyard.manifests.ownership_marks import PROJECT, STACK
from switchyard.release.engine.engine import Engine
from switchyard.release.phases import Phase, Result
from switchyard.release.record.release_record import ReleaseRecord
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import EXISTING
from tests.support.fake_release import release

__all__ = ["server"]

KEYS = ("api", "worker")
TRACKS = {"active": "blue", "blue": {"tag": "v1", "replicas": 1}, "green": {"tag": "v2", "replicas": 1}}
SERVICES = {key: {"image": f"org/{key}", **TRACKS} for key in KEYS}
CANARY = {"image": "org/canary", "strategy": "canary", "tag": "v1"}
NAMESPACE = "/api/v1/namespaces/default"

Run = Callable[..., Any]


class FakeAnswer:
    """The outputs of a stack that has none; of one that cannot be read, once `problem` says why."""

    problem: str | None = None

    def wait(self, _: float | None = None) -> str:
        if self.problem is not None:
            raise EngineError(self.problem)
        return "{}"

    def end(self) -> None:
        pass


def of_group(key: str, **changes: Any) -> ReleaseRecord:
    return release(service=key, together=KEYS, **changes)


def config_map(key: str, current: ReleaseRecord) -> dict[str, Any]:
    metadata = {"name": f"{key}-release", "namespace": "default", "resourceVersion": "1"}
    marks = {"labels": object_labels(key), "annotations": {RECORD_VERSION: VERSION}}
    return {"metadata": {**metadata, **marks}, "data": {"current": json.dumps(current.to_json())}}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs a command against a fake API server, on which blue v1 of two services serves."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeAnswer())

    def command(
        *arguments: str,
        records: dict[str, ReleaseRecord] | None = None,
        freeze: dict[str, Any] | None = None,
        others: dict[str, Any] | None = None,
    ) -> Any:
        def read_settings(_: str | None, needed: Collection[str] | None = None) -> tuple[str, StackSettings]:
            services = {**SERVICES, "canary": CANARY, **(others or {})}
            releases = None if freeze is None else {"freeze": [freeze]}
            cluster = {**EXISTING, "kubeconfig": str(server.kubeconfig)}
            return "test", load(cluster, services, "test", raw_releases=releases, needed=needed)

        for module in ("fast_lane", "deploy_command"):
            monkeypatch.setattr(f"switchyard.cli.{module}.read_settings_at_once", read_settings)
        deployments, services = list[dict[str, Any]](), list[dict[str, Any]]()
        for key in KEYS:
            metadata = {"name": key, "namespace": "default", "annotations": {PROJECT: "shop", STACK: "test"}}
            service = {"metadata": metadata, "spec": {"selector": selector(key, Colour.BLUE)}}
            server.answers["GET", f"{NAMESPACE}/services/{key}"] = (200, service)
            services.append(service)
            containers = {"spec": {"containers": [{"name": key, "image": f"org/{key}:v1"}]}}
            deployments.append({"metadata": {"name": f"{key}-blue"}, "spec": {"replicas": 3, "template": containers}})
        server.answers["GET", "/apis/apps/v1/namespaces/default/deployments"] = (200, {"items": deployments})
        server.answers["GET", "/api/v1/namespaces/kube-system"] = (200, {"metadata": {"uid": "6f1c"}})
        for path in (
            "apis/apps/v1/namespaces/default/replicasets",
            "api/v1/namespaces/default/pods",
            "apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        ):
            server.answers["GET", f"/{path}"] = (200, {"items": [], "metadata": {"resourceVersion": "1"}})
        # Objects that are asked for at once are listed.
        config_maps = {key: config_map(key, record) for key, record in (records or {}).items()}
        for kind, items in (("services", services), ("configmaps", list(config_maps.values()))):
            server.answers["GET", f"{NAMESPACE}/{kind}"] = (200, {"items": items, "metadata": {"resourceVersion": "1"}})
        for key, config in config_maps.items():
            server.answers["GET", f"{NAMESPACE}/configmaps/{key}-release"] = (200, config)
        return CliRunner().invoke(app, [arguments[0], "--stack", "test", *arguments[1:], "--yes", "--json"])

    return command


def refused(result: Any, server: FakeApiServer, exit_code: int, *codes: str) -> str:
    assert result.exit_code == exit_code, result.output
    error = str(json.loads(result.stdout)["error"])
    assert all(f"({code})" in error for code in codes), error
    assert {verb for verb, _ in server.asked} <= {"GET"}, "something was written"
    return error


def test_an_unknown_service_and_one_of_another_strategy_are_refused(run: Run, server: FakeApiServer) -> None:
    assert "nothing" in refused(run("deploy", "api=v9", "nothing=v9", "--together"), server, 2, "SY-P020")
    assert "canary" in refused(run("deploy", "api=v9", "canary=v9", "--together"), server, 1, "SY-P021")


def test_what_is_refused_for_services_is_refused_with_every_reason(run: Run, server: FakeApiServer) -> None:
    unfinished = {"worker": release(service="worker", phase=Phase.WATCH, held=True)}
    error = refused(run("deploy", "api=v1", "worker=v9", "--together", records=unfinished), server, 1, "SY-P061")
    assert "SY-P062" in error
    assert "switchyard resume worker" in error


def test_a_freeze_of_one_is_a_freeze_of_all_and_names_the_whole_command(run: Run, server: FakeApiServer) -> None:
    window = {
        "reason": "sale",
        "by": "ann",
        "from": "2020-01-01T00:00:00Z",
        "until": "2099-01-01T00:00:00Z",
        "services": ["worker"],
    }
    error = refused(run("deploy", "api=v9", "worker=v9", "--together", freeze=window), server, 1, "SY-P100")
    assert "switchyard deploy api=v9 worker=v9 --together --stack test --override" in error


@pytest.mark.parametrize(
    ("other", "observed"),
    [
        (of_group("worker", result=Result.ROLLED_BACK), "worker has ended (rolledBack)"),
        (of_group("worker", started="2029-01-01T00:00:00Z", result=Result.SUCCEEDED), "has not begun its release"),
        (None, "worker has not begun its release"),
    ],
)
def test_a_part_of_a_group_is_not_resumed_without_the_others(
    run: Run, server: FakeApiServer, other: ReleaseRecord | None, observed: str
) -> None:
    records = {"api": of_group("api", phase=Phase.PROVE), **({} if other is None else {"worker": other})}
    error = refused(run("resume", "api", records=records), server, 1, "SY-P138")
    assert observed in error
    assert "switchyard abort api" in error
    assert "switchyard switch api green" in error


def test_a_version_that_may_have_no_pods_is_not_proposed_to_serve_without_the_others(
    run: Run, server: FakeApiServer
) -> None:
    error = refused(run("resume", "api", records={"api": of_group("api", phase=Phase.WARM)}), server, 1, "SY-P138")
    assert "switchyard abort api" in error
    assert "switchyard switch" not in error


def test_that_the_state_cannot_be_read_is_said_once(
    run: Run, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeAnswer, "problem", "no such host")
    records = {key: of_group(key, phase=Phase.BAKE, source="green", target="blue") for key in KEYS}
    result = run("abort", "api", records=records)
    assert result.stderr.count("no such host") == 1, result.output


WRONG = {"image": "org/wrong", **TRACKS, "active": "purple"}


def test_an_abort_is_not_stopped_by_errors_in_the_settings_of_another_service(run: Run, server: FakeApiServer) -> None:
    records = {"api": release(service="api", phase=Phase.BAKE)}
    others = {"payments": WRONG}
    assert "SY-C002" in refused(run("resume", "api", records=records, others=others), server, 2)
    result = run("abort", "api", records=records, others=others)
    assert "switchyard:services.payments.active: 'purple'" in result.stderr
    assert "to create leases" in json.loads(result.stdout)["error"]  # its first write, which this server refuses


def test_an_abort_of_a_group_names_the_errors_in_the_settings_of_its_services(run: Run, server: FakeApiServer) -> None:
    records = {"api": of_group("api", phase=Phase.BAKE)}
    error = refused(run("abort", "api", records=records, others={"worker": WRONG}), server, 2)
    assert "services.worker.active: 'purple'" in error
    assert "Or roll back api without the others: switchyard rollback api --stack test" in error


def test_no_old_version_is_retired_while_another_one_is_watched(run: Run, server: FakeApiServer) -> None:
    records = {"api": of_group("api", phase=Phase.BAKE), "worker": of_group("worker", phase=Phase.WATCH)}
    error = refused(run("retire", "api", records=records), server, 1, "SY-P138")
    assert "worker is in phase watch" in error
    due = run("retire", "--due", records=records)
    assert (due.exit_code, json.loads(due.stdout)) == (0, {"version": 1, "due": []})


@pytest.mark.parametrize(
    ("typed", "goes_on_with"),
    [
        (
            ("deploy", "worker=v9", "api=v9", "--together", "--hotfix", "--detach"),
            ["deploy", "--stack=test", "--yes", "--hotfix", "--together", "--", "worker=v9", "api=v9"],
        ),
        (("resume", "worker", "--detach"), ["resume", "--stack=test", "--yes", "--", "worker"]),
    ],
)
def test_one_process_goes_on_with_all_services_without_a_terminal(
    run: Run,
    server: FakeApiServer,
    monkeypatch: pytest.MonkeyPatch,
    typed: tuple[str, ...],
    goes_on_with: list[str],
) -> None:
    started: list[Any] = []

    async def detach(services: list[str], arguments: list[str]) -> Detached:
        started.extend((services, arguments))
        return Detached(4711, Path("a.log"), {key: f"id-{key}" for key in services})

    monkeypatch.setattr("switchyard.cli.group_command.detach", detach)
    records = {key: of_group(key, phase=Phase.PROVE) for key in KEYS} if typed[0] == "resume" else None
    result = run(*typed, records=records)
    assert result.exit_code == 0, result.output
    assert started == [list(KEYS), goes_on_with]
    document = json.loads(result.stdout)
    assert document["services"] == [{"service": key, "release": f"id-{key}"} for key in KEYS]
    assert (document["detached"], document["together"], document["process"]) == (True, True, 4711)
    assert {verb for verb, _ in server.asked} <= {"GET"}, "the process writes, and not this command"


def test_what_is_refused_for_services_starts_no_process(
    run: Run, server: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> Detached:
        raise AssertionError("a process was started")

    monkeypatch.setattr("switchyard.cli.group_command.detach", never)
    refused(run("deploy", "api=v1", "worker=v9", "--together", "--detach"), server, 1, "SY-P061")
