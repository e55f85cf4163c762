"""Every command of the command line is registered, tested and documented."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.toolchain.paths import PROJECT
from switchyard import cli
from switchyard.cli.main import app
from switchyard.errors import ExitCode

COMMANDS = {
    command.name or command.callback.__name__.replace("_", "-"): command.callback.__module__
    for command in app.registered_commands
    if command.callback is not None
}
PAGES = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]


def test_every_command_has_a_file_of_its_own_and_is_registered() -> None:
    names = [module.name for module in pkgutil.iter_modules(cli.__path__) if module.name != "main"]
    modules = {f"{cli.__name__}.{name}": name for name in names}
    commands = {module for module, name in modules.items() if hasattr(importlib.import_module(module), name)}
    assert commands == set(COMMANDS.values()), "register the command in switchyard/cli/main.py"
    assert len(COMMANDS) > 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented(name: str) -> None:
    assert any(f"switchyard {name}" in page.read_text() for page in PAGES), f"no page shows `switchyard {name}`"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_unit_tests(name: str) -> None:
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    mentions = re.compile(rf'switchyard\.cli\.{name.replace("-", "_")}\b|"{name}"')
    assert any(mentions.search(text) for text in tests), f"no test in tests/unit/cli runs `switchyard {name}`"


def test_a_character_that_the_terminal_lacks_does_not_end_a_command() -> None:
    program = (
        "from switchyard.cli import main, output; main.app = lambda: output.console.print('b\\xfcro'); main.main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (ExitCode.OK, b"b\\xfcro\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_has_closed_does_not_end_a_command(closed: str) -> None:
    # Without a terminal it is refused, before the configuration is read.
    command = f"exec {sys.executable} -m switchyard rollback backend --stack test {closed}"
    result = subprocess.run(["sh", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == ExitCode.USAGE, result.stderr
    assert ("SY-P027" in result.stderr) is ("2>&-" not in closed)
