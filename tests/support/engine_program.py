"""A program in place of `pulumi`, which keeps what it is asked and gives prepared answers."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from switchyard.release.engine.engine import Engine

PROGRAM = """#!{python}
import json, pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + "\\n")
answers = json.loads((here / "answers").read_text())
code, output, errors = answers.get(sys.argv[1], (0, "", ""))
if output == "silent":
    time.sleep(60)
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(code)
"""

Answers = dict[str, tuple[int, str, str]]
EngineFactory = Callable[[Answers], Engine]


@pytest.fixture
def engine_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineFactory:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def engine(answers: Answers) -> Engine:
        (program.parent / "answers").write_text(json.dumps(answers))
        return Engine("test", tmp_path)

    return engine


@pytest.fixture
def asked(tmp_path: Path) -> Callable[[], list[list[str]]]:
    return lambda: [json.loads(line) for line in (tmp_path / "bin" / "asked").read_text().splitlines()]


def steps(*changes: tuple[str, str]) -> tuple[int, str, str]:
    document = {"steps": [{"urn": f"urn:pulumi:test::p::t::{name}", "op": op} for name, op in changes]}
    return 0, json.dumps(document), ""
