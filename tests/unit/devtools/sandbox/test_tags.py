"""Tags of the example application: the same files with another environment."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from devtools.sandbox import oci, tags
from devtools.sandbox.faults import ERRORS, NEVER_READY
from devtools.sandbox.oci import Container, write_archive


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An archive of an image with two layers."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    archive = tmp_path / "base.tar"
    container = Container(("serve",), "1:1", {"PATH": "/bin"})
    write_archive(archive, "example.org/app:base", [tmp_path / "one", tmp_path / "two"], container)
    return archive


def read(archive: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, manifest and config of every image in an archive; what they name is there, with the size that they say."""
    with tarfile.open(archive) as opened:

        def named(descriptor: Mapping[str, Any]) -> str:
            name = oci.blob(descriptor["digest"])
            assert opened.getmember(name).size == descriptor["size"]
            return name

        for image in oci.document(opened, oci.INDEX_FILE)["manifests"]:
            manifest = oci.document(opened, named(image))
            for layer in manifest["layers"]:
                named(layer)
            config = oci.document(opened, named(manifest["config"]))
            yield image["annotations"]["io.containerd.image.name"], manifest, config


def test_every_tag_is_the_same_files_with_an_environment_of_its_own(base: Path, tmp_path: Path) -> None:
    target = tmp_path / "tagged.tar"
    wanted = tags.environments()
    tags.with_tags(base, "example.org/app", wanted, target)
    [(_, original, started)] = read(base)
    images = list(read(target))
    assert [name for name, _, _ in images] == [f"example.org/app:{tag}" for tag in wanted]
    for (_, manifest, config), environment in zip(images, wanted.values(), strict=True):
        assert manifest["layers"] == original["layers"]
        variables = ["PATH=/bin", *(f"{key}={value}" for key, value in environment.items())]
        assert config == started | {"config": started["config"] | {"Env": variables}}
    with tarfile.open(target) as opened:
        names = opened.getnames()
    assert len(names) == len(set(names)) == len(original["layers"]) + 2 * len(wanted) + len({"index", "layout"})
    assert sorted(path.name for path in tmp_path.glob("tagged*")) == ["tagged.tar"]


def test_the_same_tags_make_the_same_archive_to_the_byte(base: Path, tmp_path: Path) -> None:
    for name in ("first.tar", "second.tar"):
        tags.with_tags(base, "example.org/app", tags.environments(), tmp_path / name)
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_a_tag_says_its_version_and_its_fault() -> None:
    by_tag = tags.environments()
    assert by_tag["v1.0.0"] == {"APP_VERSION": "v1.0.0", "ORDERS_COLUMN": "customer"}
    assert by_tag[f"v2.0.0{NEVER_READY}"] == {
        "APP_VERSION": f"v2.0.0{NEVER_READY}",
        "ORDERS_COLUMN": "buyer",
        "NEVER_READY": "true",
    }
    assert by_tag[f"v1.0.1{ERRORS}"]["FAILURE_RATE"] == "1"
