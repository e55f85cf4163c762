"""Every command that the settings print is pasted, and fixes the error that it answers."""

import ast
import copy
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from switchyard.config import errors as problems
from switchyard.config.commands import below, engine_path, messages_about, remove_value, set_value
from switchyard.config.errors import Problem, SettingsError
from switchyard.config.examples import typing_error
from switchyard.config.loader import load
from switchyard.config.models.cluster import CLUSTER
from switchyard.config.models.releases import RELEASES
from switchyard.config.stack_file import Written, read_stack_file
from switchyard.config.validation import related
from switchyard.config.validation.services import SERVICES as SERVICES_KEY
from tests.support import wrong_clusters, wrong_hooks, wrong_pods, wrong_releases, wrong_rollouts, wrong_services
from tests.support.remedies import commands, pasted, pastes

PROJECT = Path(__file__).resolve().parents[3]
CONFIG = PROJECT / "switchyard" / "config"
ENGINE = PROJECT / ".tools" / "bin" / "pulumi"
TABLES = (wrong_services, wrong_rollouts, wrong_clusters, wrong_pods, wrong_hooks, wrong_releases)
WRONG: dict[str, dict[str, Any]] = {name: config for table in TABLES for name, config in table.WRONG.items()}
"""Configurations with errors; together they break every rule of the settings."""

UNREACHED = frozenset(
    {
        "model_attributes_type",
        "mapping_type",
        "list_type",
        "int_parsing",
        "int_parsing_size",
        "float_parsing",
        "bool_parsing",
        "less_than",
        "int_from_float",
    }
)
"""Kinds of pydantic that its other modes name, and another version may."""


def problems_of(config: dict[str, Any], written: Written | None = None) -> list[Problem]:
    try:
        load(
            config.get(CLUSTER),
            config.get(SERVICES_KEY),
            "test",
            production=config.get("switchyard:production"),
            secret_keys=config.get("secret", ()),
            former=config.get("switchyard:formerStack"),
            written=written,
            keys=[key for key in config if ":" in key],
            raw_releases=config.get(RELEASES),
        )
    except SettingsError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("name", WRONG)
def test_every_command_fixes_its_error(name: str) -> None:
    config = WRONG[name]
    problems = problems_of(config)
    assert problems, "the table has only configurations with errors"
    for problem in problems:
        for together in pastes(problem.remedy):
            left = problems_of(_boolean(functools.reduce(lambda before, line: pasted(line, before), together, config)))
            assert (problem.path, problem.rule) not in {(other.path, other.rule) for other in left}, problem


def _boolean(config: dict[str, Any]) -> dict[str, Any]:
    """With the mark of production as the program reads it: a value of its own is text, `true` or `false`."""
    mark = config.get("switchyard:production")
    return config | {"switchyard:production": {"true": True, "false": False}.get(str(mark), mark)}


@pytest.mark.parametrize("name", WRONG)
def test_no_remedy_has_a_placeholder_or_a_word_behind_its_command(name: str) -> None:
    for problem in problems_of(WRONG[name]):
        assert not any(word in problem.remedy for word in ("VALUE", "NUMBER", "NETWORK", "ACCOUNT", "ID ", "<"))
        assert problem.remedy.count("pulumi config") == len(commands(problem.remedy)), problem.remedy
        if "pulumi config" in problem.remedy:
            assert problem.remedy.endswith(commands(problem.remedy)[-1]), problem.remedy
        assert "hunter2" not in str(problem)


def test_the_table_breaks_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: set[tuple[str, int]] = set()
    kinds: set[str] = set()
    init = Problem.__init__

    def recorded(self: Problem, *args: Any, **kwargs: Any) -> None:
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename == related.__file__:
            frame = frame.f_back  # type: ignore[assignment]
        spoken.add((_file(Path(frame.f_code.co_filename)), frame.f_lineno))
        init(self, *args, **kwargs)

    worded = problems._parts_of_line

    def words(place: Any, details: Any) -> Any:
        kinds.add(details["type"])
        return worded(place, details)

    monkeypatch.setattr(Problem, "__init__", recorded)
    monkeypatch.setattr(problems, "_parts_of_line", words)
    for config in WRONG.values():
        problems_of(config)
    silent = [
        (name, first)
        for name, first, last in _rules()
        if not any(file == name and first <= line <= last for file, line in spoken)
    ]
    ec2, offers = "validation/ec2.py", "validation/offers.py"
    elsewhere = [(ec2, line) for line in _inside(ec2, "refuse_skipped_minor")]
    # AWS is asked for what this rule compares.
    elsewhere += [(offers, line) for line in _inside(offers, "offer_problems")]
    assert sorted(silent) == [("stack_file.py", line) for line in _needing_a_file()] + elsewhere
    assert _kinds() - kinds == UNREACHED


def _file(path: Path) -> str:
    """A source as `_rules` names it, by its path below the package of the configuration."""
    return path.relative_to(CONFIG).as_posix() if path.is_relative_to(CONFIG) else str(path)


