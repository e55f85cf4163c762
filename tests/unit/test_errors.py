"""The tree of errors: one base, a stable code each, and an exit code each."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import switchyard
from switchyard import errors
from switchyard.code_titles import TITLES
from switchyard.codes import Code
from switchyard.errors import ExitCode, SwitchyardError, with_code

ROOT = Path(switchyard.__file__).parent


def tree(base: type[SwitchyardError]) -> Iterator[type[SwitchyardError]]:
    for child in base.__subclasses__():
        yield child
        yield from tree(child)


@pytest.fixture(scope="module")
def classes() -> set[type[SwitchyardError]]:
    for module in pkgutil.walk_packages([str(ROOT)], "switchyard."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return set(tree(SwitchyardError))


def test_the_drawn_error_tree_has_every_error(classes: set[type[SwitchyardError]]) -> None:
    assert errors.__doc__ is not None
    drawn = [line.split("── ")[1].split()[0] for line in errors.__doc__.splitlines() if "── " in line]
    assert sorted(drawn) == sorted(error.__name__ for error in classes)


def test_the_drawn_error_tree_is_drawn_in_two_columns() -> None:
    assert errors.__doc__ is not None
    lines = [line for line in errors.__doc__.splitlines() if "── " in line]
    starts = {re.search(r"── \w+ +(?=\S)", line).end() for line in lines}  # type: ignore[union-attr]
    assert len(starts) == 1


def test_every_error_has_a_code_with_a_title_and_an_exit_code(classes: set[type[SwitchyardError]]) -> None:
    for error in classes:
        assert error.code in TITLES, error
        assert isinstance(error.exit_code, ExitCode)


def test_codes_are_unique_and_each_has_a_title() -> None:
    values = [ast.literal_eval(node.value) for node in _members()]
    assert len(values) == len(set(values)) == len(Code)
    assert set(TITLES) == set(Code)


def _members() -> list[ast.Assign]:
    module = ast.parse((ROOT / "codes.py").read_text())
    code = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Code")
    return [node for node in code.body if isinstance(node, ast.Assign)]


def test_no_exception_class_of_the_package_is_outside_the_tree(classes: set[type[SwitchyardError]]) -> None:
    names = {error.__name__ for error in classes} | {"SwitchyardError"}
    outside = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name not in names
    }
    # Of pydantic's own kind.
    assert outside == {"config/models/nodes.py: _OtherKeysError"}


def test_a_code_is_printed_once() -> None:
    assert with_code(Code.LOGIN_FAILED, "log in") == "SY-K003: log in"
    assert with_code(Code.LOGIN_FAILED, "it failed (SY-K003). Log in") == "it failed (SY-K003). Log in"
