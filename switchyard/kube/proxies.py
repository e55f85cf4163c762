"""Determines the HTTP proxy that Go's client would use for an address, by the environment.

kubectl and the provider follow HTTPS_PROXY and NO_PROXY in Go's way: addresses of this machine are never proxied, and
NO_PROXY may hold networks. The HTTP library of the gates reads the same variables in another way, so that a gate
could reach another server than the update behind it.
"""

import importlib.util
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
PROXY_SCHEMES = ("http", "https", "socks5")


def has_host(url: str) -> bool:
    """Whether a URL has a host and a valid port. Blanks and control characters are valid nowhere in it, as in Go."""
    try:
        parts = urlsplit(url)
        is_valid = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return is_valid and not any(char.isspace() or ord(char) < 0x20 for char in url)


def proxy_problem(proxy: str) -> str | None:
    """The reason why the gates cannot use a proxy, with a remedy; None if they can.

    Args:
        proxy: URL of the proxy, which may contain a password and is not repeated.
    """
    scheme = proxy.partition("://")[0].lower() if "://" in proxy else ""
    if scheme not in PROXY_SCHEMES:
        return "must begin with http://, https:// or socks5://. Correct it."
    if not has_host(proxy):
        return "has no host, or no valid port. Correct it."
    if scheme == "socks5" and importlib.util.find_spec("socksio") is None:
        return (
            "is a SOCKS proxy, for which the gates need another package. "
            "Use an HTTP proxy, or install it: .venv/bin/pip install 'httpx[socks]'."
        )
    return None


def proxy_for(server: str, environment: Mapping[str, str]) -> str | None:
    """The proxy to a server; None for a direct connection.

    Args:
        server: URL of the API server.
        environment: variables of the process.
    """
    parts = urlsplit(server)
    host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    proxy = _first(environment, f"{parts.scheme}_proxy")
    if not proxy or _is_local(host) or _excluded(host, port, _first(environment, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _first(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name) or ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _excluded(host: str, port: int, exceptions: str) -> bool:
    return any(_matches(host, port, entry.strip().lower()) for entry in exceptions.split(",") if entry.strip())


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, of_port = _split(entry)
    if of_port and of_port != str(port):
        return False
    if (excluded := _address(name)) is not None:
        return address == excluded
    if name.startswith("*."):
        name = name[1:]
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _split(entry: str) -> tuple[str, str]:
    """Splits an address into its host, and its port if there is one."""
    if _address(entry) is not None:
        return entry, ""
    if entry.startswith("["):
        host, _, port_text = entry[1:].partition("]")
        return host, port_text.removeprefix(":")
    host, _, port = entry.partition(":")
    return host, port