def _rules() -> list[tuple[str, int, int]]:
    """Every place in the settings that words an error: file, first line, last line."""
    return [
        (_file(path), call.lineno, call.end_lineno or call.lineno)
        for path in sorted(CONFIG.rglob("*.py"))
        if path.name != "related.py"
        for call in _calls(ast.parse(path.read_text()))
    ]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"Problem", "related_problem"}
        ):
            yield node


def _inside(name: str, function: str) -> list[int]:
    tree = ast.parse((CONFIG / name).read_text())
    [body] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
    return sorted(call.lineno for call in _calls(body))


def _needing_a_file() -> list[int]:
    """Rules that only a stack file can break, which test_stack_file.py has."""
    lines = _inside("stack_file.py", "_different")[1:] + _inside("stack_file.py", "_different_text")[1:]
    return sorted(lines + _inside("stack_file.py", "_different_keys"))


def _kinds() -> set[str]:
    tree = ast.parse((CONFIG / "errors.py").read_text())
    return {
        str(value.value.value)
        for case in ast.walk(tree)
        if isinstance(case, ast.match_case)
        for value in ast.walk(case.pattern)
        if isinstance(value, ast.MatchValue) and isinstance(value.value, ast.Constant)
    }


@pytest.mark.parametrize(
    ("key", "known", "meant"),
    [
        ("nodeport", ["nodePort", "port"], "nodePort"),
        ("node_port", ["nodePort", "port"], "nodePort"),
        ("paht", ["path", "status"], "path"),
        ("replica", ["replicas", "tag"], "replicas"),
        ("envFrom", ["env", "secretEnv", "fieldEnv"], None),
        ("labels", ["tolerations", "podAnnotations"], None),
        ("allowInPlaceUpdates", ["allowInPlaceUpdate"], None),
        ("alowInPlaceUpdate", ["allowInPlaceUpdate"], None),
        ("adoptExistingServices", ["adoptExistingService"], None),
        ("max", ["min", "enabled"], None),
        ("bluee", ["blue", "green"], "blue"),
        ("hosts", ["host", "port"], "host"),
        ("pods", ["port", "path"], None),
    ],
)
def test_only_a_misspelt_key_gets_a_suggestion(key: str, known: list[str], meant: str | None) -> None:
    assert typing_error(key, known) == meant


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (("nodes", "ip-10-0-1-5.internal", "workload"), 'c.nodes["ip-10-0-1-5.internal"].workload'),
        (("routes", 0, "host"), "c.routes[0].host"),
        (("tags", "0"), 'c.tags["0"]'),
        (("tags", 'a"b'), 'c.tags["a\\"b"]'),
        (("tags", "a[b]"), 'c.tags["a[b]"]'),
        (("tags", "a.0.b", 1), 'c.tags["a.0.b"][1]'),
        (("tags", "it's"), "c.tags.it's"),
    ],
)
def test_a_path_is_one_that_the_engine_reads(keys: tuple[int | str, ...], path: str) -> None:
    assert engine_path(below("c", *keys)) == path


@pytest.mark.skipif(not ENGINE.exists(), reason="the engine is not installed")
def test_the_engine_applies_the_commands_as_these_tests_do(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\nruntime: python\n")
    environment = os.environ | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": f"{ENGINE.parent}:{os.environ['PATH']}",
    }

    def run(line: str) -> None:
        subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, env=environment, check=True, capture_output=True)

    run("pulumi stack init test")
    run("pulumi stack init selected")  # and the commands are for the other one
    file = tmp_path / "Pulumi.test.yaml"
    start = {
        CLUSTER: {"kind": "existing", "nodes": {"a.b": {"zone": "x"}}, "old": {"deep": 1}, "steps": [{"weight": 1}]},
        SERVICES_KEY: {"backend": {"analysis": None}},
    }
    paths: list[tuple[tuple[int | str, ...], object, bool]] = [
        (("nodes", "a.b", "0"), "20251105", True),
        (("tags", 'q"uote'), "it's $HOME `x`", True),
        (("tags", "negative"), -5, False),
        (("steps", 1), 4, False),
        (("share",), 0.5, False),
        (("on",), True, False),
    ]
    with messages_about("test"):
        lines = [set_value(below(CLUSTER, *keys), value, text=text) for keys, value, text in paths]
        lines.append(set_value(below(SERVICES_KEY, "backend", "analysis", "prometheus"), "http://prometheus:9090"))
        lines.append(remove_value(below(CLUSTER, "old")))
    expected: dict[str, Any] = copy.deepcopy(start)
    salt = file.read_text()
    file.write_text(yaml.safe_dump(yaml.safe_load(salt) | {"config": start}))
    selected = (tmp_path / "Pulumi.selected.yaml").read_text()
    for line in lines:
        run(line)
        expected = pasted(line, expected)
    assert (tmp_path / "Pulumi.selected.yaml").read_text() == selected
    assert yaml.safe_load(file.read_text())["config"] == expected


def test_a_stack_file_is_found_from_below_its_project(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: switchyard\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "stacks" / "Pulumi.test.yaml").write_text("config: {services: {a: {}}}\n")
    stack_file = read_stack_file(tmp_path / "deep" / "er", "org/project/test", "switchyard")
    assert stack_file is not None
    assert list(stack_file.nodes) == [SERVICES_KEY]
    assert read_stack_file(tmp_path, "other", "switchyard") is None
