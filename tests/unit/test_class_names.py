"""A public class name means one thing, in whatever module a reader meets it."""

import ast
from collections import defaultdict
from pathlib import Path

from devtools.toolchain.paths import PROJECT


def test_no_two_public_classes_have_the_same_name() -> None:
    modules: dict[str, list[Path]] = defaultdict(list)
    for package in ("components", "switchyard"):
        for module in sorted((PROJECT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    modules[node.name].append(module.relative_to(PROJECT))
    assert len(modules) > 400, "modules were not read"
    assert {name: files for name, files in modules.items() if len(files) > 1} == {}
