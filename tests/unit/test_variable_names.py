"""Variables and parameters of the code that ships are nouns of its domain, and not words that say nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [
    ROOT / "__main__.py",
    *(path for folder in ("switchyard", "components", "examples") for path in (ROOT / folder).rglob("*.py")),
]

VAGUE = frozenset({"found", "given", "made", "one", "said", "seen", "there", "told", "way", "what"})
"""Names that do not say what the value is."""


def variables(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields the name and line of each variable and parameter."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def vague(path: Path) -> list[str]:
    """Path, line and name of each vague variable of a file."""
    tree = ast.parse(path.read_text())
    return [f"{path}:{line}: {name}" for name, line in variables(tree) if name in VAGUE]


def test_no_variable_that_ships_has_a_vague_name() -> None:
    assert len(SHIPPED) > 200
    assert [line for path in SHIPPED for line in vague(path)] == []


def test_a_vague_variable_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "vague.py"
    file.write_text("def pods(found: int) -> int:\n    one = found\n    return one\n")
    assert sorted(line.rpartition(" ")[2] for line in vague(file)) == ["found", "one"]
