"""The definition of a tool of the toolchain: its releases for a platform, and its sources."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Platform:
    """An operating system and a processor, in the words of Go (`os`, `arch`)."""

    os: str
    arch: str

    @property
    def pulumi_arch(self) -> str:
        """The processor, in the words of the engine's releases."""
        return "x64" if self.arch == "amd64" else self.arch


class UnsupportedPlatformError(Exception):
    """No tool is published for this machine, and none can be built."""


def this_platform(system: str = "", machine: str = "") -> Platform:
    """The machine that this runs on.

    Raises:
        UnsupportedPlatformError: neither Linux nor macOS, or a processor that is neither amd64 nor arm64.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    arch = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower())
    if system not in {"Linux", "Darwin"} or arch is None:
        raise UnsupportedPlatformError(
            f"{system} on {machine} is not supported. Use Linux or macOS on amd64 or arm64; on Windows, WSL 2."
        )
    return Platform(system.lower(), arch)


@dataclass(frozen=True)
class Download:
    """An official release.

    Attributes:
        url: the file.
        checksum_url: where its SHA-256 is published: a file that holds it, or a release of GitHub's API, whose
            assets carry a digest.
        members: path of each binary in the archive; empty where the file is the binary.
    """

    url: str
    checksum_url: str
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Last part of the URL."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Build:
    """Binaries from a pinned Go module.

    Attributes:
        module: directory in `devtools/toolchain/modules` with the go.mod and go.sum that pin it.
        packages: Go package of each binary.
        variables: package variables that the linker sets, for programs that state their version.
        embedded: module and files of it that are copied beside the main package before the build.
        scripts: module and path in it of files that are installed as they are.
    """

    module: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    embedded: tuple[str, tuple[str, ...]] | None = None
    scripts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tool:
    """One thing to install.

    Attributes:
        name: name of the tool in the installer.
        version: pinned version.
        binaries: files in `.tools/bin`, or for a plugin the one that the engine is given. YAML is not executable.
        download: official release for a platform; None where none is published.
        builds: sources of the tool, for places where the release cannot be downloaded.
        plugin: kind and name of an engine plugin; None for a program.
    """

    name: str
    version: str
    binaries: tuple[str, ...]
    download: Callable[[Platform], Download | None]
    builds: tuple[Build, ...]
    plugin: tuple[str, str] | None = None
