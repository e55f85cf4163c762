"""A client for requests to servers outside the cluster, with the proxies and certificates of the environment."""

import httpx

VARIABLES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR"
"""Environment variables that the HTTP library reads."""


def outgoing_client(timeout: httpx.Timeout | float) -> httpx.AsyncClient:
    """Creates a client that follows no redirect.

    Args:
        timeout: time limits of a request.

    Raises:
        ValueError: the environment has a proxy or certificates that cannot be used. The text has no part of them, as a
            proxy may contain a password.
    """
    try:
        return httpx.AsyncClient(timeout=timeout, follow_redirects=False)
    except ImportError:
        reason = "a SOCKS proxy needs another package: .venv/bin/pip install 'httpx[socks]'"
    except (httpx.InvalidURL, OSError, ValueError) as error:
        reason = type(error).__name__
    raise ValueError(f"{VARIABLES} of this machine cannot be used: {reason}")
