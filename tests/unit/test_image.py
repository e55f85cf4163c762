"""Images made without a registry, and packages taken without installing them: what they are made into, and refusals."""

import hashlib
import io
import json
import os
import shutil
import struct
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox import debian, image
from sandbox.__main__ import app
from sandbox.debian import PartsError, fetch, node_environment, node_parts, unpack, versions
from sandbox.image import backend_image, make_backend
from sandbox.oci import Container, ImageError, digest, write_archive, write_layer
from toolchain import install

CONTAINER = Container(
    ("serve", "--now"), "10001:10001", {"PATH": "/bin", "A": "1"}, "/app", (8000,), {"made.of": "nothing"}
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is the whole PATH; it has what shell scripts need."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("cat", "cp", "echo", "sh", "tar", "touch"):
        (folder / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(programs: Path, name: str, text: str) -> None:
    """Puts a program on PATH that writes down how it was called."""
    log = programs / f"{name}.log"
    (programs / name).write_text(f'#!/bin/sh\necho "$*" >> "{log}"\n{text}\n')
    (programs / name).chmod(0o755)


def calls(programs: Path, name: str) -> list[str]:
    log = programs / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else []


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
    found = content(file, f"blobs/{descriptor['digest'].replace(':', '/')}")
    assert descriptor["digest"] == f"sha256:{hashlib.sha256(found).hexdigest()}"
    assert descriptor["size"] == len(found)
    return found


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
    found = members(tmp_path / "layer.tar")
    assert {name: oct(member.mode) for name, member in found.items()} == {
        "app": "0o755",
        "app/main.py": "0o644",
        "app.d": "0o755",
        "app.d/start": "0o755",
        "link": "0o777",
        "tmp": "0o1777",
    }
    assert list(found) == ["app", "app/main.py", "app.d", "app.d/start", "link", "tmp"]
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, 0)}
    assert found["link"].linkname == "app/main.py"


