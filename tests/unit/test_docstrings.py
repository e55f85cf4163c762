"""Docstrings stand alone: an editor shows them beside a name, without the lines around it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

FRAGMENT = re.compile(r"(Of|Those|The same|As|That of)\b")
"""Beginning of a docstring that continues another one."""

ENTRY = re.compile(r"\s+\*{0,2}\w+: (of|those|the same|as|that|whose|which)\b")
"""Argument or attribute whose description has no noun."""

SECTIONS = {"Args:", "Attributes:"}


def texts(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields each docstring, those of variables included, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value, node.lineno


def entries(text: str) -> Iterator[tuple[str, int]]:
    """Yields the lines of the sections of arguments and attributes, with their place in the docstring."""
    section = ""
    for number, line in enumerate(text.splitlines()):
        if re.fullmatch(r"[A-Z]\w+:", line.strip()):
            section = line.strip()
        elif section in SECTIONS:
            yield line, number


def fragments(path: Path) -> list[str]:
    """Path, line and text of each docstring or entry of a file that does not stand alone."""
    lines = []
    for text, start in texts(ast.parse(path.read_text())):
        if FRAGMENT.match(text):
            lines.append(f"{path}:{start}: {text.splitlines()[0]}")
        lines += [f"{path}:{start + number}: {line.strip()}" for line, number in entries(text) if ENTRY.match(line)]
    return lines


def test_every_docstring_stands_alone() -> None:
    folders = ("switchyard", "components", "devtools", "examples", "tests")
    files = [*PROJECT.glob("*.py"), *(file for folder in folders for file in (PROJECT / folder).rglob("*.py"))]
    assert len(files) > 1000
    assert [line for file in files for line in fragments(file)] == []


def test_a_fragment_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "fragments.py"
    file.write_text(
        'LIMIT = 3\n"""Of each kind."""\n\n'
        'def pods(name: str) -> None:\n    """Lists pods.\n\n    Args:\n        name: of the service.\n    """\n'
    )
    assert [line.rpartition(": ")[2] for line in fragments(file)] == ["Of each kind.", "of the service."]
    file.write_text('LIMIT = 3\n"""Number of pods.\n\nReturns:\n    pods: as before.\n"""\n')
    assert fragments(file) == []
