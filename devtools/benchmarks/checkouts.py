"""Checkouts of this repository side by side: this one, and another commit's, each with its own tools and Python."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.engine import Stack
from devtools.toolchain.paths import PROJECT, THIS_CHECKOUT, Installation

NEW, OLD = "this checkout", "compared"

_REMOVED_VARIABLES = ("PYTHONDONTWRITEBYTECODE",)
"""Variables that are removed from the environment. With this one, each run would compile all modules again, which no
run of a user does."""


@dataclass(frozen=True)
class Checkout:
    """One checkout, set up by ``make tools`` there.

    Attributes:
        name: name in the results.
        root: folder of the checkout.
        installation: the checkout's tools and virtual environment.
    """

    name: str
    root: Path
    installation: Installation

    def describe(self) -> dict[str, str]:
        """A description of the checkout: its commit and the version of its engine."""
        commit = ["git", "-C", str(self.root), "describe", "--always", "--dirty"]
        return {"commit": _output(commit), "engine": _output([str(self.installation.engine), "version"])}

    def stack(self, directory: Path, config: dict[str, Any]) -> Stack:
        """A stack of its program, in a folder that is created."""
        directory.mkdir(parents=True)
        stack = Stack(directory, config, self.root, installation=self.installation)
        for name in _REMOVED_VARIABLES:
            stack.environment.pop(name, None)
        return stack

    def command(self, stack: Stack, *arguments: str) -> "subprocess.Popen[str]":
        """Starts its command line, in the folder of a stack."""
        return subprocess.Popen(
            [str(self.installation.python / "bin" / "python"), "-m", "switchyard", *arguments],
            cwd=stack.directory,
            env=stack.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def checkouts(against: Path | None) -> list[Checkout]:
    """This checkout and the one to compare with, if there is one.

    Raises:
        FileNotFoundError: the other one has no tools or no virtual environment.
    """
    this = Checkout(NEW, PROJECT, THIS_CHECKOUT)
    if against is None:
        return [this]
    root = against.resolve()
    other = Checkout(OLD, root, Installation((root / ".tools").resolve(), root / ".venv"))
    for needed in (other.installation.engine, other.installation.python / "bin" / "python"):
        if not needed.exists():
            raise FileNotFoundError(f"{needed} is missing. Run there: make tools")
    return [other, this]


def _output(command: list[str]) -> str:
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
