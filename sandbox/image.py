"""Makes the two images that real nodes run, as OCI archives and without a registry.

``python -m sandbox.image`` makes both: the example application, built by a container engine where one works and
else put together from Debian's packages and the wheels of its lock file, and the process that holds a pod together.
"""

import json
import os
import platform
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from sandbox.debian import PartsError, fetch, unpack, versions
from toolchain.install import Report, only_one
from toolchain.paths import PROJECT, TOOLS
from toolchain.versions import this_platform

IMAGES = TOOLS / "images"
EXAMPLE = PROJECT / "examples" / "backend"

BACKEND = "ghcr.io/org/backend:base"
PAUSE = "switchyard.local/pause:1"

BUILDER = 1
"""Raise it when the same inputs are to make another image."""

PYTHON_PACKAGES = ("libpython3-stdlib", "python3-minimal")

SCRIPTS_ONLY = frozenset({"dpkg", "libacl1", "libmd0", "libpcre2-8-0", "libselinux1", "libzstd1", "tar"})
"""Packages that Python's only need while they are installed: for dpkg, and what dpkg itself needs."""

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
"""What no process in the container reads."""

ENGINE_SECONDS = 10
"""A container engine that does not say in this time that it works is taken for one that does not."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEX = "application/vnd.oci.image.index.v1+json"


class ImageError(Exception):
    """An image could not be made. The text is one line with the cause and the remedy."""


@dataclass(frozen=True)
class Container:
    """How a container of an image starts.

    Attributes:
        command: program and arguments.
        user: user and group, as numbers.
        environment: its variables.
        folder: where it starts.
        ports: TCP ports that it listens on.
        labels: facts about the image.
    """

    command: tuple[str, ...]
    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    ports: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def backend_image() -> Path:
    """Archive of the example application, made when its files have changed.

    Raises:
        ImageError: it could not be made.
        PartsError: there is no container engine, and Debian's packages cannot be had.
    """
    inputs = [(EXAMPLE / name).read_bytes() for name in ("app.py", "requirements.txt", "Dockerfile")]
    return _made("backend", inputs, make_backend)


def pause_image() -> Path:
    """Archive of the process that holds a pod's namespaces.

    Raises:
        PartsError: Debian's packages cannot be had.
    """
    return _made("pause", [], make_pause)


def make_backend(target: Path, report: Report) -> str:
    """Makes the example application's archive; returns how."""
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
    """Puts the example application's archive together: the same packages make the same archive, to the byte.

    Raises:
        ImageError: its wheels cannot be had.
        PartsError: Debian's packages cannot be had.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backend-") as work:
        system, packages, application = (Path(work) / name for name in ("system", "packages", "application"))
        found = _unpack_python(Path(work) / "archives", system)
        version = next(name.removeprefix("python") for name in _interpreters(system))
        modules = packages / "usr" / "local" / "lib" / f"python{version}" / "dist-packages"
        _install_wheels(modules, version, found["libc6"])
        (application / "app").mkdir(parents=True)
        shutil.copyfile(EXAMPLE / "app.py", application / "app" / "app.py")
        for root in (system, packages, application):
            _compile(system, version, root)
        container = Container(
            command=("python3", "-m", "app"),
            user="10001:10001",
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
            folder="/app",
            ports=(8000,),
            labels=_labels("backend", found),
        )
        write_archive(target, BACKEND, (system, packages, application), container)


def make_pause(target: Path, _report: Report) -> str:
    """Makes the pause archive; returns how.

    Raises:
        PartsError: Debian's packages cannot be had.
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
        # It waits for SIGTERM, and takes in processes that lost their parent.
        container = Container(("/usr/bin/catatonit", "-P"), "65535:65535", labels=_labels("pause", versions(own)))
        write_archive(target, PAUSE, (root,), container)
    return "Debian's catatonit"


