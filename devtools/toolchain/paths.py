"""The paths of the tools, and the environment in which they work together."""

import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / ".tools"
BIN = TOOLS / "bin"
DOWNLOADS = TOOLS / "downloads"
INSTALLED = TOOLS / "installed"
MODULES = Path(__file__).resolve().parent / "modules"

PULUMI_HOME = TOOLS / "pulumi-home"
"""The engine's plugins and logins. It is separate from ``~/.pulumi``, so that neither affects the other."""

PASSPHRASE = PROJECT / ".sandbox" / "passphrase"
"""File with the passphrase that encrypts the state of stack `local`."""


def binary(name: str) -> Path:
    """Path of a tool, whether it is installed or not."""
    return BIN / name


NOTHING_FETCHED = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
"""Variables with which the engine downloads no plugins. Without them, each run asks for the plugins of AWS and TLS,
whose Python packages are installed, although a stack on an existing cluster needs neither. Where no release can be
reached, five attempts take more than two seconds.
"""


@dataclass(frozen=True)
class Installation:
    """The tools and the Python environment that a program runs with.

    Attributes:
        tools: the folder of the installed tools.
        python: root of the virtual environment.
    """

    tools: Path
    python: Path

    @property
    def engine(self) -> Path:
        """The executable of the engine."""
        return self.tools / "bin" / "pulumi"

    def search_path(self) -> list[Path]:
        """Directories that come first on the engine's PATH: its language host, then the environment's Python."""
        return [self.tools / "bin", self.python / "bin"]

    def defaults(self) -> dict[str, str]:
        """Environment variables that the engine gets unless they are set already."""
        return {"PULUMI_HOME": str(self.tools / "pulumi-home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}

    def environment(self, inherited: dict[str, str]) -> dict[str, str]:
        """The environment in which the engine finds its parts."""
        path = ":".join([*map(str, self.search_path()), inherited.get("PATH", "")])
        return self.defaults() | inherited | {"PATH": path}


THIS_CHECKOUT = Installation(TOOLS, Path(sys.prefix))
"""The installation of this checkout, in the environment of this process."""


def search_path() -> list[Path]:
    """Directories that come first on the engine's PATH: its language host, then this environment's Python."""
    return THIS_CHECKOUT.search_path()


def pulumi_defaults() -> dict[str, str]:
    """Environment variables that the engine gets unless they are set already."""
    return THIS_CHECKOUT.defaults()


def pulumi_environment(inherited: dict[str, str]) -> dict[str, str]:
    """The environment in which the engine finds its parts: the launcher's, for programs."""
    return THIS_CHECKOUT.environment(inherited)


def file_backend(folder: Path) -> str:
    """The URL of a state in a folder, for ``pulumi login``.

    Without ``metadata=skip`` the engine keeps a file of attributes beside each file of the state, and writes it in
    place: an engine killed in that moment leaves it empty, and every later command ends with "failed to load
    checkpoint: EOF". The state itself is replaced by a rename, and nothing reads the attributes.
    """
    return f"file://{folder}?metadata=skip"
