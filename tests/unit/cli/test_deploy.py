"""`switchyard deploy`, `resume`, `abort` and `retire` at the command line: what is refused and printed, exit codes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.deploy_request import DeployRequest
from switchyard.cli.detachment import Detached
from switchyard.cli.main import app
from switchyard.cli.service_release import ServiceRelease
from switchyard.config.loader import load
from switchyard.config.models.service import Colour
from switchyard.kube.access import ClusterAccess
from switchyard.kube.rolled_back import RECORD_VERSION, VERSION
from switchyard.manifests.labels import object_labels
from switchyard.manifests.ownership_marks import PROJECT, STACK
from switchyard.release.engine.engine import Engine
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, ColourState
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases
from switchyard.release.refusals import refuse_other_than_confirmed
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import EXISTING
from tests.support.fake_release import release
from tests.support.observed import live, observed

__all__ = ["server"]

BACKEND = {
    "image": "org/backend",
    "active": "blue",
    "blue": {"tag": "v1", "replicas": 3},
    "green": {"tag": "v2", "replicas": 3},
}
CANARY = {"image": "org/backend", "strategy": "canary", "tag": "v1"}
SERVICES = "/api/v1/namespaces/default"
NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
EVERY = ("deploy", "resume", "abort", "retire")
UNFINISHED = release(phase=Phase.WATCH, held=True)

Run = Callable[..., Any]


class FakeAnswer:
    """The outputs of a stack that has none."""

    def wait(self, _: float | None = None) -> str:
        return "{}"

    def end(self) -> None:
        pass


def typed(act: str) -> list[str]:
    return [act, "backend", *(["v9"] if act == "deploy" else [])]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs a command against a fake API server, on which blue v1 serves."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.chdir(tmp_path)

    def command(
        *arguments: str,
        services: dict[str, Any] | None = None,
        current: ReleaseRecord | None = None,
        rolled_back: list[dict[str, Any]] | None = None,
        freeze: dict[str, Any] | None = None,
    ) -> Any:
        settings = load(
            {**EXISTING, "kubeconfig": str(server.kubeconfig)},
            services or {"backend": BACKEND},
            "test",
            raw_releases=None if freeze is None else {"freeze": [freeze]},
        )
        for module in ("deploy_command", "fast_lane"):
            monkeypatch.setattr(f"switchyard.cli.{module}.read_settings_at_once", lambda *_: ("test", settings))
        monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeAnswer())
        service = live(Colour.BLUE)
        service["metadata"]["annotations"] = {PROJECT: "shop", STACK: "test"}
        containers = {"spec": {"containers": [{"name": "backend", "image": "org/backend:v1"}]}}
        server.answers |= {
            ("GET", f"{SERVICES}/services/backend"): (200, service),
            ("GET", "/apis/apps/v1/namespaces/default/deployments"): (
                200,
                {"items": [{"metadata": {"name": "backend-blue"}, "spec": {"replicas": 3, "template": containers}}]},
            ),
            ("GET", "/api/v1/namespaces/kube-system"): (200, {"metadata": {"uid": "6f1c"}}),
        }
        for path in (
            "apis/apps/v1/namespaces/default/replicasets",
            "api/v1/namespaces/default/pods",
            "apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        ):
            server.answers["GET", f"/{path}"] = (200, {"items": [], "metadata": {"resourceVersion": "1"}})
        if current is not None or rolled_back is not None:
            server.answers["GET", f"{SERVICES}/configmaps/backend-release"] = (
                200,
                {
                    "metadata": {
                        "name": "backend-release",
                        "namespace": "default",
                        "resourceVersion": "1",
                        "labels": object_labels("backend"),
                        "annotations": {RECORD_VERSION: VERSION},
                    },
                    "data": {
                        "current": json.dumps(None if current is None else current.to_json()),
                        "rolledBack": json.dumps(rolled_back or []),
                    },
                },
            )
        return CliRunner().invoke(app, [arguments[0], "--stack", "test", *arguments[1:]])

    return command


def refused(result: Any, server: FakeApiServer, exit_code: int, code: str) -> str:
    assert result.exit_code == exit_code, result.output
    parsed = json.loads(result.stdout)
    assert parsed["code"] == code, parsed
    assert {verb for verb, _ in server.asked} <= {"GET"}, "something was written"
    return str(parsed["error"])


@pytest.mark.parametrize("act", EVERY)
def test_without_a_terminal_a_command_has_to_be_confirmed(run: Run, server: FakeApiServer, act: str) -> None:
    message = refused(run(*typed(act), "--json"), server, 2, "SY-P027")
    assert f"switchyard {' '.join(typed(act))} --stack test --yes" in message


def test_the_command_that_confirms_a_deploy_does_no_more_than_was_asked(run: Run, server: FakeApiServer) -> None:
    given = ("--hold-after", "switch", "--reason", "not now", "--hotfix", "--detach", "--wait")
    message = refused(run("deploy", "backend", "v9", *given, "--json"), server, 2, "SY-P027")
    options = "--reason 'not now' --hold-after switch --hotfix --wait --detach"
    assert f"switchyard deploy backend v9 --stack test {options} --yes" in message


def test_the_command_that_confirms_an_abort_has_its_reason(run: Run, server: FakeApiServer) -> None:
    message = refused(run("abort", "backend", "--reason", "500s on /pay", "--json"), server, 2, "SY-P027")
    assert "switchyard abort backend --stack test --reason '500s on /pay' --yes" in message


@pytest.mark.parametrize("act", EVERY)
def test_an_unknown_service_is_a_wrong_usage(run: Run, server: FakeApiServer, act: str) -> None:
    message = refused(run(act, "nothing", *typed(act)[2:], "--yes", "--json"), server, 2, "SY-P020")
    assert "backend" in message


@pytest.mark.parametrize("act", EVERY)
def test_services_of_other_strategies_are_refused(run: Run, server: FakeApiServer, act: str) -> None:
    refused(run(*typed(act), "--yes", "--json", services={"backend": CANARY}), server, 1, "SY-P021")


@pytest.mark.parametrize("tag", ["v1/2", "", "a b", "-x", "v" * 129, "sha256:abc"])
def test_a_tag_that_no_registry_has_is_refused(run: Run, server: FakeApiServer, tag: str) -> None:
    message = refused(run("deploy", "--yes", "--json", "--", "backend", tag), server, 2, "SY-P060")
    assert "Nothing was changed" in message


def test_what_serves_is_not_deployed(run: Run, server: FakeApiServer) -> None:
    assert "v1" in refused(run("deploy", "backend", "v1", "--yes", "--json"), server, 1, "SY-P061")


@pytest.mark.parametrize(
    ("current", "remedies"),
    [
        (UNFINISHED, ("switchyard resume backend", "switchyard abort backend")),
        (release(phase=Phase.BAKE), ("switchyard retire backend", "switchyard abort backend")),
        (release(kind="switch", phase=Phase.SWITCH), ("switchyard switch backend green",)),
        (
            release(kind="switch", phase=Phase.SWITCH),
            ("switchyard switch backend blue --stack test (stays with blue)",),
        ),
    ],
)
def test_a_release_that_has_not_ended_comes_first(
    run: Run, server: FakeApiServer, current: ReleaseRecord, remedies: tuple[str, ...]
) -> None:
    message = refused(run("deploy", "backend", "v9", "--yes", "--json", current=current), server, 1, "SY-P062")
    assert all(remedy in message for remedy in remedies), message
    assert "by ada" in message


@pytest.mark.parametrize("act", EVERY[1:])
@pytest.mark.parametrize(
    "current", [None, release(result=Result.SUCCEEDED), release(kind="rollback", phase=Phase.SWITCH)]
)
def test_what_does_not_run_is_not_continued_and_not_taken_back(
    run: Run, server: FakeApiServer, act: str, current: ReleaseRecord | None
) -> None:
    refused(run(act, "backend", "--yes", "--json", current=current), server, 1, "SY-P063")


ROLLED_BACK = {"colour": "green", "tag": "v9", "release": "id-0", "at": "2030-01-31T12:00:00Z", "actor": "ada"}


def test_a_version_that_went_back_because_of_another_service_may_be_deployed_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def detach(*_: object) -> Detached:
        return Detached(4711, Path("a.log"), {"backend": "id-1"})

    monkeypatch.setattr("switchyard.cli.deploy_command.detach", detach)
    version = {**ROLLED_BACK, "because": "worker"}
    result = run("deploy", "backend", "v9", "--yes", "--json", "--detach", rolled_back=[version])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("colour", ["green", "blue"])  # a release goes to the idle colour, which is green
def test_a_version_that_was_rolled_back_is_not_deployed_again(run: Run, server: FakeApiServer, colour: str) -> None:
    version = {**ROLLED_BACK, "colour": colour}
    result = run("deploy", "backend", "v9", "--yes", "--json", rolled_back=[version])
    message = refused(result, server, 1, "SY-P005")
    assert "id-0" in message
    path = "switchyard:services.backend.green"
    assert (
        f"To have it serve anyway: pulumi config set --path '{path}.tag' v9 --stack test && "
        f"pulumi config set --path '{path}.replicas' 3 --stack test && pulumi up --stack test && "
        "switchyard switch backend green --stack test"
    ) in message


@pytest.mark.parametrize(
    "current",
    [
        UNFINISHED,
        # Its operator may want the old colour back.
        replace(
            release(phase=Phase.BAKE, held=True).entering(Phase.BAKE, datetime(2020, 1, 31, tzinfo=UTC)), held=True
        ),
    ],
)
def test_nothing_is_due_while_no_release_bakes_or_it_is_held(run: Run, current: ReleaseRecord) -> None:
    result = run("retire", "--due", "--yes", "--json", current=current)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"version": 1, "due": []})


@pytest.mark.parametrize(("tag", "code"), [("v9", 0), ("v1", 1)])
def test_what_is_refused_starts_no_process_without_a_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, tag: str, code: int
) -> None:
    started: list[list[str]] = []

    async def detach(_: list[str], arguments: list[str]) -> Detached:
        started.append(arguments)
        return Detached(4711, Path("a.log"), {"backend": "id-1"})

    monkeypatch.setattr("switchyard.cli.deploy_command.detach", detach)
    result = run("deploy", "backend", tag, "--yes", "--json", "--detach")
    assert result.exit_code == code, result.output
    assert started == ([["deploy", "--stack=test", "--yes", "--", "backend", "v9"]] if code == 0 else [])
    assert json.loads(result.stdout).get("detached", False) is (code == 0)


def test_a_release_is_not_begun_when_another_version_serves_than_was_confirmed() -> None:
    changed = observed(blue=ColourState(Colour.BLUE, "v3", 3, 3))
    assert refuse_other_than_confirmed(observed(), observed()) is None
    for now in (observed(Colour.GREEN), changed):
        assert "(SY-P031)" in str(refuse_other_than_confirmed(observed(), now))


@pytest.mark.parametrize(
    ("typed_now", "begun_with", "expected"), [(True, False, True), (False, True, True), (False,) * 3]
)
def test_a_hotfix_is_in_the_record_of_a_release_and_stays_when_it_is_resumed(
    typed_now: bool, begun_with: bool, expected: bool
) -> None:
    class DeployJournal:
        def new_record(self, *_: object) -> ReleaseRecord:
            return release()

    settings = load({**EXISTING, "kubeconfig": "a"}, {"backend": BACKEND}, "test")
    deploy = DeployRequest(Act.DEPLOY, "backend", "v2", hotfix=typed_now)
    begun = ServiceRelease(deploy, "test", settings, ClusterAccess()).new_record(DeployJournal(), observed())  # type: ignore[arg-type]
    assert begun.hotfix is typed_now
    resume = DeployRequest(Act.RESUME, "backend", hotfix=typed_now)
    current = RecordedReleases(current=release(hotfix=begun_with))
    resumed = ServiceRelease(resume, "test", settings, ClusterAccess()).continued(current)
    assert resumed.hotfix is expected
    assert ReleaseRecord.from_json(resumed.to_json()).hotfix is expected


def test_retire_needs_a_service_or_due(run: Run) -> None:
    result = run("retire", "--yes")
    assert (result.exit_code, "--due" in result.output) == (2, True)
