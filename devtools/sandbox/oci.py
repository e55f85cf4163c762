"""OCI archives: images as files, written and read without a registry and without a container engine."""

import json
import stat
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from devtools.toolchain.tools import this_platform

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEX = "application/vnd.oci.image.index.v1+json"

INDEX_FILE, LAYOUT_FILE = "index.json", "oci-layout"


class ImageError(Exception):
    """An image could not be built. The text is one line with the cause and the remedy."""


@dataclass(frozen=True)
class Container:
    """The start settings of a container of an image.

    Attributes:
        command: program and arguments.
        user: user and group, as numbers.
        environment: variables of the environment.
        folder: working directory.
        ports: TCP ports that it listens on.
        labels: labels of the image.
    """

    command: tuple[str, ...]
    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    ports: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def write_archive(target: Path, name: str, roots: Sequence[Path], container: Container) -> str:
    """Writes an image as an OCI archive, whose content depends only on the arguments.

    Args:
        target: the archive, which is replaced in one step.
        name: name and tag under which it is imported.
        roots: a tree for each layer.
        container: start settings of its containers.

    Returns:
        Digest of the image's manifest.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as work:
        layers = [Path(work) / f"layer-{number}.tar" for number, _ in enumerate(roots)]
        for root, layer in zip(roots, layers, strict=True):
            write_layer(root, layer)
        described = [_descriptor(LAYER, _digest_of(layer), layer.stat().st_size) for layer in layers]
        # Layers are not compressed, so that the digest of a layer is also the digest of its content.
        config = encoded(_config(container, [layer["digest"] for layer in described]))
        manifest = encoded(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _descriptor(CONFIG, _digest(config), len(config)),
                "layers": described,
            }
        )
        image = _descriptor(MANIFEST, _digest(manifest), len(manifest))
        image["platform"] = {"architecture": this_platform().arch, "os": "linux"}
        image["annotations"] = names(name)
        index = encoded({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]})
        blobs: dict[str, bytes | Path] = {_digest(config): config, _digest(manifest): manifest}
        blobs |= {layer["digest"]: file for layer, file in zip(described, layers, strict=True)}
        members: dict[str, bytes | Path] = {blob(digest): blobs[digest] for digest in sorted(blobs)}
        members |= {INDEX_FILE: index, LAYOUT_FILE: encoded({"imageLayoutVersion": "1.0.0"})}
        whole = Path(work) / "archive.tar"
        _write_members(whole, members)
        whole.replace(target)
    return str(image["digest"])


def write_layer(root: Path, target: Path) -> None:
    """Writes a tree as a layer: sorted, owned by root, without times, and with modes that do not depend on the umask.

    Set-user-ID bits are removed, because no program in these images may change its user.
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


def rename(source: Path, name: str, target: Path) -> None:
    """Copies an archive with one image, which gets a name.

    Raises:
        ImageError: it is no OCI archive with one image.
    """
    image = _only_image(source)
    image["annotations"] = names(name)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]}
    with tarfile.open(source) as old, tarfile.open(target, "w") as archive:
        for member in old:
            if member.isdir() or member.name.startswith("blobs/") or member.name == LAYOUT_FILE:
                archive.addfile(member, old.extractfile(member))
        add(archive, INDEX_FILE, encoded(index))


def names(name: str) -> dict[str, str]:
    """Annotations by which an image is imported under a name with a tag."""
    return {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document as JSON bytes that depend only on its content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def blob(digest: str) -> str:
    """The path in an archive of the content with a digest."""
    return f"blobs/{digest.replace(':', '/')}"


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a file to an archive."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))


def add_document(archive: tarfile.TarFile, document: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a document as a blob; returns its digest and size, as descriptors have them."""
    content = encoded(document)
    digest = _digest(content)
    add(archive, blob(digest), content)
    return {"digest": digest, "size": len(content)}


def document(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    """A JSON document of an archive.

    Raises:
        KeyError: the archive has no file of this name.
        ValueError: the file is not JSON.
    """
    member = archive.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is no file")
    return dict(json.load(member))


def _only_image(archive: Path) -> dict[str, Any]:
    try:
        with tarfile.open(archive) as opened:
            [image] = document(opened, INDEX_FILE)["manifests"]
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise ImageError(
            f"{archive.name} is no OCI archive with one image ({error}); Docker writes them since version 25."
        ) from None
    if image.get("mediaType") == INDEX:
        raise ImageError(f"{archive.name} holds an index of images where one image is wanted.")
    return dict(image)


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


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": size}


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return f"sha256:{file_digest(opened, 'sha256').hexdigest()}"


def _write_members(target: Path, members: Mapping[str, bytes | Path]) -> None:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            if isinstance(content, bytes):
                add(archive, name, content)
            else:
                member = tarfile.TarInfo(name)
                member.size = content.stat().st_size
                with content.open("rb") as file:
                    archive.addfile(member, file)
