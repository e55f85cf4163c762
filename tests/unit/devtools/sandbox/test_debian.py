"""Packages of the distribution: fetched with all that they need, and unpacked into a tree."""

import io
import json
import os
import struct
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devtools.sandbox import debian, image
from devtools.sandbox.debian import PartsError, fetch, node_environment, node_parts, unpack, versions
from devtools.toolchain import install
from tests.support.programs import calls, programs, script

__all__ = ["programs"]


def test_a_dynamically_linked_program_needs_libraries(tmp_path: Path) -> None:
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


def test_a_fetch_returns_the_dependencies_and_no_other_files(programs: Path, tmp_path: Path) -> None:
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


def test_lists_that_cannot_be_renewed_are_reported_with_the_reason(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert refused(programs, tmp_path, 'echo "E: no network" >&2; exit 100') == (
        "apt-get update: no network. Check the machine's apt sources."
    )


def test_a_user_who_is_not_root_has_to_renew_the_lists(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = refused(programs, tmp_path, f'echo "{NOT_LOCATED}" >&2; exit 100')
    assert said.startswith("apt-get: Unable to locate package runc.")
    assert said.endswith("Run as root: apt-get update")
    assert not any("update" in call for call in calls(programs, "apt-get"))


@pytest.mark.parametrize("take", [lambda folder: fetch(["runc"], folder), lambda _: node_parts()])
def test_another_system_than_debian_is_reported_so_in_one_line(programs: Path, tmp_path: Path, take: Any) -> None:
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


def test_programs_of_a_tree_come_first_in_path_with_their_libraries(
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
