"""Which cluster and user a kubeconfig means, and what the refusal of an unusable one says."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchyard.errors import ClusterError, KubeconfigError
from switchyard.kube.access import ClusterAccess
from switchyard.kube.api import BoundedApi
from switchyard.kube.kubeconfig.environment import KubeconfigEnvironment, project_directory
from switchyard.kube.kubeconfig.resolve import resolve, resolve_content
from switchyard.kube.login import Login
from tests.support.kubeconfig_cases import CASES
from tests.support.kubeconfigs import REFUSED, Case, FakeServers, kubeconfig, start_servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServers]:
    started = start_servers(tmp_path_factory.mktemp("servers"))
    yield started
    started.stop()


def connect(case: Case, servers: FakeServers, directory: Path) -> None:
    """Asks for the version of the cluster of a case, as a gate does first."""

    def filled(text: str | None) -> str | None:
        return None if text is None else servers.fill(text, directory).decode()

    environment = {"HOME": str(directory / "home")}
    if case.variable is not None:
        environment["KUBECONFIG"] = str(filled(case.variable))
    login = Login(
        resolve(
            filled(case.setting),
            case.context,
            KubeconfigEnvironment(environment, directory, directory, directory / "pod"),
        )
    )
    login.check()
    asyncio.run(_ask(login))


async def _ask(login: Login) -> None:
    await BoundedApi.connect(login)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kubeconfig_is_resolved_by_client_gos_rules(case: Case, servers: FakeServers, tmp_path: Path) -> None:
    servers.write(case, tmp_path)
    servers.asked.clear()
    if case.expected != REFUSED:
        connect(case, servers, tmp_path)
        assert servers.asked == [case.expected]
        return
    with pytest.raises(ClusterError) as refusal:
        connect(case, servers, tmp_path)
    assert servers.asked == []
    assert case.message in str(refusal.value)
    assert "Bearer" not in str(refusal.value)


def around(directory: Path, project: Path | None = None, **environment: str) -> KubeconfigEnvironment:
    return KubeconfigEnvironment(
        {"HOME": str(directory)} | environment, directory, project or directory, directory / "pod"
    )


def written(directory: Path, name: str = "config", content: str = "") -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or kubeconfig("https://a.test", "token: one", cluster=""))
    return path


@pytest.mark.parametrize("setting", ["config", "./config", "~/config", "sub/../config"])
def test_a_path_of_the_settings_counts_from_the_project(setting: str, tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "sub").mkdir()
    below = KubeconfigEnvironment({"HOME": str(tmp_path)}, tmp_path / "sub", tmp_path)
    assert resolve(setting, None, below).cluster.server == "https://a.test"


def test_the_project_is_found_from_below(tmp_path: Path) -> None:
    (below := tmp_path / "a" / "b").mkdir(parents=True)
    assert project_directory(below) == below
    (tmp_path / "Pulumi.yaml").write_text("name: it\n")
    assert project_directory(below) == tmp_path
    (tmp_path / "Pulumi.yaml").write_text("name: it\nmain: program/\n")
    assert project_directory(below) == tmp_path / "program"
    written(tmp_path, "program/__main__.py")
    (tmp_path / "Pulumi.yaml").write_text("name: it\nmain: program/__main__.py\n")
    assert project_directory(below) == tmp_path / "program"


def test_a_relative_kubeconfig_counts_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: it\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path / "sub"))
    assert KubeconfigEnvironment.of_process().working == tmp_path / "sub"
    monkeypatch.setenv("PWD", "/elsewhere")
    assert KubeconfigEnvironment.of_process().working == tmp_path
    # A process that was started in another directory than the shell's.
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    monkeypatch.setenv("PWD", str(tmp_path))
    assert KubeconfigEnvironment.of_process().working == tmp_path / "other"


def test_a_relative_kubeconfig_of_the_environment_is_refused_below_the_project(tmp_path: Path) -> None:
    written(tmp_path)
    assert resolve(None, None, around(tmp_path, KUBECONFIG="config")).context == "it"
    with pytest.raises(KubeconfigError, match=r"Make it absolute: export KUBECONFIG=\$PWD/config"):
        resolve(None, None, around(tmp_path, tmp_path.parent, KUBECONFIG="config"))


def test_a_pod_without_a_kubeconfig_takes_its_own_credentials(tmp_path: Path) -> None:
    inside = around(tmp_path, KUBERNETES_SERVICE_HOST="fd00::1", KUBERNETES_SERVICE_PORT="443")
    with pytest.raises(KubeconfigError, match=r"there is no ~/\.kube/config"):
        resolve(None, None, inside)
    written(tmp_path, "pod/token", "of-pod")
    resolved = resolve(None, None, inside)
    assert (resolved.cluster.server, resolved.user.token_file) == ("https://[fd00::1]:443", f"{tmp_path}/pod/token")
    # What a kubeconfig says goes before it.
    written(tmp_path, ".kube/config")
    assert resolve(None, None, inside).context == "it"
    with pytest.raises(KubeconfigError, match="no such context"):
        resolve(None, "other", inside)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)

    def denied(_: Path) -> bytes:  # root may read anything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(KubeconfigError, match=rf"'{path}': cannot be read: Permission denied\. Check its owner"):
        resolve(str(path), None, around(tmp_path))


def test_the_minimised_kubeconfig_has_one_context_and_nothing_else(tmp_path: Path) -> None:
    content = kubeconfig("https://a.test", "token: one, as: dev", cluster="").replace(
        "contexts:", "- {name: other, user: {token: not-given-away}}\ncontexts:\n- {name: second, context: {}}"
    )
    resolved = resolve(str(written(tmp_path, content=content)), None, around(tmp_path))
    text = json.dumps(resolved.minimised())
    assert "not-given-away" not in text
    assert "second" not in text
    again = resolve_content(text)
    assert (again.cluster, again.user, again.context) == (resolved.cluster, resolved.user, resolved.context)


def test_no_credential_is_shown(tmp_path: Path) -> None:
    secret = "hunter2"
    user = f"token: {secret}, exec: {{command: ls, args: [{secret}], env: [{{name: X, value: {secret}}}]}}"
    content = kubeconfig("https://a.test", user, cluster="")
    assert secret not in repr(resolve_content(kubeconfig("https://a.test", f"token: {secret}", cluster="")))
    for broken in (
        content,
        content.replace("kind:", f"\tkind: {secret}"),
        content.replace(f"token: {secret}", f"token: [{secret}]"),
        content.replace("current-context: it", f"current-context: 1\nkind: {secret}: {secret}"),
    ):
        with pytest.raises(KubeconfigError) as refusal:
            resolve(str(written(tmp_path, content=broken)), None, around(tmp_path))
        assert secret not in str(refusal.value)


def test_a_cluster_is_resolved_once(tmp_path: Path) -> None:
    path = written(tmp_path)
    access = ClusterAccess(str(path))
    assert access.cluster.cluster.server == "https://a.test"
    written(tmp_path, content=kubeconfig("https://b.test", cluster=""))
    assert access.cluster.cluster.server == "https://a.test"
    assert access.login is access.login
