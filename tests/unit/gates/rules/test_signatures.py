"""Every refusal is a rule, pure, and answers a `Refusal` or None.

It is in `switchyard.gates.rules`, or, where it is about a command of a release, in a module of `switchyard.release`
whose name ends in `refusals`.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from switchyard.gates import rules
from switchyard.gates.rules.refusal import Refusal

ROOT = Path(__file__).resolve().parents[4]
FOLDER = ROOT / "switchyard" / "gates" / "rules"
OF_COMMANDS = sorted((ROOT / "switchyard" / "release").rglob("*refusals.py"))
NAMES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in OF_COMMANDS]
OF_GATES = [
    importlib.import_module(f"{rules.__name__}.{module.name}") for module in pkgutil.iter_modules([str(FOLDER)])
]
MODULES = [*OF_GATES, *(importlib.import_module(name) for name in NAMES)]
REFUSALS: dict[str, Callable[..., object]] = {
    name: function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if name.startswith("refuse_") and function.__module__ == module.__name__
}


OUTSIDE = {
    path: path.read_text()
    for package in ("switchyard", "components")
    for path in (ROOT / package).rglob("*.py")
    if FOLDER not in path.parents and path not in OF_COMMANDS
}
"""Text of every file of the program that is not one of the rules."""


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal_is_an_ordinary_function_that_returns_a_refusal_or_none(name: str) -> None:
    function = REFUSALS[name]
    assert not inspect.iscoroutinefunction(function)
    assert inspect.signature(function).return_annotation in {Refusal, Refusal | None, list[Refusal]}


def test_no_refusal_is_built_outside_of_the_rules() -> None:
    building = re.compile(r"\bRefusal\(|\bRefusal as ")
    assert [path for path, text in OUTSIDE.items() if building.search(text)] == []


def test_every_refusal_is_used_outside_of_the_rules() -> None:
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for text in OUTSIDE.values()
        if "refuse_" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    assert len(REFUSALS) > 40
    assert REFUSALS.keys() - used == set(), "no gate in switchyard/gates calls these"
