"""Builds the two images that real nodes run, as OCI archives and without a registry.

One is the example application, built by a container engine if there is one, and otherwise assembled from Debian's
packages and the wheels of its lock file. The other is the pause process of a pod.
"""

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from devtools.sandbox.debian import fetch, unpack, versions
from devtools.sandbox.oci import Container, ImageError, rename, write_archive
from devtools.toolchain.install import Report, installer_lock
from devtools.toolchain.paths import PROJECT, TOOLS

IMAGES = TOOLS / "images"
EXAMPLE = PROJECT / "examples" / "backend"
MIGRATIONS = tuple(f"migrations/{name}.py" for name in ("__init__", "contract", "database", "expand"))
MODULES = ("app.py", "drain_connections.py", "orders.py", "settings.py", *MIGRATIONS)  # of the example itself

BACKEND = "ghcr.io/org/backend:base"
PAUSE = "switchyard.local/pause:1"

BUILDER = 1
"""Version of this builder. Raise it when the same inputs must give another image."""

PYTHON_PACKAGES = ("libpython3-stdlib", "python3-minimal")

SCRIPTS_ONLY = frozenset({"dpkg", "libacl1", "libmd0", "libpcre2-8-0", "libselinux1", "libzstd1", "tar"})
"""Packages that Python's packages need only during their installation: dpkg and its dependencies."""

UNUSED = (
    "usr/lib/*/gconv",
    "usr/lib/python3*/ensurepip",
    "usr/lib/python3*/idlelib",
    "usr/lib/python3*/lib2to3",
    "usr/lib/python3*/pydoc_data",
    "usr/lib/python3*/test",
    "usr/lib/python3*/turtledemo",
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/python3",
    "var/lib/dpkg",
)
"""Paths that no process in the container reads."""

ENGINE_SECONDS = 10
"""Seconds after which a container engine that has not answered counts as unavailable."""


def backend_image() -> Path:
    """Returns the archive of the example application, built when its files have changed.

    Raises ImageError, or PartsError where Debian's packages cannot be had either.
    """
    inputs = [(EXAMPLE / name).read_bytes() for name in (*MODULES, "requirements.txt", "Dockerfile")]
    return _built("backend", inputs, make_backend)


def pause_image() -> Path:
    """Archive of the pause process, which holds a pod's namespaces.

    Raises:
        PartsError: Debian's packages cannot be fetched.
    """
    return _built("pause", [], make_pause)


def make_backend(target: Path, report: Report) -> str:
    """Builds the example application's archive; returns how it was built."""
    engine = _engine()
    if engine is not None:
        try:
            _build(engine, target)
            return f"built by {Path(engine).name}"
        except ImageError as error:
            report(f"{error} Putting it together from packages instead.")
    assemble_backend(target)
    return "put together from Debian's packages and wheels"


def assemble_backend(target: Path) -> None:
    """Assembles the example application's archive. The same packages give the same archive, byte by byte.

    Raises:
        ImageError: its wheels cannot be fetched.
        PartsError: Debian's packages cannot be fetched.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backend-") as work:
        system, packages, application = (Path(work) / name for name in ("system", "packages", "application"))
        installed = _unpack_python(Path(work) / "archives", system)
        version = next(name.removeprefix("python") for name in _interpreters(system))
        modules = packages / "usr" / "local" / "lib" / f"python{version}" / "dist-packages"
        _install_wheels(modules, version, installed["libc6"])
        for module in MODULES:
            (application / "app" / module).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(EXAMPLE / module, application / "app" / module)
        for root in (system, packages, application):
            _compile(system, version, root)
        container = Container(
            command=("python3", "-m", "app"),
            user="10001:10001",
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
            folder="/app",
            ports=(8000,),
            labels=_labels("backend", installed),
        )
        write_archive(target, BACKEND, (system, packages, application), container)


def make_pause(target: Path, _report: Report) -> str:
    """Builds the pause archive; returns how it was built.

    Raises:
        PartsError: Debian's packages cannot be fetched.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pause-") as work:
        debs = fetch(["catatonit"], Path(work) / "archives")
        own = [deb for deb in debs if deb.name.startswith("catatonit_")]
        root = Path(work) / "root"
        unpack(own, root)
        if _needs_libraries(root / "usr" / "bin" / "catatonit"):
            own = debs
            unpack(own, root)
        _drop(root, UNUSED)
        # It waits for SIGTERM, and reaps orphaned processes.
        container = Container(("/usr/bin/catatonit", "-P"), "65535:65535", labels=_labels("pause", versions(own)))
        write_archive(target, PAUSE, (root,), container)
    return "Debian's catatonit"


def _built(name: str, inputs: Sequence[bytes], make: Callable[[Path, Report], str]) -> Path:
    IMAGES.mkdir(parents=True, exist_ok=True)
    target, record = IMAGES / f"{name}.tar", IMAGES / f"{name}.json"
    wanted = _fingerprint(inputs)
    if _is_built(target, record, wanted):
        return target
    with installer_lock(lambda: _say("Another installer is at work on this checkout, waiting for it ...")):
        if not _is_built(target, record, wanted):
            source = make(target, _say)
            status = target.stat()
            contents = {"fingerprint": wanted, "source": source, "stamp": [status.st_size, status.st_mtime_ns]}
            temporary = IMAGES / f".{name}.json"
            temporary.write_text(json.dumps(contents, indent=2))
            temporary.replace(record)
    return target


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _fingerprint(inputs: Sequence[bytes]) -> str:
    total = sha256(f"{BUILDER} {platform.machine()}".encode())
    for content in inputs:
        total.update(sha256(content).digest())
    return total.hexdigest()


