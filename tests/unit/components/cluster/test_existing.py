"""The inputs of an existing cluster's provider, and the errors that end a run before it is registered."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

import components.cluster.existing
from components.cluster.existing import access_to, provider_kubeconfig
from switchyard.config.models.cluster import ExistingCluster
from switchyard.kube.access import ClusterAccess
from tests.support.kubeconfigs import kubeconfig

TOKEN = "hunter2"


def existing(path: Path | str | None, **more: Any) -> ExistingCluster:
    return ExistingCluster(kind="existing", kubeconfig=None if path is None else str(path), **more)


def given(cluster: ExistingCluster) -> Any:
    return provider_kubeconfig(cluster, ClusterAccess(cluster.kubeconfig, cluster.context))


def test_a_path_stays_a_path(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://a.test", f"token: {TOKEN}", cluster=""))
    assert given(existing(path)) == str(path)


def test_certificates_that_the_provider_would_not_find_are_given_by_absolute_paths(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("")
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://a.test", f"token: {TOKEN}", cluster="certificate-authority: ca.crt"))

    async def seen() -> tuple[bool, str | None]:
        value = given(existing(path))
        assert isinstance(value, pulumi.Output)
        return await value.is_secret(), await value.future()

    secret, content = asyncio.run(seen())
    assert secret
    assert json.loads(content or "")["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")


def test_certificates_beside_the_program_are_found_by_the_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.crt").write_text("")
    (tmp_path / "config").write_text(kubeconfig("https://a.test", cluster="certificate-authority: ca.crt"))
    monkeypatch.chdir(tmp_path)
    assert given(existing("config")) == "config"


@pytest.mark.parametrize("variable", ["/a:/b", "/a"])
def test_the_provider_reads_the_variable_by_its_own_rules(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", variable)
    assert provider_kubeconfig(existing(None), None) == ""
    monkeypatch.delenv("KUBECONFIG")
    assert provider_kubeconfig(existing(None), None) is None


def test_a_home_other_than_the_users_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(kubeconfig("https://a.test", cluster=""))
    monkeypatch.setattr(components.cluster.existing, "_home_is_plain", lambda: True)
    assert provider_kubeconfig(existing("~/config"), None) == "~/config"
    monkeypatch.setattr(components.cluster.existing, "_home_is_plain", lambda: False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert provider_kubeconfig(existing("~/config"), None) == str(tmp_path / "config")


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("token: 1", "users.0.user.token must be text"),
        (
            "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: 'false'}",
            "failed with exit code 1",
        ),
    ],
)
def test_a_kubeconfig_without_a_cluster_ends_the_run_at_once(user: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://a.test", user, cluster=""))
    with pytest.raises(pulumi.RunError, match=message) as error:
        access_to(existing(path))
    assert str(error.value).endswith("Nothing was changed.")
