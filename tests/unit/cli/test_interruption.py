"""Ctrl-C: every command says what serves and what to type, and prints one document with `--json`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from switchyard.cli import interruption
from switchyard.cli.main import app
from switchyard.config.loader import load
from switchyard.config.models.service import Colour
from switchyard.errors import ConfigurationError, EngineError
from switchyard.release.engine.engine import Engine
from tests.support.api_server import FakeApiServer, server
from tests.support.configuration import EXISTING
from tests.support.lane_command import BACKEND, SERVICES, FakeAnswer
from tests.support.observed import live

__all__ = ["server"]

COMMANDS = [
    ("fast_lane.run", ("switch", "backend", "green"), "switchyard switch backend green --stack test"),
    ("fast_lane.run", ("rollback", "backend"), "switchyard rollback backend --stack test"),
    ("together_command.run", ("switch", "backend", "worker", "--together"), "switch backend worker --together --stack"),
    ("deploy_command.run", ("deploy", "backend", "v2"), "switchyard resume backend --stack test"),
    ("deploy_command.run", ("abort", "backend"), "switchyard abort backend --stack test"),
    ("deploy_command.run", ("deploy", "backend=v2", "worker=v3", "--together"), "switchyard resume backend --stack"),
    ("drill_command.run", ("drill", "backend"), "switchyard rollback backend --stack test"),
    ("deploy_command.run_due", ("retire", "--due"), "switchyard retire --due --stack test"),
]


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "begin_outputs", lambda _: FakeAnswer("{}"))


def end(monkeypatch: pytest.MonkeyPatch, place: str, arguments: Sequence[str], *options: str) -> Any:
    monkeypatch.setattr(f"switchyard.cli.{place}", interrupted)
    yes = [] if arguments[0] in {"status", "history", "report"} else ["--yes"]
    return CliRunner().invoke(app, [*arguments, *yes, "--stack", "test", *options])


@pytest.mark.parametrize(("place", "arguments", "remedy"), COMMANDS)
def test_ctrl_c_prints_one_document_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch, place: str, arguments: tuple[str, ...], remedy: str
) -> None:
    monkeypatch.setattr(interruption, "_read_serving", lambda keys, _: dict.fromkeys(keys, "blue"))
    result = end(monkeypatch, place, arguments, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["code"], document["exitCode"]) == (1, "SY-X009", 1)
    assert document["error"].startswith("Interrupted (SY-X009). ")
    assert remedy in document["error"]
    if "--due" in arguments:
        assert "serving" not in document
    else:
        assert set(document["serving"].values()) == {"blue"}
        assert "backend serves blue." in document["error"]


@pytest.mark.parametrize(("place", "arguments", "remedy"), COMMANDS)
def test_ctrl_c_says_the_same_to_people_where_nothing_can_be_read(
    monkeypatch: pytest.MonkeyPatch, place: str, arguments: tuple[str, ...], remedy: str
) -> None:
    monkeypatch.setattr(interruption, "_read_serving", lambda keys, _: dict.fromkeys(keys))
    result = end(monkeypatch, place, arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert remedy in result.stderr
    assert "switchyard status --stack test" in result.stderr


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("fast_lane.run", ("rollback", "backend")),
        ("fast_lane.run", ("switch", "backend", "green")),
        ("together_command.run", ("rollback", "backend", "worker", "--together")),
    ],
)
def test_the_command_that_continues_has_the_options_of_the_interrupted_one(
    monkeypatch: pytest.MonkeyPatch, place: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(interruption, "_read_serving", lambda keys, _: dict.fromkeys(keys))
    result = end(monkeypatch, place, arguments, "--reason", "500s on /pay", "--override", "it works", "--wait")
    _, remedy = " ".join(result.stderr.split()).split("again: ")
    assert remedy.startswith(f"switchyard {' '.join(arguments)} ")
    for option in ("--reason '500s on /pay'", "--override 'it works'", "--wait", "--stack test"):
        assert option in remedy


@pytest.mark.parametrize("command", [("status",), ("history", "backend"), ("report", "backend")])
def test_ctrl_c_of_a_command_that_reads_says_that_nothing_was_changed(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    result = end(monkeypatch, "configuration.read_settings_at_once", command, "--json")
    assert json.loads(result.stdout) == {
        "error": "Interrupted (SY-X009). Nothing was changed.",
        "code": "SY-X009",
        "exitCode": 1,
    }


def read_serving(monkeypatch: pytest.MonkeyPatch, server: FakeApiServer, *keys: str) -> dict[str, str | None]:
    settings = load({**EXISTING, "kubeconfig": str(server.kubeconfig)}, {"backend": BACKEND}, "test")
    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", lambda *_: ("test", settings))
    return interruption._read_serving(keys, "test")


def test_what_serves_is_read_from_the_cluster(monkeypatch: pytest.MonkeyPatch, server: FakeApiServer) -> None:
    server.answers["GET", f"{SERVICES}/services/backend"] = (200, live(Colour.GREEN))
    assert read_serving(monkeypatch, server, "backend") == {"backend": "green"}
    assert read_serving(monkeypatch, server, "other") == {"other": None}


def test_errors_in_the_settings_of_another_service_do_not_hide_what_serves(
    monkeypatch: pytest.MonkeyPatch, server: FakeApiServer, tmp_path: Path
) -> None:
    server.answers["GET", f"{SERVICES}/services/backend"] = (200, live(Colour.GREEN))
    services = {"backend": BACKEND, "payments": {**BACKEND, "active": "purple"}}
    config = {"switchyard:cluster": {**EXISTING, "kubeconfig": str(server.kubeconfig)}, "switchyard:services": services}
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(json.dumps({"config": config}))
    monkeypatch.chdir(tmp_path)
    assert interruption._read_serving(("backend",), "test") == {"backend": "green"}
    assert interruption._read_serving(("payments",), "test") == {"payments": None}


def test_the_abort_that_is_to_be_typed_again_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_read_serving", lambda keys, _: dict.fromkeys(keys))
    result = end(monkeypatch, "deploy_command.run", ("abort", "backend"), "--reason", "500s on /pay")
    assert "switchyard abort backend --reason '500s on /pay' --stack test" in " ".join(result.stderr.split())


def test_a_cluster_that_does_not_answer_does_not_keep_the_operator_waiting(
    monkeypatch: pytest.MonkeyPatch, server: FakeApiServer
) -> None:
    monkeypatch.setattr(interruption, "SERVING_SECONDS", 1)
    server.silent.add("/version/")
    assert read_serving(monkeypatch, server, "backend") == {"backend": None}
    assert server.asked == [("GET", "/version/")]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EngineError("no state"), ConfigurationError("no file")])
def test_what_cannot_be_read_is_not_known(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read(*_: object) -> None:
        raise error

    monkeypatch.setattr("switchyard.cli.configuration.read_settings_at_once", read)
    assert interruption._read_serving(("backend",), None) == {"backend": None}