def _is_built(target: Path, record: Path, fingerprint: str) -> bool:
    try:
        recorded = json.loads(record.read_text())
        status = target.stat()
        return bool(
            recorded["fingerprint"] == fingerprint and recorded["stamp"] == [status.st_size, status.st_mtime_ns]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _engine() -> str | None:
    """A working container engine, if any. A client without its server does not work."""
    for path in filter(None, map(shutil.which, ("docker", "podman"))):
        try:
            answer = subprocess.run([path, "info"], capture_output=True, timeout=ENGINE_SECONDS, check=False)
        except (subprocess.TimeoutExpired, OSError):
            continue
        if answer.returncode == 0:
            return path
    return None


def _build(engine: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backend-") as work:
        saved = Path(work) / "saved.tar"
        shape = ["--format", "oci-archive"] if Path(engine).name == "podman" else []
        _engine_run([engine, "build", "--tag", BACKEND, str(EXAMPLE)])
        _engine_run([engine, "save", *shape, "--output", str(saved), BACKEND])
        renamed = Path(work) / "renamed.tar"
        rename(saved, BACKEND, renamed)
        renamed.replace(target)


def _engine_run(command: list[str]) -> None:
    # With an attestation, the archive would be an index of two images.
    environment = os.environ | {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        said = result.stderr.strip().splitlines()
        reason = said[-1] if said else f"exit code {result.returncode}"
        raise ImageError(f"`{Path(command[0]).name} {command[1]}` failed: {reason}.")


def _unpack_python(archives: Path, root: Path) -> dict[str, str]:
    """Unpacks Debian's Python; returns the versions of its packages."""
    debs = fetch(PYTHON_PACKAGES, archives)
    packages = versions(debs)
    kept = [deb for deb, name in zip(debs, map(_package, debs), strict=True) if name not in SCRIPTS_ONLY]
    unpack(kept, root)
    _drop(root, UNUSED)
    for name in ("dev", "proc", "sys", "run", "etc", "var/tmp", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/:/sbin/nologin\napp:x:10001:10001:app:/app:/sbin/nologin\n")
    (root / "etc" / "group").write_text("root:x:0:\napp:x:10001:\n")
    return {name: version for name, version in packages.items() if name not in SCRIPTS_ONLY}


def _package(deb: Path) -> str:
    return deb.name.partition("_")[0]


def _interpreters(root: Path) -> Iterator[str]:
    return (path.name for path in (root / "usr" / "bin").glob("python3.*") if not path.is_symlink())


def _drop(root: Path, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in list(root.glob(pattern)):
            shutil.rmtree(path)


def _install_wheels(folder: Path, version: str, libc: str) -> None:
    """Installs the packages of the lock file for Debian's interpreter, independently of the present one."""
    machine = platform.machine()
    minor = int(libc.partition("-")[0].split(".")[1])
    platforms = [*(f"manylinux_2_{number}_{machine}" for number in range(minor, 4, -1)), f"manylinux2014_{machine}"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile", "--target", str(folder)]
    command += ["--implementation", "cp", "--python-version", version, "--abi", f"cp{version.replace('.', '')}"]
    command += [word for name in platforms for word in ("--platform", name)]
    command += ["--requirement", str(EXAMPLE / "requirements.txt")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR:")]
        reason = errors[-1].removeprefix("ERROR:").strip() if errors else f"exit code {result.returncode}"
        raise ImageError(f"pip could not install the example's wheels: {reason}. Check pip's index settings.")
    _drop(folder, ["bin"])  # commands, with the path of this machine's interpreter in them
    for record in [
        path for name in ("RECORD", "INSTALLER", "REQUESTED") for path in folder.glob(f"*.dist-info/{name}")
    ]:
        record.unlink()  # they hold the checksums of those commands


def _compile(system: Path, version: str, root: Path) -> None:
    """Compiles the modules of a tree, because the file system of the container is read-only.

    Debian's interpreter compiles them, with its own loader and C library, so that those of this machine may differ.
    """
    [libraries] = (system / "usr" / "lib").glob("*-linux-gnu*")
    [loader] = libraries.glob("ld-linux-*.so.*")
    command = [str(loader), "--library-path", str(libraries), str(system / "usr" / "bin" / f"python{version}")]
    command += ["-s", "-S", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(root), "-p", "/", str(root)]
    # The order in a compiled set depends on the hash seed.
    environment = {"PYTHONHOME": str(system / "usr"), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stdout + result.stderr).strip().splitlines()
        raise ImageError(f"Debian's Python could not compile {root.name}: {said[-1] if said else result.returncode}")


def _needs_libraries(program: Path) -> bool:
    """Whether an ELF program names a loader (PT_INTERP), so that it is not statically linked."""
    content = program.read_bytes()
    [headers] = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    kinds = [struct.unpack_from("<I", content, headers + number * size)[0] for number in range(count)]
    return 3 in kinds


def _labels(name: str, packages: Mapping[str, str]) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": name,
        "switchyard.debian.packages": " ".join(f"{package}={version}" for package, version in packages.items()),
    }
