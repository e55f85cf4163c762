"""Tags of the example application's image: one set of files, and for each tag an environment of its own.

No registry is asked, so a tag that is not listed here is one that no node has.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.faults import CRASH_AFTER_READY, CRASH_LOOP, ERRORS, NEVER_READY

VERSIONS = ("v1.0.0", "v1.0.1", "v2.0.0", "v2.0.1", "v2.1.0")

CRASH_SECONDS = 20
"""Seconds after its start at which a version that crashes does so: well after its readiness probe has passed."""

FAULTS: Mapping[str, Mapping[str, str]] = {
    NEVER_READY: {"NEVER_READY": "true"},
    CRASH_LOOP: {"CRASH_AFTER_SECONDS": "0"},
    CRASH_AFTER_READY: {"CRASH_AFTER_SECONDS": str(CRASH_SECONDS)},
    ERRORS: {"FAILURE_RATE": "1"},
}

INDEX, LAYOUT = "index.json", "oci-layout"


def environments() -> dict[str, dict[str, str]]:
    """Every tag, with the environment that makes the application what the tag says."""
    return {
        f"{version}{ending}": {"APP_VERSION": f"{version}{ending}", **environment}
        for version in VERSIONS
        for ending, environment in {"": {}, **FAULTS}.items()
    }


def with_tags(base: Path, repository: str, tags: Mapping[str, Mapping[str, str]], target: Path) -> None:
    """Writes an OCI archive with an image for each tag, from an archive with one image.

    Args:
        base: archive of the image that all are made from.
        repository: name of the images, without a tag.
        tags: environment variables by tag.
        target: the new archive; replaced when it is whole.
    """
    new = target.with_suffix(".new")
    with tarfile.open(base) as source, tarfile.open(new, "w") as archive:
        index = json.loads(_content(source, INDEX))
        manifest = json.loads(_content(source, _blob(index["manifests"][0]["digest"])))
        config = json.loads(_content(source, _blob(manifest["config"]["digest"])))
        for layer in manifest["layers"]:
            member = source.getmember(_blob(layer["digest"]))
            archive.addfile(member, source.extractfile(member))
        manifests = []
        for tag, environment in tags.items():
            settings = config["config"]
            variables = [*settings.get("Env", []), *(f"{key}={value}" for key, value in environment.items())]
            own = _add_json(archive, config | {"config": settings | {"Env": variables}})
            described = _add_json(archive, manifest | {"config": manifest["config"] | own})
            names = {"io.containerd.image.name": f"{repository}:{tag}", "org.opencontainers.image.ref.name": tag}
            manifests.append(index["manifests"][0] | described | {"annotations": names})
        _add(archive, LAYOUT, _content(source, LAYOUT))
        _add(archive, INDEX, json.dumps(index | {"manifests": manifests}).encode())
    new.replace(target)


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None  # noqa: S101 - blobs and indexes are files
    return member.read()


def _add_json(archive: tarfile.TarFile, document: dict[str, Any]) -> dict[str, Any]:
    """Adds a document as a blob; returns its digest and size, as descriptors have them."""
    content = json.dumps(document, sort_keys=True).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _add(archive, _blob(digest), content)
    return {"digest": digest, "size": len(content)}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
