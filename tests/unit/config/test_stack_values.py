"""The stack file read without the engine: the same values as by the engine, or none at all."""

from pathlib import Path
from typing import Any

import pytest

from switchyard.config.stack_file import read_stack_file
from switchyard.config.stack_values import Project, read_project, stack_values
from tests.unit.config.test_stack_file import ALTERED, KEPT, SERVICE

PROJECT = "name: shop\nruntime: python\n"


def values(directory: Path, text: str, project: str = PROJECT) -> dict[str, Any] | None:
    (directory / "Pulumi.yaml").write_text(project)
    (directory / "Pulumi.test.yaml").write_text(text)
    return stack_values(read_stack_file(directory, "org/shop/test", "switchyard"), read_project(directory))


def test_a_plain_stack_file_is_read_as_the_engine_reads_it(tmp_path: Path) -> None:
    text = f"{SERVICE}      command: [run, '1', \"true\"]\n  switchyard:production: true\n"
    read = values(tmp_path, text)
    assert read == {
        "switchyard:cluster": {"kind": "existing"},
        "switchyard:services": {
            "backend": {
                "image": "ghcr.io/org/backend",
                "active": "blue",
                "blue": {"tag": "v1.0.0", "replicas": 3},
                "command": ["run", "1", "true"],
            }
        },
        "switchyard:production": True,
    }


@pytest.mark.parametrize(("text", "arrives"), [(text, arrives) for text, arrives, _ in ALTERED])
def test_a_value_that_yaml_alters_is_the_engines_or_left_to_it(tmp_path: Path, text: str, arrives: object) -> None:
    read = values(tmp_path, f"config:\n  switchyard:services:\n    backend:\n      env: {{A: 1}}\n      tag: {text}\n")
    if read is not None:
        tag = read["switchyard:services"]["backend"]["tag"]
        assert (tag, type(tag)) == (arrives, type(arrives))


@pytest.mark.parametrize("text", [text for text in KEPT if not text.startswith("!!")])
def test_a_value_that_yaml_keeps_is_kept(tmp_path: Path, text: str) -> None:
    read = values(tmp_path, f"config:\n  switchyard:services:\n    backend:\n      tag: {text}\n")
    assert read is not None
    assert read["switchyard:services"]["backend"]["tag"] == text.strip("'\"")


@pytest.mark.parametrize(
    "text",
    [
        "environment: [prod]\n" + SERVICE,
        "config:\n  switchyard:cluster:\n    secure: v1:abc\n",
        "config:\n  switchyard:services:\n    backend: {env: {A: {secure: v1:abc}}}\n",
        "config:\n  switchyard:services:\n    1: {image: a}\n",
        "config:\n  switchyard:services:\n    backend: {tag: 2.0}\n",
        "config:\n  switchyard:services:\n    backend: {tag: !!str 5}\n",
    ],
    ids=["environment", "secret", "secret below", "key that is a number", "number with a point", "tag of YAML"],
)
def test_what_only_the_engine_can_read_is_left_to_it(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, text) is None


def test_values_of_the_project_are_left_to_the_engine_unless_the_stack_has_its_own(tmp_path: Path) -> None:
    declared = (
        "config:\n  switchyard:services: {type: object}\n  switchyard:production: {type: boolean, default: true}\n"
    )
    assert values(tmp_path, SERVICE, PROJECT + declared) is None
    assert values(tmp_path, f"{SERVICE}  switchyard:production: false\n", PROJECT + declared) is not None


def test_a_project_is_found_above_and_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "below").mkdir()
    assert read_project(tmp_path / "below") == Project("shop")
    (tmp_path / "Pulumi.yaml").write_text("runtime: [\n")
    assert read_project(tmp_path) is None


def test_without_a_stack_file_or_a_project_the_engine_is_asked(tmp_path: Path) -> None:
    assert stack_values(None, Project("shop")) is None
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "Pulumi.test.yaml").write_text(SERVICE)
    assert stack_values(read_stack_file(tmp_path, "test", "switchyard"), None) is None


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  switchyard:services:\n    backend: {active: blue, active: green}\n",
        "config:\n  switchyard:services:\n    backend: {env: {A: x, 'A': y}}\n",
        "config:\n  switchyard:services: {a: {}}\n  switchyard:services: {b: {}}\n",
        "config:\n  switchyard:services: {a: {}}\nconfig:\n  switchyard:services: {b: {}}\n",
    ],
)
def test_a_file_with_a_key_twice_is_left_to_the_engine_which_refuses_it(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, text) is None


def test_a_key_with_and_without_its_namespace_is_left_to_the_engine(tmp_path: Path) -> None:
    text = "config:\n  shop:region: a\n  region: b\n"
    assert values(tmp_path, text) is None


def test_a_key_without_a_namespace_is_the_projects(tmp_path: Path) -> None:
    read = values(tmp_path, "config:\n  services: {a: x}\n  switchyard:services: {b: x}\n")
    assert read == {"shop:services": {"a": "x"}, "switchyard:services": {"b": "x"}}
    assert values(tmp_path, "config:\n  services: {a: x}\n", "name: switchyard\n") == {
        "switchyard:services": {"a": "x"}
    }
