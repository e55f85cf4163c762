"""Installs tools: keeps an installed one, otherwise downloads the official release, otherwise builds it from source."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from devtools.toolchain.build import BuildError, build
from devtools.toolchain.download import Downloader, Progress, SourceUnavailableError
from devtools.toolchain.paths import BIN, INSTALLED, MODULES, PULUMI_HOME, TOOLS, pulumi_environment
from devtools.toolchain.tools import Platform, Tool

Report = Callable[[str], None]
"""Receives a line about an event."""


class InstallError(Exception):
    """A tool could not be installed. The text says why, for each source tried, and what to do."""


@contextlib.contextmanager
def installer_lock(waiting: Callable[[], None]) -> Iterator[None]:
    """Locks the installation of a checkout, so that a second installer waits for the first."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(tool: Tool) -> str:
    """A fingerprint of everything that pins a tool: its version, and the module files from which it is built."""
    digest = hashlib.sha256(tool.version.encode())
    for spec in tool.builds:
        digest.update(repr(spec).encode())
        for file in sorted((MODULES / spec.module).iterdir()):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def installed_from(tool: Tool) -> str | None:
    """The source of the installed pinned version; None if it is not installed, or was changed since."""
    record = INSTALLED / f"{tool.name}.json"
    try:
        recorded = json.loads(record.read_text())
        if recorded["fingerprint"] != fingerprint(tool):
            return None
        for path, (size, modified) in recorded["files"].items():
            status = (TOOLS / path).stat()
            if (status.st_size, status.st_mtime_ns) != (size, modified):
                return None
    except (OSError, ValueError, KeyError):
        return None
    return str(recorded["source"])


def install(tool: Tool, platform: Platform, downloader: Downloader, progress: Progress, report: Report) -> str:
    """Installs one tool, completely or not at all.

    Returns:
        The source of the tool, as text for readers.

    Raises:
        InstallError: no source has it.
    """
    BIN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix=f"{tool.name}-") as work:
        fetched = Path(work) / "fetched"
        fetched.mkdir()
        source = _obtain(tool, platform, downloader, fetched, Path(work), progress, report)
        for name in tool.binaries:
            (fetched / name).chmod(0o644 if name.endswith(".yaml") else 0o755)
        files = _install_plugin(tool, fetched) if tool.plugin else _install_programs(tool, fetched)
    INSTALLED.mkdir(exist_ok=True)
    stamps = {str(file.relative_to(TOOLS)): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}
    record = {"fingerprint": fingerprint(tool), "source": source, "files": stamps}
    temporary = INSTALLED / f".{tool.name}.json"
    temporary.write_text(json.dumps(record, indent=2))
    temporary.replace(INSTALLED / f"{tool.name}.json")
    return source


def _obtain(
    tool: Tool,
    platform: Platform,
    downloader: Downloader,
    target: Path,
    work: Path,
    progress: Progress,
    report: Report,
) -> str:
    download = tool.download(platform)
    if download is None:
        reason = f"no release is published for {platform.os}/{platform.arch}"
    else:
        try:
            progress("downloading")
            downloader.fetch(download, tool.binaries, target, progress)
            return "official release, checksum verified"
        except SourceUnavailableError as error:
            reason = str(error)
    report(f"no download ({reason}), building from source")
    try:
        for spec in tool.builds:
            build(spec, target, work, progress)
    except BuildError as error:
        raise InstallError(f"{tool.name} {tool.version}: no download ({reason}), and {error}") from error
    return "built from its pinned Go module"


def _install_programs(tool: Tool, fetched: Path) -> list[Path]:
    for name in tool.binaries:
        os.replace(fetched / name, BIN / name)
    return [BIN / name for name in tool.binaries]


def _install_plugin(tool: Tool, fetched: Path) -> list[Path]:
    """Installs a plugin in the engine's home. For a plugin on the PATH, the engine prints a warning at every run."""
    assert tool.plugin is not None  # noqa: S101 - the caller asked
    kind, name = tool.plugin
    [binary] = tool.binaries
    folder = PULUMI_HOME / "plugins" / f"{kind}-{name}-v{tool.version}"
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(BIN / "pulumi"), "plugin", "install", kind, name, tool.version, "--file", str(fetched / binary)]
    environment = pulumi_environment(dict(os.environ)) | {"PULUMI_HOME": str(PULUMI_HOME)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise InstallError(f"{tool.name}: the engine refused the plugin: {result.stderr.strip()}")
    return [folder / binary]
