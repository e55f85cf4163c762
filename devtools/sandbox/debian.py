"""Unpacks programs from Debian's archive into a folder of the project. Nothing is installed on the machine.

apt resolves the dependencies as if nothing were installed, downloads them from the package sources of the machine, and
checks their signatures. The versions are the current ones of the machine's release.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from devtools.toolchain.install import installer_lock
from devtools.toolchain.paths import TOOLS

DEBIAN = TOOLS / "debian"

NODE_PACKAGES = ("conntrack", "containerd", "containernetworking-plugins", "iproute2", "iptables", "mount", "runc")
"""Packages of a node, in addition to the Kubernetes programs. CNI plugins are in ``usr/lib/cni``."""

OF_THE_HOST = re.compile(r"libc6|libgcc-s1|gcc-\d+-base|libcrypt1|debconf|dpkg|perl-base|tar")
"""Packages that a tree for the host leaves out. Every Debian has them, and the host's programs would load the second C
library, which does not match the host's loader."""

IPTABLES = ("iptables", "ip6tables")
LAYOUT = 1
"""Version of the layout of unpacked trees. Raise it when the same packages must be unpacked differently."""

VERSIONS = "versions.json"

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Folders that are links into ``usr`` on every Debian since 12, while packages still name them."""


class PartsError(Exception):
    """The packages could not be fetched. The text is one line with the cause and the remedy."""


def fetch(packages: Sequence[str], archives: Path) -> list[Path]:
    """Downloads packages with everything that they depend on.

    Args:
        packages: names of packages.
        archives: directory that receives the files.

    Returns:
        The files, sorted.

    Raises:
        PartsError: this is no Debian, or the download was refused.
    """
    archives.mkdir(parents=True, exist_ok=True)
    # A separate folder shows which files belong to this closure, whatever was fetched earlier.
    with tempfile.TemporaryDirectory(dir=archives, prefix=".fetch-") as work:
        folder = Path(work)
        refusal = _download(packages, folder)
        if refusal is not None:
            # The package lists are missing, or their versions are no longer in the archive.
            _update(refusal)
            refusal = _download(packages, folder)
        if refusal is not None:
            raise PartsError(
                f"apt-get could not download {' '.join(packages)}: {refusal}. Check the machine's apt sources."
            )
        return sorted(file.rename(archives / file.name) for file in folder.glob("*.deb"))


def unpack(debs: Sequence[Path], root: Path) -> None:
    """Unpacks packages into one tree, completely or not at all. An existing tree is replaced.

    Raises:
        PartsError: a file is no package, or dpkg-deb is missing.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}-") as work:
        tree = Path(work) / "tree"
        _merge_folders(tree)
        for deb in debs:
            _extract(deb, tree)
        _keep_links_inside(tree)
        if root.exists():
            root.rename(Path(work) / "replaced")
        tree.rename(root)


def versions(debs: Sequence[Path]) -> dict[str, str]:
    """Version of each package, by name."""
    return dict(sorted(_name_and_version(deb) for deb in debs))


def node_parts() -> Path:
    """Returns the tree of the programs of a node, which is fetched once.

    Raises:
        PartsError: it cannot be fetched on this machine.
    """
    return parts(NODE_PACKAGES)


def parts(packages: Sequence[str]) -> Path:
    """The tree of packages and all that they depend on, fetched once.

    Args:
        packages: their names.

    Raises:
        PartsError: it cannot be fetched on this machine.
    """
    key = _fingerprint(packages)
    root, record = DEBIAN / key, DEBIAN / f"{key}.json"
    if _complete(root, record):
        return root
    with installer_lock(
        lambda: print("Another installer is at work on this checkout, waiting for it ...", file=sys.stderr)
    ):
        if not _complete(root, record):
            _make_parts(packages, root, record)
    return root


def node_environment(root: Path) -> dict[str, str]:
    """Environment variables with which the programs of a tree use each other and their libraries, not the host's.

    ``PATH`` ends with the host's own, for programs that the tree lacks, such as ``modprobe``.
    """
    [libraries] = (root / "usr" / "lib").glob("*-linux-gnu*")
    programs = f"{root}/usr/sbin:{root}/usr/bin"
    return {
        "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
        "LD_LIBRARY_PATH": str(libraries),
        "XTABLES_LIBDIR": str(libraries / "xtables"),
    }


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise PartsError(
            f"{name} not found: real nodes and images are made of Debian's packages. "
            "Use a machine or container with Debian 12 or newer."
        )
    return path


