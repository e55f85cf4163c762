"""Images made without a registry, and packages taken without installing them: what they are made into, and refusals."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devtools.sandbox import image
from devtools.sandbox.__main__ import app
from devtools.sandbox.image import backend_image, make_backend
from devtools.sandbox.oci import Container, ImageError, digest, write_archive, write_layer
from devtools.toolchain import install
from tests.support.programs import calls, programs, script

__all__ = ["programs"]


CONTAINER = Container(
    ("serve", "--now"), "10001:10001", {"PATH": "/bin", "A": "1"}, "/app", (8000,), {"made.of": "nothing"}
)


def tree(root: Path, *, when: int, mode: int) -> Path:
    (root / "app").mkdir(parents=True, mode=mode | 0o700)
    (root / "app.d").mkdir(mode=mode | 0o700)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "app" / "main.py").write_text("main")
    (root / "app" / "main.py").chmod(mode | 0o600)
    (root / "app.d" / "start").write_text("start")
    (root / "app.d" / "start").chmod(mode | 0o4700)
    (root / "link").symlink_to("app/main.py")
    for path in (root / "app" / "main.py", root / "app", root):
        os.utime(path, (when, when))
    return root


def members(file: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(file) as opened:
        return {member.name: member for member in opened}


def content(file: Path, name: str) -> bytes:
    with tarfile.open(file) as opened:
        member = opened.extractfile(name)
        assert member is not None
        return member.read()


def document(file: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(content(file, name))
    return loaded


def blob(file: Path, descriptor: Mapping[str, Any]) -> bytes:
    """Content of a blob, which is what its descriptor says."""
    data = content(file, f"blobs/{descriptor['digest'].replace(':', '/')}")
    assert descriptor["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert descriptor["size"] == len(data)
    return data


def test_a_layer_depends_on_content_alone(tmp_path: Path) -> None:
    first = tree(tmp_path / "first", when=1, mode=0o066)
    second = tree(tmp_path / "second", when=10**9, mode=0)
    assert (first / "app" / "main.py").stat().st_mode != (second / "app" / "main.py").stat().st_mode
    write_layer(first, tmp_path / "first.tar")
    write_layer(second, tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    (second / "app" / "main.py").write_text("niam")
    write_layer(second, tmp_path / "third.tar")
    assert (tmp_path / "first.tar").read_bytes() != (tmp_path / "third.tar").read_bytes()


def test_a_layer_is_sorted_and_owned_by_root_without_times_and_without_set_user_id(tmp_path: Path) -> None:
    write_layer(tree(tmp_path / "root", when=1, mode=0o066), tmp_path / "layer.tar")
    by_name = members(tmp_path / "layer.tar")
    assert {name: oct(member.mode) for name, member in by_name.items()} == {
        "app": "0o755",
        "app/main.py": "0o644",
        "app.d": "0o755",
        "app.d/start": "0o755",
        "link": "0o777",
        "tmp": "0o1777",
    }
    assert list(by_name) == ["app", "app/main.py", "app.d", "app.d/start", "link", "tmp"]
    assert {(member.uid, member.gid, member.mtime) for member in by_name.values()} == {(0, 0, 0)}
    assert by_name["link"].linkname == "app/main.py"


def test_a_layer_refuses_what_is_no_file_folder_or_link(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    os.mkfifo(tmp_path / "root" / "pipe")
    with pytest.raises(ImageError, match="pipe is neither a file, a folder nor a link"):
        write_layer(tmp_path / "root", tmp_path / "layer.tar")


def test_an_archive_holds_one_image_whose_digests_are_right(tmp_path: Path) -> None:
    roots = [tree(tmp_path / name, when=1, mode=0) for name in ("system", "application")]
    (roots[1] / "more").touch()
    target = tmp_path / "image.tar"
    written = write_archive(target, "example.org/team/app:v1", roots, CONTAINER)
    assert document(target, "oci-layout") == {"imageLayoutVersion": "1.0.0"}
    [described] = document(target, "index.json")["manifests"]
    assert described["digest"] == written == digest(target)
    assert described["annotations"] == {
        "io.containerd.image.name": "example.org/team/app:v1",
        "org.opencontainers.image.ref.name": "v1",
    }
    manifest = json.loads(blob(target, described))
    config = json.loads(blob(target, manifest["config"]))
    layers = [blob(target, layer) for layer in manifest["layers"]]
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert config["os"] == described["platform"]["os"] == "linux"
    assert config["architecture"] == described["platform"]["architecture"]
    assert config["config"] == {
        "User": "10001:10001",
        "Env": ["A=1", "PATH=/bin"],
        "Cmd": ["serve", "--now"],
        "WorkingDir": "/app",
        "ExposedPorts": {"8000/tcp": {}},
        "Labels": {"made.of": "nothing"},
    }
    for layer, names in zip(layers, (set(), {"more"}), strict=True):
        with tarfile.open(fileobj=io.BytesIO(layer)) as opened:
            assert set(opened.getnames()) == {"app", "app/main.py", "app.d", "app.d/start", "link", "tmp"} | names
    assert len(members(target)) == len({"config", "manifest", "two", "layers", "index.json", "oci-layout"})


def test_the_same_trees_make_the_same_archive_and_nothing_else(tmp_path: Path) -> None:
    for number, name in enumerate(("first", "second")):
        (tmp_path / name).mkdir()
        root = tree(tmp_path / f"root-{name}", when=number, mode=0o066 * number)
        write_archive(tmp_path / name / "image.tar", "app:v1", [root], CONTAINER)
        assert os.listdir(tmp_path / name) == ["image.tar"]
    first, second = ((tmp_path / name / "image.tar").read_bytes() for name in ("first", "second"))
    assert first == second
    assert {(member.uid, member.mtime) for member in members(tmp_path / "first" / "image.tar").values()} == {(0, 0)}


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders in place of .tools and of the example."""
    example = tmp_path / "example"
    example.mkdir()
    for name in (*image.MODULES, "requirements.txt", "Dockerfile"):
        (example / name).parent.mkdir(exist_ok=True)
        (example / name).write_text(name)
    folder = tmp_path / "tools" / "images"
    monkeypatch.setattr(install, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(image, "IMAGES", folder)
    monkeypatch.setattr(image, "EXAMPLE", example)
    return folder


def test_the_backend_is_built_again_only_when_its_files_changed(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives: list[Path] = []

    def make(target: Path, report: object) -> str:
        archives.append(target)
        target.write_text("archive")
        return "made up"

    monkeypatch.setattr(image, "make_backend", make)
    assert backend_image() == backend_image() == images / "backend.tar"
    assert len(archives) == 1
    for number, name in enumerate((*image.MODULES, "requirements.txt", "Dockerfile"), 2):
        (image.EXAMPLE / name).write_text("changed")
        backend_image()
        backend_image()
        assert len(archives) == number
    (images / "backend.tar").write_text("somebody else's")
    backend_image()
    assert len(archives) == len(image.MODULES) + 4
    monkeypatch.setattr(image, "BUILDER", image.BUILDER + 1)
    backend_image()
    assert len(archives) == len(image.MODULES) + 5


def test_a_failed_build_of_an_image_is_tried_again(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(target: Path, report: object) -> str:
        target.write_text("half")
        raise ImageError("no wheels")

    monkeypatch.setattr(image, "make_backend", fail)
    for _ in range(2):
        with pytest.raises(ImageError, match="no wheels"):
            backend_image()


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_an_engine_that_works_builds_the_image_and_it_gets_its_name(
    images: Path, programs: Path, tmp_path: Path, engine: str
) -> None:
    images.mkdir(parents=True)
    saved = tmp_path / "saved.tar"
    write_archive(saved, "whatever:it-is-called", [tree(tmp_path / "root", when=1, mode=0)], CONTAINER)
    script(
        programs,
        engine,
        f'[ "$1" != save ] || for last; do [ "${{last%.tar}}" = "$last" ] || cp "{saved}" "$last"; done',
    )
    said: list[str] = []
    assert make_backend(images / "backend.tar", said.append) == f"built by {engine}"
    assert said == []
    [described] = document(images / "backend.tar", "index.json")["manifests"]
    assert described["annotations"]["io.containerd.image.name"] == "ghcr.io/org/backend:base"
    assert described["digest"] == digest(saved)
    assert set(members(images / "backend.tar")) == set(members(saved))
    assert [call.split()[0] for call in calls(programs, engine)] == ["info", "build", "save"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ("[ $1 != build ] || { echo pull access denied >&2; exit 1; }", "`docker build` failed: pull access denied."),
        ('[ "$1" != save ] || touch "$3"', "saved.tar is no OCI archive with one image"),
    ],
)
def test_a_failed_container_build_falls_back_to_debian_packages_with_the_reason(
    images: Path, programs: Path, monkeypatch: pytest.MonkeyPatch, answers: str, reason: str
) -> None:
    images.mkdir(parents=True)
    script(programs, "docker", answers)
    monkeypatch.setattr(image, "assemble_backend", lambda target: target.write_text("assembled"))
    said: list[str] = []
    assert make_backend(images / "backend.tar", said.append) == "put together from Debian's packages and wheels"
    assert (images / "backend.tar").read_text() == "assembled"
    assert len(said) == 1
    assert reason in said[0]


def test_a_client_without_its_engine_builds_nothing(
    images: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.mkdir(parents=True)
    script(programs, "docker", "exit 1")
    monkeypatch.setattr(image, "assemble_backend", lambda target: target.write_text("assembled"))
    said: list[str] = []
    make_backend(images / "backend.tar", said.append)
    assert (calls(programs, "docker"), said) == (["info"], [])


def test_a_machine_that_cannot_build_an_image_gets_one_line(images: Path, programs: Path) -> None:
    result = CliRunner().invoke(app, ["images"])
    assert result.exit_code == 1
    assert result.stderr.startswith("apt-get not found: ")
    assert result.stderr.count("\n") == 1