def write_archive(target: Path, name: str, roots: Sequence[Path], container: Container) -> str:
    """Writes an image as an OCI archive that depends on nothing but its arguments.

    Args:
        target: the archive; replaced when it is whole.
        name: name and tag that it is imported under.
        roots: a tree for each layer.
        container: how it starts.

    Returns:
        Digest of the image's manifest.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as work:
        layers = [Path(work) / f"layer-{number}.tar" for number, _ in enumerate(roots)]
        for root, layer in zip(roots, layers, strict=True):
            write_layer(root, layer)
        described = [_descriptor(LAYER, _digest_of(layer), layer.stat().st_size) for layer in layers]
        # Layers are not compressed, so that a layer's digest is its content's as well.
        config = _json(_config(container, [layer["digest"] for layer in described]))
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _descriptor(CONFIG, _digest(config), len(config)),
                "layers": described,
            }
        )
        image = _descriptor(MANIFEST, _digest(manifest), len(manifest))
        image["platform"] = {"architecture": this_platform().arch, "os": "linux"}
        image["annotations"] = _names(name)
        index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]})
        blobs: dict[str, bytes | Path] = {_digest(config): config, _digest(manifest): manifest}
        blobs |= {layer["digest"]: file for layer, file in zip(described, layers, strict=True)}
        members: dict[str, bytes | Path] = {_blob(digest): blobs[digest] for digest in sorted(blobs)}
        members |= {"index.json": index, "oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
        whole = Path(work) / "archive.tar"
        _write_members(whole, members)
        whole.replace(target)
    return str(image["digest"])


def write_layer(root: Path, target: Path) -> None:
    """Writes a tree as a layer: sorted, owned by root, without times, and with modes that no umask has touched.

    Programs lose their set-user-id bits: nothing in these images is to become somebody else.
    """
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
        for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts):
            member = tarfile.TarInfo(str(path.relative_to(root)))
            status = path.lstat()
            if path.is_symlink():
                member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, str(path.readlink())
                layer.addfile(member)
            elif path.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o1777 if status.st_mode & stat.S_ISVTX else 0o755
                layer.addfile(member)
            elif path.is_file():
                member.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
                member.size = status.st_size
                with path.open("rb") as content:
                    layer.addfile(member, content)
            else:
                raise ImageError(f"{path} is neither a file, a folder nor a link, and no layer takes it.")


def digest(archive: Path) -> str:
    """Digest of the manifest of an archive's image.

    Raises:
        ImageError: it is no OCI archive with one image.
    """
    return str(_only_image(archive)["digest"])


def _made(name: str, inputs: Sequence[bytes], make: Callable[[Path, Report], str]) -> Path:
    IMAGES.mkdir(parents=True, exist_ok=True)
    target, record = IMAGES / f"{name}.tar", IMAGES / f"{name}.json"
    wanted = _fingerprint(inputs)
    if _is_made(target, record, wanted):
        return target
    with only_one(lambda: _say("Another installer is at work on this checkout, waiting for it ...")):
        if not _is_made(target, record, wanted):
            source = make(target, _say)
            status = target.stat()
            found = {"fingerprint": wanted, "source": source, "stamp": [status.st_size, status.st_mtime_ns]}
            temporary = IMAGES / f".{name}.json"
            temporary.write_text(json.dumps(found, indent=2))
            temporary.replace(record)
    return target


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _fingerprint(inputs: Sequence[bytes]) -> str:
    total = sha256(f"{BUILDER} {platform.machine()}".encode())
    for content in inputs:
        total.update(sha256(content).digest())
    return total.hexdigest()


def _is_made(target: Path, record: Path, fingerprint: str) -> bool:
    try:
        found = json.loads(record.read_text())
        status = target.stat()
        return bool(found["fingerprint"] == fingerprint and found["stamp"] == [status.st_size, status.st_mtime_ns])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _engine() -> str | None:
    """A container engine that works; a client without its server does not."""
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
        image = _only_image(saved)
        image["annotations"] = _names(BACKEND)
        index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]})
        renamed = Path(work) / "renamed.tar"
        with tarfile.open(saved) as source, tarfile.open(renamed, "w") as archive:
            for member in source:
                if member.isdir() or member.name.startswith("blobs/") or member.name == "oci-layout":
                    archive.addfile(member, source.extractfile(member))
            _add(archive, "index.json", index)
        renamed.replace(target)


def _engine_run(command: list[str]) -> None:
    # An attestation beside the image would make of the archive's one image an index of two.
    environment = os.environ | {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        said = result.stderr.strip().splitlines()
        reason = said[-1] if said else f"exit code {result.returncode}"
        raise ImageError(f"`{Path(command[0]).name} {command[1]}` failed: {reason}.")


def _only_image(archive: Path) -> dict[str, Any]:
    try:
        with tarfile.open(archive) as opened:
            member = opened.extractfile("index.json")
            found = json.load(member) if member is not None else {}
        [image] = found["manifests"]
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise ImageError(
            f"{archive.name} is no OCI archive with one image ({error}); Docker writes them since version 25."
        ) from None
    if image.get("mediaType") == INDEX:
        raise ImageError(f"{archive.name} holds an index of images where one image is wanted.")
    return dict(image)


def _unpack_python(archives: Path, root: Path) -> dict[str, str]:
    """Unpacks Debian's Python; returns the versions of its packages."""
    debs = fetch(PYTHON_PACKAGES, archives)
    found = versions(debs)
    kept = [deb for deb, name in zip(debs, map(_package, debs), strict=True) if name not in SCRIPTS_ONLY]
    unpack(kept, root)
    _drop(root, UNUSED)
    for name in ("dev", "proc", "sys", "run", "etc", "var/tmp", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/:/sbin/nologin\napp:x:10001:10001:app:/app:/sbin/nologin\n")
    (root / "etc" / "group").write_text("root:x:0:\napp:x:10001:\n")
    return {name: version for name, version in found.items() if name not in SCRIPTS_ONLY}


def _package(deb: Path) -> str:
    return deb.name.partition("_")[0]


def _interpreters(root: Path) -> Iterator[str]:
    return (path.name for path in (root / "usr" / "bin").glob("python3.*") if not path.is_symlink())


def _drop(root: Path, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in list(root.glob(pattern)):
            shutil.rmtree(path)


def _install_wheels(folder: Path, version: str, libc: str) -> None:
    """Installs what the lock file names, for Debian's interpreter, whichever this one is."""
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
    """Compiles a tree for a file system that cannot be written to, in which the sources do not change.

    Debian's own interpreter does it, through its own loader and C library, so that this machine's may be others.
    """
    [libraries] = (system / "usr" / "lib").glob("*-linux-gnu*")
    [loader] = libraries.glob("ld-linux-*.so.*")
    command = [str(loader), "--library-path", str(libraries), str(system / "usr" / "bin" / f"python{version}")]
    command += ["-s", "-S", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(root), "-p", "/", str(root)]
    # The order in a compiled set follows the hash seed.
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


def _config(container: Container, diff_ids: Sequence[str]) -> dict[str, Any]:
    started = {
        "User": container.user,
        "Env": [f"{name}={value}" for name, value in sorted(container.environment.items())],
        "Cmd": list(container.command),
        "WorkingDir": container.folder,
        "ExposedPorts": {f"{port}/tcp": {} for port in container.ports},
        "Labels": dict(container.labels),
    }
    return {
        "architecture": this_platform().arch,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": started,
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "sandbox.image"} for _ in diff_ids],
    }


def _names(name: str) -> dict[str, str]:
    return {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": size}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return f"sha256:{file_digest(opened, 'sha256').hexdigest()}"


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _write_members(target: Path, members: Mapping[str, bytes | Path]) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            if isinstance(content, bytes):
                _add(archive, name, content)
            else:
                member = tarfile.TarInfo(name)
                member.size = content.stat().st_size
                with content.open("rb") as file:
                    archive.addfile(member, file)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))


def main() -> int:
    """Makes both images and says which they are; returns the exit code."""
    try:
        for archive in (backend_image(), pause_image()):
            print(f"{archive.relative_to(PROJECT)}  {digest(archive)}  {archive.stat().st_size / 2**20:.1f} MiB")
    except (ImageError, PartsError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
