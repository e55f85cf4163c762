"""Failures of the engine when the command line reads a stack's configuration."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from switchyard.cli import configuration
from switchyard.cli.configuration import read_settings, read_settings_at_once
from switchyard.errors import ConfigurationError, EngineError
from tests.support.configuration import BACKEND, EXISTING


def failing(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    class Failing:
        def __init__(self, stack: str | None) -> None:
            self.stack = stack

        def stack_name(self) -> str:
            raise EngineError(message)

        def config(self) -> dict[str, Any]:
            raise EngineError(message)

    monkeypatch.setattr(configuration, "Engine", Failing)
    monkeypatch.delenv(configuration.SELECTED, raising=False)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


Read = Callable[[str | None], Any]


@pytest.mark.parametrize("read", [read_settings, read_settings_at_once])
def test_outside_a_project_the_directory_is_named(read: Read, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    failing(
        monkeypatch, "error: no Pulumi.yaml project file found. If you have not created a project, use `pulumi new`"
    )
    with pytest.raises(ConfigurationError) as error:
        read(None)
    assert str(error.value).startswith(f"no Pulumi.yaml is in {directory} or above it. Change to the directory")
    assert "pulumi new" not in str(error.value)


@pytest.mark.parametrize("read", [read_settings, read_settings_at_once])
@pytest.mark.parametrize("stack", [None, "production"])
def test_a_directory_that_was_deleted_is_reported(
    read: Read, stack: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match=r"no longer exists\. Change to the directory of the project"):
        read(stack)


@pytest.mark.parametrize("read", [read_settings, read_settings_at_once])
def test_an_unknown_stack_is_refused_with_how_to_list_the_stacks(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "error: no stack named 'nope' found")
    with pytest.raises(ConfigurationError, match=r"named 'nope' found\. The stacks that exist: pulumi stack ls\."):
        read("nope")


def test_other_failures_keep_the_engines_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "error: the backend is locked")
    with pytest.raises(ConfigurationError, match=r"^error: the backend is locked$"):
        read_settings(None)
    with pytest.raises(ConfigurationError, match=r"^error: the backend is locked Or name the stack: --stack NAME$"):
        read_settings_at_once(None)


@pytest.mark.parametrize("stack", ["production", "org/shop/production"])
def test_a_stack_with_its_organization_has_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, directory: Path, stack: str
) -> None:
    failing(monkeypatch, "the file says it")
    (directory / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    config = {"switchyard:cluster": EXISTING, "switchyard:services": {"backend": BACKEND}}
    (directory / "Pulumi.production.yaml").write_text(json.dumps({"config": config}))
    name, settings = read_settings_at_once(stack)
    assert (name, settings.production, [*settings.services]) == (stack, True, ["backend"])