def test_a_layer_refuses_what_is_no_file_folder_or_link(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    os.mkfifo(tmp_path / "root" / "pipe")
    with pytest.raises(ImageError, match="pipe is neither a file, a folder nor a link"):
        write_layer(tmp_path / "root", tmp_path / "layer.tar")


def test_an_archive_holds_one_image_whose_digests_are_right(tmp_path: Path) -> None:
    roots = [tree(tmp_path / name, when=1, mode=0) for name in ("system", "application")]
    (roots[1] / "more").touch()
    target = tmp_path / "image.tar"
    found = write_archive(target, "example.org/team/app:v1", roots, CONTAINER)
    assert document(target, "oci-layout") == {"imageLayoutVersion": "1.0.0"}
    [described] = document(target, "index.json")["manifests"]
    assert described["digest"] == found == digest(target)
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
    for name in ("app.py", "requirements.txt", "Dockerfile"):
        (example / name).write_text(name)
    folder = tmp_path / "tools" / "images"
    monkeypatch.setattr(install, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(image, "IMAGES", folder)
    monkeypatch.setattr(image, "EXAMPLE", example)
    return folder


def test_the_backend_is_made_again_only_when_its_files_changed(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(target: Path, report: object) -> str:
        made.append(target)
        target.write_text("archive")
        return "made up"

    monkeypatch.setattr(image, "make_backend", make)
    assert backend_image() == backend_image() == images / "backend.tar"
    assert len(made) == 1
    for number, name in enumerate(("app.py", "requirements.txt", "Dockerfile"), 2):
        (image.EXAMPLE / name).write_text("changed")
        backend_image()
        backend_image()
        assert len(made) == number
    (images / "backend.tar").write_text("somebody else's")
    backend_image()
    assert len(made) == 5
    monkeypatch.setattr(image, "BUILDER", image.BUILDER + 1)
    backend_image()
    assert len(made) == 6


def test_an_image_that_could_not_be_made_is_tried_again(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_what_an_engine_cannot_build_is_put_together_and_the_reason_is_told(
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


def test_a_machine_that_can_make_no_image_gets_one_line(images: Path, programs: Path) -> None:
    result = CliRunner().invoke(app, ["images"])
    assert result.exit_code == 1
    assert result.stderr.startswith("apt-get not found: ")
    assert result.stderr.count("\n") == 1


def test_a_program_that_names_a_loader_needs_libraries(tmp_path: Path) -> None:
    def program(*kinds: int) -> Path:
        header = bytearray(64)
        struct.pack_into("<Q", header, 0x20, 64)
        struct.pack_into("<HH", header, 0x36, 56, len(kinds))
        file = tmp_path / "program"
        file.write_bytes(header + b"".join(struct.pack("<I52x", kind) for kind in kinds))
        return file

    assert image._needs_libraries(program(6, 3, 1))
    assert not image._needs_libraries(program(1, 1, 4))


APT_THAT_HAS_IT = """
for word; do case $word in Dir::Cache::archives=*) folder=${word#*=};; esac; done
case "$*" in *install*) touch "${folder}runc_1.1.5_amd64.deb" "${folder}libc6_1%3a2.36_amd64.deb";; esac
"""


def test_a_fetch_returns_the_closure_and_not_what_was_there(programs: Path, tmp_path: Path) -> None:
    script(programs, "apt-get", APT_THAT_HAS_IT)
    archives = tmp_path / "archives"
    archives.mkdir()
    (archives / "older_1.0_amd64.deb").touch()
    debs = fetch(["runc"], archives)
    assert debs == [archives / "libc6_1%3a2.36_amd64.deb", archives / "runc_1.1.5_amd64.deb"]
    assert all(deb.exists() for deb in debs)
    assert versions(debs) == {"libc6": "1:2.36", "runc": "1.1.5"}
    [call] = calls(programs, "apt-get")
    assert "--download-only" in call
    assert "Dir::State::status=" in call


def test_lists_that_are_old_are_renewed_once(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    renewed = tmp_path / "renewed"
    script(
        programs,
        "apt-get",
        f'case "$*" in *update*) touch "{renewed}"; exit;; esac\n'
        f'[ -e "{renewed}" ] || {{ echo "E: Failed to fetch runc  404  Not Found" >&2; exit 100; }}\n{APT_THAT_HAS_IT}',
    )
    assert len(fetch(["runc"], tmp_path / "archives")) == 2
    assert ["update" in call for call in calls(programs, "apt-get")] == [False, True, False]


def refused(programs: Path, tmp_path: Path, apt: str) -> str:
    """The line of a fetch that apt refuses; nothing is left of it."""
    script(programs, "apt-get", apt)
    with pytest.raises(PartsError) as caught:
        fetch(["runc", "iptables"], tmp_path / "archives")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "archives").iterdir()) == []
    return str(caught.value)


NOT_LOCATED = "W: something else\nE: Unable to locate package runc\nE: and more"


def test_a_refused_download_names_the_packages_the_reason_and_the_remedy(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said = refused(programs, tmp_path, f'case "$*" in *update*) exit;; esac; echo "{NOT_LOCATED}" >&2; exit 100')
    assert said == (
        "apt-get could not download runc iptables: Unable to locate package runc. Check the machine's apt sources."
    )
    assert len(calls(programs, "apt-get")) == 3


def test_lists_that_cannot_be_renewed_are_told_with_the_reason(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert refused(programs, tmp_path, 'echo "E: no network" >&2; exit 100') == (
        "apt-get update: no network. Check the machine's apt sources."
    )


def test_who_is_not_root_is_told_to_renew_the_lists(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = refused(programs, tmp_path, f'echo "{NOT_LOCATED}" >&2; exit 100')
    assert said.startswith("apt-get: Unable to locate package runc.")
    assert said.endswith("Run as root: apt-get update")
    assert not any("update" in call for call in calls(programs, "apt-get"))


@pytest.mark.parametrize("take", [lambda folder: fetch(["runc"], folder), lambda _: node_parts()])
def test_another_system_than_debian_is_told_so_in_one_line(programs: Path, tmp_path: Path, take: Any) -> None:
    with pytest.raises(
        PartsError, match=r"^apt-get not found: .* Use a machine or container with Debian 12 or newer.$"
    ):
        take(tmp_path)


def package(file: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> Path:
    """A package whose files are those of a plain archive, for the `dpkg-deb` of these tests."""
    with tarfile.open(file, "w") as archive:
        folders = sorted({str(parent) for name in {**files, **(links or {})} for parent in Path(name).parents})
        for folder in folders:
            member = tarfile.TarInfo(f"./{folder}")
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        for name, text in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(f"./{name}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return file


@pytest.fixture
def dpkg(programs: Path) -> None:
    script(programs, "dpkg-deb", '[ "$1" = --fsys-tarfile ] && cat "$2"')


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs GNU tar")


@linux
def test_packages_are_unpacked_into_merged_folders_and_their_links_stay_inside(dpkg: None, tmp_path: Path) -> None:
    debs = [
        package(tmp_path / "a_1_amd64.deb", {"lib/x86_64-linux-gnu/liba.so": "a", "bin/ip": "ip"}),
        package(tmp_path / "b_1_amd64.deb", {"usr/lib/x86_64-linux-gnu/libb.so": "b"}, {"usr/sbin/ip": "/bin/ip"}),
    ]
    root = tmp_path / "trees" / "root"
    unpack(debs, root)
    assert (root / "lib").readlink() == Path("usr/lib")
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    assert {file.name for file in libraries.iterdir()} == {"liba.so", "libb.so"}
    assert (root / "usr" / "sbin" / "ip").resolve() == root / "usr" / "bin" / "ip"
    assert os.listdir(root.parent) == ["root"]
    unpack(debs[:1], root)
    assert not (libraries / "libb.so").exists()
    assert os.listdir(root.parent) == ["root"]


@linux
def test_a_broken_package_leaves_the_tree_as_it_was(dpkg: None, tmp_path: Path) -> None:
    root = tmp_path / "trees" / "root"
    good = package(tmp_path / "a_1_amd64.deb", {"bin/a": "a"})
    unpack([good], root)
    broken = tmp_path / "b_1_amd64.deb"
    broken.write_bytes(b"no archive" * 1000)
    with pytest.raises(PartsError, match=r"^b_1_amd64.deb cannot be unpacked: .+$") as caught:
        unpack([good, broken], root)
    assert "\n" not in str(caught.value)
    assert (root / "bin" / "a").read_text() == "a"
    assert os.listdir(root.parent) == ["root"]


def test_programs_of_a_tree_come_first_and_find_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usr" / "lib" / "aarch64-linux-gnu").mkdir(parents=True)
    monkeypatch.setenv("PATH", "/host/bin")
    libraries = f"{tmp_path}/usr/lib/aarch64-linux-gnu"
    assert node_environment(tmp_path) == {
        "PATH": f"{tmp_path}/usr/sbin:{tmp_path}/usr/bin:/host/bin",
        "LD_LIBRARY_PATH": libraries,
        "XTABLES_LIBDIR": f"{libraries}/xtables",
    }


@linux
def test_the_parts_of_a_node_are_fetched_once_and_without_a_c_library(
    programs: Path, dpkg: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, path in ((install, "TOOLS", ""), (debian, "TOOLS", ""), (debian, "DEBIAN", "debian")):
        monkeypatch.setattr(module, name, tmp_path / "tools" / path)
    script(programs, "apt-get", "")
    fetched: list[Path] = []

    def fetching(packages: object, archives: Path) -> list[Path]:
        fetched.append(archives)
        return [
            package(archives / "iptables_1.8.9-2_amd64.deb", {"usr/sbin/xtables-nft-multi": "nft"}),
            package(archives / "libc6_2.36-9_amd64.deb", {"lib/x86_64-linux-gnu/libc.so.6": "libc"}),
            package(archives / "zlib1g_1%3a1.2_amd64.deb", {"lib/x86_64-linux-gnu/libz.so.1": "z"}),
        ]

    monkeypatch.setattr(debian, "fetch", fetching)
    root = node_parts()
    assert root == node_parts()
    assert len(fetched) == 1
    assert json.loads((root / "versions.json").read_text()) == {"iptables": "1.8.9-2", "zlib1g": "1:1.2"}
    assert os.listdir(root / "usr" / "lib" / "x86_64-linux-gnu") == ["libz.so.1"]
    for name in ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"):
        assert (root / "usr" / "sbin" / name).read_text() == "nft"
    (root / "usr" / "sbin" / "xtables-nft-multi").unlink()
    assert node_parts() == root
    assert len(fetched) == 2
    assert (root / "usr" / "sbin" / "iptables").read_text() == "nft"
