"""Tags of the example application's image. All tags have the same files, and each has its own environment.

There is no registry, so no node has a tag that is not listed here.
"""

import tarfile
from collections.abc import Mapping
from pathlib import Path

from devtools.sandbox import oci
from devtools.sandbox.faults import CRASH_AFTER_READY, CRASH_LOOP, ERRORS, NEVER_READY

VERSIONS = ("v1.0.0", "v1.0.1", "v2.0.0", "v2.0.1", "v2.1.0")

CRASH_SECONDS = 45
"""Seconds after its start at which a version crashes: after its readiness probe has passed, and also on a busy machine
after the gate and the switch."""

COLUMNS: Mapping[str, str] = {"v1": "customer", "v2": "buyer"}
"""Column of the orders that the versions of a major version use, if the application has a database."""

FAULTS: Mapping[str, Mapping[str, str]] = {
    NEVER_READY: {"NEVER_READY": "true"},
    CRASH_LOOP: {"CRASH_AFTER_SECONDS": "0"},
    CRASH_AFTER_READY: {"CRASH_AFTER_SECONDS": str(CRASH_SECONDS)},
    ERRORS: {"FAILURE_RATE": "1"},
}


def environments() -> dict[str, dict[str, str]]:
    """The environment of the application by tag."""
    return {
        f"{version}{ending}": {
            "APP_VERSION": f"{version}{ending}",
            "ORDERS_COLUMN": COLUMNS[version.partition(".")[0]],
            **environment,
        }
        for version in VERSIONS
        for ending, environment in {"": {}, **FAULTS}.items()
    }


def with_tags(base: Path, repository: str, tags: Mapping[str, Mapping[str, str]], target: Path) -> None:
    """Writes an OCI archive with an image for each tag, from an archive with one image.

    Args:
        base: archive of the image from which all are derived.
        repository: name of the images, without a tag.
        tags: environment variables by tag.
        target: the new archive, which is replaced in one step.
    """
    new = target.with_suffix(".new")
    with tarfile.open(base) as source, tarfile.open(new, "w", format=tarfile.PAX_FORMAT) as archive:
        index = oci.document(source, oci.INDEX_FILE)
        [image] = index["manifests"]
        manifest = oci.document(source, oci.blob(image["digest"]))
        config = oci.document(source, oci.blob(manifest["config"]["digest"]))
        for layer in manifest["layers"]:
            member = source.getmember(oci.blob(layer["digest"]))
            archive.addfile(member, source.extractfile(member))
        images = []
        for tag, environment in tags.items():
            settings = config["config"]
            variables = [*settings.get("Env", []), *(f"{key}={value}" for key, value in environment.items())]
            own = oci.add_document(archive, config | {"config": settings | {"Env": variables}})
            described = oci.add_document(archive, manifest | {"config": manifest["config"] | own})
            images.append(image | described | {"annotations": oci.names(f"{repository}:{tag}")})
        oci.add(archive, oci.LAYOUT_FILE, oci.encoded(oci.document(source, oci.LAYOUT_FILE)))
        oci.add(archive, oci.INDEX_FILE, oci.encoded(index | {"manifests": images}))
    new.replace(target)
