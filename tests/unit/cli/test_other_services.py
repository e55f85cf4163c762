"""Errors in the settings of other services: which commands they stop."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli.main import app
from switchyard.cli.status_watch import Configuration
from switchyard.config.loader import StackSettings, load
from switchyard.release.engine.engine import Engine
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import BACKEND, EXISTING

__all__ = ["server"]

WRONG = {**BACKEND, "active": "purple"}
SERVICES = {"backend": BACKEND, "payments": WRONG}
ERROR = "switchyard:services.payments.active: 'purple'"
NAMESPACE = "/api/v1/namespaces/default"

Run = Callable[..., Any]


class FakeState:
    """The outputs of a stack, which no command here waits for."""

    def end(self) -> None:
        pass


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FakeApiServer) -> Run:
    """Runs a command on a stack in which the settings of service `payments` have an error."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.chdir(tmp_path)

    def read(_: str | None, needed: Collection[str] | None = None) -> tuple[str, StackSettings]:
        cluster = {**EXISTING, "kubeconfig": str(server.kubeconfig)}
        return "test", load(cluster, SERVICES, "test", needed=needed)

    for module in ("configuration", "fast_lane", "deploy_command", "drill_command"):
        monkeypatch.setattr(f"switchyard.cli.{module}.read_settings_at_once", read)
    monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeState())
    empty = {"items": [], "metadata": {"resourceVersion": "1"}}
    for path in (
        f"{NAMESPACE}/services",
        f"{NAMESPACE}/configmaps",
        f"{NAMESPACE}/pods",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/apps/v1/namespaces/default/replicasets",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        "/api/v1/nodes",
    ):
        server.answers["GET", path] = (200, empty)
    return lambda *arguments: CliRunner().invoke(app, [arguments[0], "--stack", "test", *arguments[1:]])


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [(("status",), 2), (("history", "backend"), 0), (("report", "backend"), 0), (("report",), 2)],
)
def test_commands_that_only_read_go_on_and_warn(run: Run, command: tuple[str, ...], exit_code: int) -> None:
    for option in ((), ("--json",)):
        result = run(*command, *option)
        assert result.exit_code == exit_code, result.output
        assert "backend" in result.stdout, result.output
    if command != ("status",):
        assert ERROR in result.stderr
        assert (ERROR in result.stdout) is (command == ("report",))


def test_the_status_shows_the_other_services_and_the_error(run: Run) -> None:
    result = run("status")
    assert "payments" not in result.stdout
    assert ERROR in result.stderr
    document = json.loads(run("status", "--json").stdout)
    assert [service["key"] for service in document["services"]] == ["backend"]
    assert document["asConfigured"] is False
    (error,) = document["configurationErrors"]
    assert (error["code"], error["error"].startswith(ERROR)) == ("SY-C002", True)


def test_the_report_of_a_stack_has_the_error_and_that_of_a_service_has_not(run: Run) -> None:
    (error,) = json.loads(run("report", "--json").stdout)["configurationErrors"]
    assert (error["code"], error["error"].startswith(ERROR)) == ("SY-C002", True)
    assert json.loads(run("report", "backend", "--json").stdout)["configurationErrors"] == []


def test_the_history_of_the_service_with_the_error_is_refused(run: Run) -> None:
    result = run("history", "payments")
    assert (result.exit_code, ERROR in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "command", [("deploy", "backend", "v9"), ("resume", "backend"), ("retire", "backend"), ("drill", "backend")]
)
def test_commands_that_need_an_update_are_refused_at_once(
    run: Run, server: FakeApiServer, command: tuple[str, ...]
) -> None:
    result = run(*command, "--yes")
    assert (result.exit_code, ERROR in result.stderr) == (2, True)
    assert server.asked == []


def test_a_watched_service_keeps_its_last_settings_without_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text("config: {}\n")
    monkeypatch.chdir(tmp_path)
    settings = load(EXISTING, {"backend": BACKEND, "payments": BACKEND, "old": BACKEND}, "test")
    configuration = Configuration("test", settings)
    wrong = load(EXISTING, SERVICES, "test", needed=())
    monkeypatch.setattr("switchyard.cli.status_watch.read_settings_at_once", lambda *_: ("test", wrong))
    file.write_text("config: {switchyard:services: {}}\n")
    assert configuration.services() == {key: settings.services[key] for key in ("backend", "payments")}
    assert configuration.problems() == wrong.ignored
