"""The launcher of the engine in the virtual environment."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.toolchain import launchers, paths


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The launcher, in front of a program that prints its environment as JSON."""
    program = tmp_path / "fake pulumi"
    program.write_text(f"#!{sys.executable}\nimport json, os\nprint(json.dumps(dict(os.environ)))\n")
    program.chmod(0o755)
    passphrase = tmp_path / "passphrase"
    passphrase.touch()
    monkeypatch.setattr(launchers, "binary", lambda _: program)
    monkeypatch.setattr(launchers, "PASSPHRASE", passphrase)
    script = tmp_path / "pulumi"
    script.write_text(launchers.launcher())
    script.chmod(0o755)
    return script


def environment_of(script: Path, **variables: str) -> dict[str, str]:
    printed = subprocess.run([script], env={"PATH": "/usr/bin:/bin", **variables}, capture_output=True, check=True)
    environment: dict[str, str] = json.loads(printed.stdout)
    return environment


def test_the_launcher_sets_the_engines_environment(launched: Path) -> None:
    environment = environment_of(launched)
    wanted = paths.pulumi_environment({"PATH": "/usr/bin:/bin"})
    assert {name: environment[name] for name in wanted} == wanted
    assert environment["PULUMI_CONFIG_PASSPHRASE_FILE"].endswith("passphrase")


@pytest.mark.parametrize("name", ["PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_SKIP_UPDATE_CHECK"])
def test_the_launcher_keeps_what_the_user_has_set(launched: Path, name: str) -> None:
    environment = environment_of(launched, **{name: "mine"})
    assert environment[name] == "mine"
    if name == "PULUMI_CONFIG_PASSPHRASE":
        assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment


def test_the_launcher_passes_shellcheck(launched: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.prefix) / "bin"))
    assert shellcheck
    subprocess.run([shellcheck, launched], check=True)
