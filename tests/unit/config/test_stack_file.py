"""A value that YAML has altered is never deployed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from switchyard.config.errors import Problem, SettingsError
from switchyard.config.loader import StackSettings, load
from switchyard.config.stack_file import Written, read_stack_file
from switchyard.config.validation.services import SERVICES

ENGINE = Path(__file__).resolve().parents[3] / ".tools" / "bin" / "pulumi"
SERVICE = """
config:
  switchyard:cluster: {kind: existing}
  switchyard:services:
    backend:
      image: ghcr.io/org/backend
      active: blue
      blue: {tag: v1.0.0, replicas: 3}
"""

ALTERED: list[tuple[str, Any, str | None]] = [
    ("2.0", 2, "2.0"),
    ("0123456", 42798, "0123456"),
    ("1_000", 1000, "1_000"),
    ("0x1F", 31, "0x1F"),
    ("0o17", 15, "0o17"),
    ("0b11", 3, "0b11"),
    ("1e3", 1000, "1e3"),
    (".5", 0.5, ".5"),
    ("1.10", 1.1, "1.10"),
    ("+5", 5, "+5"),
    ("12345678901234567890", 12345678901234567000, "12345678901234567890"),
    ("2024-11-20", "2024-11-20 00:00:00 +0000 UTC", "2024-11-20"),
    ("2024-11-20T10:00:00Z", "2024-11-20 10:00:00 +0000 UTC", "2024-11-20T10:00:00Z"),
    ("2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.1 -0500 -0500", "2001-12-14t21:59:43.10-05:00"),
    ("True", True, "True"),
    ("false", False, "false"),
    ("~", None, None),
    ("", None, None),
    ("!!binary aGVsbG8=", "hello", None),
]
"""What is written, what arrives, and what the remedy sets. What arrives is from `pulumi config --json` of 3.250."""

KEPT = [
    "yes",
    "no",
    "on",
    "off",
    "y",
    "22:30",
    "1:30",
    "_1",
    "0o8",
    "v1.0",
    "1.2.3",
    "'2.0'",
    '"2024-11-20"',
    "!!str 5",
]
"""Without quotes or with, the engine leaves these as they are written."""


def stack_file(tmp_path: Path, text: str) -> Written:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(text)
    written = read_stack_file(tmp_path, "test", "switchyard")
    assert written is not None
    return written


@pytest.mark.parametrize("stack", ["test", "shop/test", "org/shop/test"])
def test_a_stack_with_its_organization_has_the_file_of_its_name(tmp_path: Path, stack: str) -> None:
    stack_file(tmp_path, "config: {switchyard:production: true}\n")
    assert read_stack_file(tmp_path, stack, "switchyard") is not None
    assert read_stack_file(tmp_path, f"{stack}/other", "switchyard") is None


def arrived(**values: Any) -> dict[str, Any]:
    blue = {"tag": "v1.0.0", "replicas": 3}
    return {"backend": {"image": "ghcr.io/org/backend", "active": "blue", "blue": blue} | values}


def problems_of(services: Any, written: Written | None) -> list[Problem]:
    try:
        load({"kind": "existing"}, services, "test", written=written)
    except SettingsError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(("text", "value", "meant"), ALTERED)
@pytest.mark.parametrize("place", ["podAnnotations", "env"])
def test_text_that_yaml_altered_is_refused(
    tmp_path: Path, place: str, text: str, value: Any, meant: str | None
) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      {place}: {{A: {text}}}\n")
    [problem] = problems_of(arrived(**{place: {"A": value}}), written)
    assert problem.path == f"switchyard:services.backend.{place}.A"
    if place == "env":
        assert problem.value == "(not shown)"
        assert len(text) < 3 or text not in str(problem).replace("made a boolean", "")
    elif meant is not None:
        assert f"{place}.A' {meant}" in problem.remedy


@pytest.mark.parametrize(("text", "value", "meant"), ALTERED)
def test_text_that_yaml_altered_is_refused_without_the_file_too(text: str, value: Any, meant: str | None) -> None:
    refused = problems_of(arrived(env={"A": value}), None)
    assert bool(refused) == (text != "!!binary aGVsbG8=")


@pytest.mark.parametrize(("text", "value", "meant"), ALTERED)
@pytest.mark.parametrize("other", [None, "7", "x"])
def test_a_remedy_sets_only_what_was_written(
    tmp_path: Path, text: str, value: Any, meant: str | None, other: str | None
) -> None:
    written = None if other is None else stack_file(tmp_path, f"{SERVICE}      podAnnotations: {{A: {other}}}\n")
    for problem in problems_of(arrived(podAnnotations={"A": value}), written):
        assert "podAnnotations.A' --type string" in problem.remedy or value is None, text
        assert meant is None or meant not in problem.remedy


@pytest.mark.parametrize(
    ("tag", "colour"), [(1000, "blue"), (1234000000000000, "green"), (2.5, "blue"), (True, "blue")]
)
def test_the_remedy_asks_for_a_tag_that_yaml_altered_in_an_unknown_file(tag: Any, colour: str) -> None:
    [problem] = problems_of(arrived(**{colour: {"tag": tag, "replicas": 3}}), None)
    assert problem.remedy.endswith(f"pulumi config set --path 'switchyard:services.backend.{colour}.tag' --type string")


def test_a_stack_file_of_another_name_is_read(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(f"{SERVICE}      podAnnotations: {{A: 1e3}}\n")
    written = read_stack_file(tmp_path, "test", "switchyard", other)
    [problem] = problems_of(arrived(podAnnotations={"A": 1000}), written)
    assert problem.remedy.endswith("podAnnotations.A' 1e3")


def test_a_stack_file_in_the_environment_is_read_as_by_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_file(tmp_path, SERVICE)
    (tmp_path / "other.yaml").write_text(f"{SERVICE}      podAnnotations: {{A: 1e3}}\n")
    monkeypatch.setenv("PULUMI_OPTION_CONFIG_FILE", "other.yaml")
    [problem] = problems_of(arrived(podAnnotations={"A": 1000}), read_stack_file(tmp_path, "test", "switchyard"))
    assert problem.remedy.endswith("podAnnotations.A' 1e3")


@pytest.mark.parametrize("text", KEPT)
def test_text_that_yaml_leaves_alone_is_taken(tmp_path: Path, text: str) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      env: {{A: {text}}}\n")
    assert not problems_of(arrived(env={"A": text.removeprefix("!!str ").strip("'\"")}), written)


@pytest.mark.parametrize(
    ("text", "value", "meant"),
    [("010", 8, "10"), ("0x10", 16, "16"), ("1_0", 10, "10"), ("0b11", 3, "3"), ("0o17", 15, "15"), ("007", 7, "7")],
)
def test_a_number_that_reads_as_another_is_refused(tmp_path: Path, text: str, value: int, meant: str) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      revisionHistoryLimit: {text}\n")
    [problem] = problems_of(arrived(revisionHistoryLimit=value), written)
    assert str(problem) == (
        f"switchyard:services.backend.revisionHistoryLimit: {text}: YAML reads this as the number {value}, line 9 of "
        "Pulumi.test.yaml. Write the number that you mean in plain digits. "
        f"Set it: pulumi config set --path 'switchyard:services.backend.revisionHistoryLimit' {meant}"
    )


@pytest.mark.parametrize(("text", "meant"), [("0400", 256), ("0o440", 288), ("0_644", 420)])
def test_the_octal_mode_of_a_file_is_what_was_meant(tmp_path: Path, text: str, meant: int) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      volumes: {{a: {{secret: {{name: a, defaultMode: {text}}}}}}}\n")
    volumes = {"a": {"secret": {"name": "a", "defaultMode": meant}}}
    [problem] = problems_of(arrived(volumes=volumes), written)
    assert problem.remedy.endswith(f"volumes.a.secret.defaultMode' {meant}")


@pytest.mark.parametrize(("mode", "meant"), [("0400", 256), ("0o440", 288), ("644", 420), (644, 420), (755, 493)])
def test_a_mode_in_octal_digits_is_proposed_as_the_decimal_number(mode: Any, meant: int) -> None:
    [problem] = problems_of(arrived(volumes={"a": {"secret": {"name": "a", "defaultMode": mode}}}), None)
    assert problem.remedy.endswith(f"volumes.a.secret.defaultMode' {meant}")


@pytest.mark.parametrize("text", ["5", "+5", "5.0", "0.5e1"])
def test_a_number_that_every_reader_takes_for_the_same_is_taken(tmp_path: Path, text: str) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      revisionHistoryLimit: {text}\n")
    assert not problems_of(arrived(revisionHistoryLimit=5), written)


def test_a_quantity_in_another_notation_is_refused(tmp_path: Path) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      resources: {{limits: {{cpu: 1_0, memory: 1}}}}\n")
    limits = {"limits": {"cpu": 10, "memory": 10**9}}
    assert [problem.path.rpartition(".")[2] for problem in problems_of(arrived(resources=limits), written)] == ["cpu"]


def test_a_key_that_yaml_takes_for_a_number_is_refused(tmp_path: Path) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      podAnnotations: {{010: x, True: y, '011': z}}\n")
    problems = problems_of(arrived(podAnnotations={"8": "x", "true": "y", "011": "z"}), written)
    assert [problem.path.partition("podAnnotations")[2] for problem in problems] == [".True", '["010"]']


def test_values_behind_anchors_and_merges_are_found(tmp_path: Path) -> None:
    text = f"{SERVICE}      env: &all {{<<: [{{A: 2.0, B: b}}, {{A: x}}], C: c}}\n"
    scalars = stack_file(tmp_path, text).scalars(SERVICES)
    assert scalars["switchyard:services.backend.env.A"].text == "2.0"
    assert scalars["switchyard:services.backend.env.C"].text == "c"


def test_a_file_that_does_not_match_the_configuration_is_ignored(tmp_path: Path) -> None:
    written = stack_file(tmp_path, f"{SERVICE}      revisionHistoryLimit: 010\n")
    assert not problems_of(arrived(revisionHistoryLimit=10), written)


@pytest.mark.parametrize("text", ["config: [", "config:\n\t- a", "", "[]", "config: 5"])
def test_a_file_that_cannot_be_read_is_left_to_the_engine(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\n")
    (tmp_path / "Pulumi.test.yaml").write_text(text)
    written = read_stack_file(tmp_path, "test", "switchyard")
    assert written is None or not written.nodes


@pytest.mark.skipif(not ENGINE.exists(), reason="the engine is not installed")
def test_the_engine_alters_the_values_as_these_tests_assume(tmp_path: Path) -> None:
    lines = [f"        A{number}: {text}\n" for number, (text, _, _) in enumerate(ALTERED)]
    lines += [f"        K{number}: {text}\n" for number, text in enumerate(KEPT)]
    written = stack_file(tmp_path, f"{SERVICE}      podAnnotations:\n{''.join(lines)}      env: {{T: 2.0}}\n")
    environment = os.environ | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    (tmp_path / ".pulumi" / "stacks" / "switchyard").mkdir(parents=True)
    (tmp_path / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    (tmp_path / ".pulumi" / "stacks" / "switchyard" / "test.json").write_text('{"version": 3, "checkpoint": {}}')
    command = [str(ENGINE), "config", "--json", "--stack", "test"]
    said = subprocess.run(command, cwd=tmp_path, env=environment, check=True, text=True, capture_output=True).stdout
    values = json.loads(said)["switchyard:services"]["objectValue"]["backend"]
    annotations = values["podAnnotations"]
    assert [annotations[f"A{number}"] for number in range(len(ALTERED))] == [value for _, value, _ in ALTERED]
    plain = [text.removeprefix("!!str ").strip("'\"") for text in KEPT]
    assert [annotations[f"K{number}"] for number in range(len(KEPT))] == plain
    problems = problems_of({"backend": values}, written)
    assert len(problems) == len(ALTERED) + 1


def test_a_configuration_without_a_file_is_taken() -> None:
    settings = load({"kind": "existing"}, arrived(), "test")
    assert isinstance(settings, StackSettings)
