"""Where the tools are, and the environment that makes them work together."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / ".tools"
BIN = TOOLS / "bin"
DOWNLOADS = TOOLS / "downloads"
INSTALLED = TOOLS / "installed"
MODULES = Path(__file__).resolve().parent / "modules"

PULUMI_HOME = TOOLS / "pulumi-home"
"""The engine's plugins and log-ins. The project's own, so that neither it nor ``~/.pulumi`` disturbs the other."""

PASSPHRASE = PROJECT / ".sandbox" / "passphrase"
"""Encrypts the state of stack `local`, if there is one."""


def binary(name: str) -> Path:
    """Path of an installed tool, whether it is there or not."""
    return BIN / name


def search_path() -> list[Path]:
    """Directories that come first on the engine's PATH: its language host, then this environment's Python."""
    return [BIN, Path(sys.prefix) / "bin"]


def pulumi_defaults() -> dict[str, str]:
    """Environment variables that the engine gets unless they are set already."""
    return {"PULUMI_HOME": str(PULUMI_HOME), "PULUMI_SKIP_UPDATE_CHECK": "true"}


def pulumi_environment(inherited: dict[str, str]) -> dict[str, str]:
    """The environment in which the engine finds its parts: the launcher's, for programs."""
    path = ":".join([*map(str, search_path()), inherited.get("PATH", "")])
    return pulumi_defaults() | inherited | {"PATH": path}


def file_backend(folder: Path) -> str:
    """The URL of a state in a folder, for ``pulumi login``.

    Without ``metadata=skip`` the engine keeps a file of attributes beside each file of the state, and writes it in
    place: an engine killed in that moment leaves it empty, and every later command ends with "failed to load
    checkpoint: EOF". The state itself is replaced by a rename, and nothing reads the attributes.
    """
    return f"file://{folder}?metadata=skip"