def _apt(*arguments: str) -> list[str]:
    # With the caches in memory, because apt must not write a cache of an empty status to the machine's own files.
    return [_program("apt-get"), "-q", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", *arguments]


def _download(packages: Sequence[str], folder: Path) -> str | None:
    """Downloads packages with their dependencies; returns the reason for a failure."""
    status = folder / "nothing-installed"
    status.touch()
    (folder / "partial").mkdir(exist_ok=True)
    options = {
        "Dir::State::status": status,
        "Dir::Cache::archives": f"{folder}/",
        "Debug::NoLocking": "1",
        # apt's own user for downloads cannot access a folder below root's home.
        "APT::Sandbox::User": "root",
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return _run(_apt(*flags, "--download-only", "--no-install-recommends", "--yes", "install", "--", *packages))


def _update(refusal: str) -> None:
    if os.geteuid() != 0:
        raise PartsError(
            f"apt-get: {refusal}. Its package lists may be missing or old, and only root renews them. "
            "Run as root: apt-get update"
        )
    failure = _run(_apt("update"))
    if failure is not None:
        raise PartsError(f"apt-get update: {failure}. Check the machine's apt sources.")


def _run(command: list[str]) -> str | None:
    """Runs apt; returns the first line with an error, or an empty text."""
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode == 0:
        return None
    errors = [line for line in result.stderr.splitlines() if line.startswith(("E:", "Err:"))]
    first = (errors or result.stderr.splitlines() or [f"exit code {result.returncode}"])[0]
    return first.removeprefix("E:").strip().rstrip(".")


def _merge_folders(tree: Path) -> None:
    for name in _MERGED:
        (tree / "usr" / name).mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(f"usr/{name}")


def _extract(deb: Path, tree: Path) -> None:
    # `dpkg-deb --extract` would replace a link to a folder by a folder.
    with subprocess.Popen(
        [_program("dpkg-deb"), "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as package:
        unpacked = subprocess.run(
            [_program("tar"), "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(tree)],
            stdin=package.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
        assert package.stderr is not None  # noqa: S101 - it was asked for
        said = package.stderr.read().decode().strip() or unpacked.stderr.strip()
    if package.returncode or unpacked.returncode:
        reason = said.splitlines()[0] if said else "no reason given"
        raise PartsError(f"{deb.name} cannot be unpacked: {reason}. Remove it and try again.")


def _keep_links_inside(tree: Path) -> None:
    """Makes absolute links relative. For example, ``usr/sbin/ip`` links to ``/bin/ip``, which would be the host's."""
    for folder, names, files in os.walk(tree):
        for link in (Path(folder) / name for name in (*names, *files)):
            if link.is_symlink() and link.readlink().is_absolute():
                inside = os.path.relpath(tree / link.readlink().relative_to("/"), folder)
                link.unlink()
                link.symlink_to(inside)


def _name_and_version(deb: Path) -> tuple[str, str]:
    name, version, _ = deb.stem.split("_")
    # The colon of an epoch is replaced in file names.
    return name, version.replace("%3a", ":")


def _fingerprint(packages: Sequence[str]) -> str:
    """A fingerprint of the packages and the Debian release. It does not change with updates of the archive."""
    _program("apt-get")
    release = platform.freedesktop_os_release()
    wanted = [LAYOUT, packages, release.get("ID"), release.get("VERSION_ID"), platform.machine()]
    return sha256(json.dumps(wanted).encode()).hexdigest()[:12]


def _make_parts(packages: Sequence[str], root: Path, record: Path) -> None:
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="debian-") as work:
        debs = [deb for deb in fetch(packages, Path(work)) if not _of_the_host(deb)]
        unpack(debs, root)
        installed = versions(debs)
    if IPTABLES[0] in packages:
        _choose_alternatives(root)
    (root / VERSIONS).write_text(json.dumps(installed, indent=2) + "\n")
    stamps = {str(file.relative_to(root)): _stamp(file) for file in _files(root)}
    temporary = record.with_name(f".{record.name}")
    temporary.write_text(json.dumps(stamps))
    temporary.replace(record)


def _of_the_host(deb: Path) -> bool:
    return OF_THE_HOST.fullmatch(_name_and_version(deb)[0]) is not None


def _choose_alternatives(root: Path) -> None:
    """Creates the links that the maintainer scripts of the packages would create, because these do not run."""
    for name in IPTABLES:
        for command in (name, f"{name}-save", f"{name}-restore"):
            (root / "usr" / "sbin" / command).symlink_to("xtables-nft-multi")


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _complete(root: Path, record: Path) -> bool:
    """Whether the tree exists and is unchanged."""
    try:
        stamps = json.loads(record.read_text())
        return all(_stamp(root / path) == stamp for path, stamp in stamps.items())
    except (OSError, ValueError, AttributeError):
        return False
