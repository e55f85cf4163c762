"""A server, a proxy or a login command that cannot be used ends in one message, not in a traceback."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from switchyard.errors import ClusterError, KubeconfigError, LoginError
from switchyard.kube.api import BoundedApi
from switchyard.kube.kubeconfig.resolve import resolve_content
from switchyard.kube.login import Login
from switchyard.kube.proxies import proxy_problem

VERSION = "client.authentication.k8s.io/v1"
SERVER = "https://127.0.0.1:1"


def login(cluster: dict[str, Any], user: dict[str, Any]) -> Login:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": SERVER} | cluster}],
        "users": [{"name": "a", "user": user}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    }
    return Login(resolve_content(json.dumps(config)))


def plugin(command: str, *args: str, **more: Any) -> Login:
    login_command = {"apiVersion": VERSION, "interactiveMode": "Never", "command": command, "args": [*args]}
    return login({}, {"exec": login_command | more})


@pytest.mark.parametrize(
    "cluster",
    [
        {"server": f" {SERVER}"},
        {"server": f"{SERVER}\n"},
        {"server": "https://127.0.0\t.1:1"},
        {"server": "https://a b"},
        {"proxy-url": "http://"},
        {"proxy-url": " http://127.0.0.1:1"},
        {"proxy-url": "http://127.0.0.1:99999"},
        {"proxy-url": "http://a b"},
        {"proxy-url": "http:127.0.0.1:1"},
        {"tls-server-name": ".example.org"},
        {"tls-server-name": "a\0b"},
        {"certificate-authority": "a\0b"},
    ],
)
def test_an_unusable_cluster_is_refused_with_its_kubeconfig(cluster: dict[str, Any]) -> None:
    with pytest.raises(KubeconfigError, match="Cluster 'a': its "):
        login(cluster, {"token": "one"})


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({"server": "https://\ud800"}, {"token": "one"}),
        ({}, {"token": "\ud800"}),
        ({}, {"username": "one", "password": "\udc00"}),
        ({}, {"token": "one", "as": "two", "as-groups": ["\ud800"]}),
        ({}, {"token": "one", "as": "two", "as-user-extra": {"\ud800": ["a"]}}),
        ({}, {"tokenFile": "/\ud800"}),
        ({}, {"exec": {"apiVersion": VERSION, "interactiveMode": "Never", "command": "a", "args": ["\ud800"]}}),
    ],
)
def test_half_of_a_character_is_refused(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    with pytest.raises(KubeconfigError, match="half of a character"):
        login(cluster, user)


def test_a_token_goes_before_the_path_of_a_token_that_is_no_path() -> None:
    assert login({}, {"token": "one", "tokenFile": "a\0b"}).headers() == [("Authorization", b"Bearer one")]


def test_a_host_that_is_no_name_is_not_reached() -> None:
    with pytest.raises(ClusterError, match="get /version: "):
        asyncio.run(BoundedApi.connect(login({"server": "https://xn--:1"}, {"token": "one"})))


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "http://127.0.0.1:99999", " "])
def test_an_unusable_proxy_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    behind = login({"server": "https://api.test"}, {"token": "one"})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)  # whether or not the package is there
    for use in (behind.check, lambda: asyncio.run(BoundedApi.connect(behind))):
        with pytest.raises(KubeconfigError) as error:
            use()
        assert "the proxy in the environment variable HTTPS_PROXY " in str(error.value)
        assert "add the host of https://api.test to NO_PROXY" in str(error.value)


@pytest.mark.parametrize("proxy", ["http://user:password@proxy.test:3128", "HTTPS://proxy.test", "http://[::1]:1/"])
def test_a_proxy_that_can_be_used_has_no_problem(proxy: str) -> None:
    assert proxy_problem(proxy) is None


@pytest.mark.parametrize(
    ("command", "args", "more"),
    [
        ("ec\0ho", (), {}),
        ("echo", ("a\0b",), {}),
        ("echo", (), {"env": [{"name": "A=B", "value": "c"}]}),
        ("echo", (), {"env": [{"name": "A", "value": "b\0"}]}),
    ],
)
def test_a_login_command_that_cannot_be_started_is_one_message(
    command: str, args: tuple[str, ...], more: dict[str, Any]
) -> None:
    with pytest.raises(LoginError, match=r"cannot be run: (?s:.*)Correct its command, args and env"):
        plugin(command, *args, **more).renew()


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"token": "\ud800"}, "must be text"),
        ({"clientCertificateData": "\udc00", "clientKeyData": "key"}, "must be text"),
        ("[" * 100_000, "must print JSON"),
    ],
)
def test_an_answer_that_is_no_credential_is_one_message(tmp_path: Path, status: Any, problem: str) -> None:
    answer = {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}
    file = tmp_path / "answer"
    file.write_text(status if isinstance(status, str) else json.dumps(answer))
    with pytest.raises(LoginError, match=f"answered with no credential: .*{problem}"):
        plugin("cat", str(file)).renew()
