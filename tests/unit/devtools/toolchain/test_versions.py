"""Platforms and pinned versions of the tools."""

import re
from pathlib import Path

import pytest

from devtools.toolchain import paths, versions
from devtools.toolchain.tools import Platform, UnsupportedPlatformError, this_platform
from devtools.toolchain.versions import GROUPS

LINUX = Platform("linux", "amd64")
ALL_TOOLS = [tool for group in GROUPS.values() for tool in group]


@pytest.mark.parametrize(
    ("system", "machine", "platform"),
    [
        ("Linux", "x86_64", Platform("linux", "amd64")),
        ("Linux", "aarch64", Platform("linux", "arm64")),
        ("Darwin", "arm64", Platform("darwin", "arm64")),
    ],
)
def test_a_platform_is_detected_from_uname(system: str, machine: str, platform: Platform) -> None:
    assert this_platform(system, machine) == platform


@pytest.mark.parametrize(("system", "machine"), [("Windows", "AMD64"), ("Linux", "riscv64")])
def test_an_unsupported_platform_gets_one_line_with_the_remedy(system: str, machine: str) -> None:
    with pytest.raises(UnsupportedPlatformError, match=f"{system} on {machine} is not supported. Use Linux or macOS"):
        this_platform(system, machine)


@pytest.mark.parametrize("platform", [LINUX, Platform("linux", "arm64"), Platform("darwin", "arm64")], ids=str)
def test_every_release_is_of_the_pinned_version_and_the_platform(platform: Platform) -> None:
    for wanted in ALL_TOOLS:
        download = wanted.download(platform)
        if download is None:
            kubernetes_server = platform.os == "darwin" and wanted.name.startswith("kube")
            assert kubernetes_server or wanted.name in {"rollouts-controller", "istio-definitions"}
            continue
        assert f"v{wanted.version}" in download.url
        assert platform.os in download.url
        assert platform.arch in download.url or platform.pulumi_arch in download.url
        assert set(download.members or wanted.binaries) == set(wanted.binaries)


def test_every_tool_can_be_built_from_a_module_of_the_project() -> None:
    for wanted in ALL_TOOLS:
        built = {name for spec in wanted.builds for name in spec.packages}
        built |= {Path(file).name for spec in wanted.builds for _, file in spec.scripts}
        assert built == set(wanted.binaries)
        for spec in wanted.builds:
            assert (paths.MODULES / spec.module / "go.sum").exists()


def test_no_two_tools_share_a_name_or_a_file() -> None:
    names = [wanted.name for wanted in ALL_TOOLS]
    files = [file for wanted in ALL_TOOLS for file in wanted.binaries]
    assert len(names) == len(set(names))
    assert len(files) == len(set(files))


@pytest.mark.parametrize(
    ("module", "path", "version"),
    [
        ("kubernetes", "k8s.io/kubernetes", versions.KUBERNETES),
        ("kubeadm", "k8s.io/kubernetes", versions.KUBERNETES),
        ("vegeta", "github.com/tsenart/vegeta/v12", versions.VEGETA),
        ("helm", "helm.sh/helm/v3", versions.HELM),
        ("helm", "k8s.io/client-go", f"{versions.HELM_KUBERNETES.replace('1.', '0.')}.0"),
        ("pulumi", "github.com/pulumi/pulumi/pkg/v3", versions.PULUMI),
        ("pulumi", "github.com/pulumi/pulumi/sdk/v3", versions.PULUMI),
        ("pulumi-language-python", "github.com/pulumi/pulumi/sdk/v3", versions.LANGUAGE_HOST),
        ("argo-rollouts", "github.com/argoproj/argo-rollouts", versions.ARGO_ROLLOUTS),
    ],
)
def test_builds_and_downloads_have_the_same_version(module: str, path: str, version: str) -> None:
    pins = (paths.MODULES / module / "go.mod").read_text()
    assert re.search(rf"^\t{re.escape(path)} v{re.escape(version)} ", pins, re.MULTILINE)
