"""Programs of the machine that a test has written itself, first on the search path."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is the whole PATH; it has what shell scripts need."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("cat", "cp", "echo", "sh", "tar", "touch"):
        (folder / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(programs: Path, name: str, text: str) -> None:
    """Puts a program on PATH that writes down how it was called."""
    log = programs / f"{name}.log"
    (programs / name).write_text(f'#!/bin/sh\necho "$*" >> "{log}"\n{text}\n')
    (programs / name).chmod(0o755)


def calls(programs: Path, name: str) -> list[str]:
    log = programs / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else []
