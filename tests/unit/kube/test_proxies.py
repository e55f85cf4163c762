"""The proxy to an API server, by the rules of Go's golang.org/x/net/http/httpproxy."""

import pytest

from switchyard.kube.proxies import proxy_for

PROXY = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("server", "exceptions", "proxied"),
    [
        ("https://api.test", "", True),
        ("https://localhost:6443", "", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://127.8.8.8:6443", "", False),
        ("https://[::1]:6443", "", False),
        ("https://10.0.1.7:6443", "", True),
        ("https://10.0.1.7:6443", "10.0.0.0/16", False),
        ("https://10.1.1.7:6443", "10.0.0.0/16", True),
        ("https://10.0.1.7:6443", "10.0.1.7", False),
        ("https://10.0.1.7:6443", "10.0.1.7:6443", False),
        ("https://10.0.1.7:6443", "10.0.1.7:443", True),
        ("https://[fd00::7]:6443", "fd00::/8", False),
        ("https://[fd00::7]:6443", "[fd00::7]:6443", False),
        ("https://api.test", "*", False),
        ("https://api.test", "test", False),
        ("https://api.test", ".test", False),
        ("https://api.test", "*.test", False),
        ("https://test", ".test", True),
        ("https://latest", "test", True),
        ("https://API.test", " other.example , API.TEST ", False),
        ("https://api.test", "api.test:443", False),
        ("https://api.test", "api.test:80", True),
        ("https://api.test", "not/a/network", True),
        ("http://api.test", "", False),
    ],
)
def test_a_server_is_proxied_as_by_go(server: str, exceptions: str, proxied: bool) -> None:
    environment = {"https_proxy": PROXY, "NO_PROXY": exceptions, "ALL_PROXY": "http://never.test"}
    assert proxy_for(server, environment) == (PROXY if proxied else None)


def test_a_proxy_without_a_scheme_is_http() -> None:
    assert proxy_for("https://api.test", {"HTTPS_PROXY": "proxy.test:3128", "https_proxy": "other"}) == PROXY
