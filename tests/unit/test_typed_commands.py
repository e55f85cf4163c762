"""Every command that a message names works as it is pasted, whichever stack is selected."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from switchyard.cli.main import app
from switchyard.config.commands import messages_about, remove_value, set_value, typed

ROOT = Path(__file__).resolve().parents[2]

COMMAND = re.compile(r"(?<!`)\bswitchyard (?!is\b)(?=[a-z{])")
"""A command in a text. What stands in backticks without arguments only says which command is meant."""

ENGINE = re.compile(r"\bpulumi (?:up|preview|refresh|destroy|cancel|config|stack|state|import)\b")
"""A command of the engine in a text, in backticks or not: `pulumi up` is a whole command, and is pasted as it is."""

SAID = re.compile(r"`switchyard [a-z]+`")

BRINGS_STACK = re.compile(r"\{on\}|--stack \{|\{stack_option\(|\{request.typed\}")
"""How a command of a message brings the stack along that this command was given itself."""

WITHOUT_STACK = {
    "switchyard/cli/configuration.py": "lists and creates stacks where the named one does not exist",
    "switchyard/config/reference.py": "the generated page is about no stack",
    "switchyard/config/models/ec2.py": "a description on that page",
    "switchyard/config/validation/ec2.py": "says of updates that they reach the API server",
}
"""Modules whose texts name commands of the engine that nobody pastes, and why."""

VALUES = {"colour": "green", "target": "green", "to": "green", "kind": "switch", "act": "switch", "tag": "v2.0.0"}
"""What a placeholder stands for, by the last part of its name; everything else is a service."""


def templates(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The texts of a module, with what is filled in between braces."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in inside | documented:
            yield node, text_of(node)


def text_of(node: ast.expr) -> str:
    """The text of an expression, with what is filled in between braces."""
    match node:
        case ast.JoinedStr():
            return "".join(map(text_of, node.values))
        case ast.FormattedValue():
            filled = ast.unparse(node.value)
            return "{typed}" if filled.startswith("typed(") else f"{{{filled}}}"
        case ast.Constant(str(value)):
            return value
        case ast.BinOp():
            return text_of(node.left) + text_of(node.right)
        case ast.IfExp():
            return text_of(node.body)
    return ""


MODULES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text())
    for folder in ("switchyard", "components")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
"""Syntax trees by path."""


def built(tree: ast.AST) -> list[ast.expr]:
    """The arguments of all calls of `typed`."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "typed" and call.args]


def test_no_message_names_a_command_without_its_stack() -> None:
    forgotten = []
    for name, tree in MODULES.items():
        within = {id(node) for argument in built(tree) for node in ast.walk(argument)}
        for node, text in templates(tree):
            _, *rests = COMMAND.split(SAID.sub("", text))
            if id(node) not in within and not all(BRINGS_STACK.search(rest) for rest in rests):
                forgotten.append(f"{name}:{getattr(node, 'lineno', 0)}: {text}")
    assert forgotten == []


def test_no_message_names_a_command_of_the_engine_without_its_stack() -> None:
    forgotten = []
    for name, tree in MODULES.items():
        within = {id(node) for argument in built(tree) for node in ast.walk(argument)}
        for node, text in templates(tree):
            _, *rests = ENGINE.split(text)
            if name not in WITHOUT_STACK and id(node) not in within and not all(map(BRINGS_STACK.search, rests)):
                forgotten.append(f"{name}:{getattr(node, 'lineno', 0)}: {text}")
    assert forgotten == []


def lines() -> list[str]:
    """Every command that is built, with an example of what is filled in."""

    def filled(match: re.Match[str]) -> str:
        expression = match.group(1)
        if "join" in expression:
            return "backend worker"
        name = next(iter(re.findall(r"[a-z_]+", expression.rpartition(".")[2])), "")
        return VALUES.get(name, "backend" if "colour" not in expression else " green")

    return [
        re.sub(r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", filled, text)
        for tree in MODULES.values()
        for argument in built(tree)
        for text in [text_of(argument)]
        if text.startswith("switchyard ")
    ]


@pytest.mark.parametrize("line", sorted(set(lines())))
def test_every_command_that_a_message_names_is_one_for_that_stack(line: str) -> None:
    with messages_about("production"):
        pasted = typed(line)
    words = shlex.split(pasted)
    group: Any = typer.main.get_command(app)
    context = group.commands[words[1]].make_context(words[1], words[2:])
    assert context.params["stack"] == "production"


def test_all_commands_of_messages_are_known_to_the_test_above() -> None:
    assert len(lines()) > 30


def test_commands_that_change_the_configuration_are_for_that_stack() -> None:
    with messages_about("production"):
        lines = [set_value("a.b", 1), set_value("a.b", -0.5), set_value("a.b", None), remove_value("a.b")]
    assert lines == [
        "pulumi config set --path 'a.b' 1 --stack production",
        "pulumi config set --path --type float --stack production 'a.b' -- -0.5",  # a flag behind -- is a word
        "pulumi config set --path 'a.b' --type string --stack production",
        "pulumi config rm --path 'a.b' --stack production",
    ]


def test_a_stack_whose_name_the_shell_would_read_is_quoted() -> None:
    with messages_about("a b"):
        assert typed("switchyard status") == "switchyard status --stack 'a b'"
    assert typed("switchyard status") == "switchyard status"
