"""kr8s' client over a connection that this program makes.

kr8s reads kubeconfigs in its own way: of several files the last one wins, it takes the first context when there is no
current one, ignores `as` and `tokenFile`, leaves private keys in temporary files, and follows proxies by other rules
than Go. So it is given a connection, and no kubeconfig.
"""

import asyncio
import contextlib

import httpx
from kr8s.asyncio import Api

from gate.login import Login

FIXED = [(b"User-Agent", b"switchyard"), (b"Content-Type", b"application/json")]


class _Authentication:
    """What kr8s asks of its own counterpart."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self.tls_server_name = login.resolved.cluster.tls_server_name or None
        self.namespace = "default"

    async def reauthenticate(self) -> None:
        """Renews the credentials after the API server has refused them."""
        await asyncio.to_thread(self._login.renew, forced=True)


class ClusterClient(Api):
    """kr8s' calls to one cluster.

    Args:
        login: the context in use.
    """

    def __init__(self, login: Login) -> None:
        # Without the initialisation of kr8s, which enters the client in a list that later ones are taken from.
        self._session: httpx.AsyncClient | None = None
        self._timeout = None
        self._login = login
        self.auth = _Authentication(login)  # type: ignore[assignment]

    async def _create_session(self) -> None:
        await asyncio.to_thread(self._login.renew)
        if self._session is not None:
            with contextlib.suppress(RuntimeError):
                await self._session.aclose()
        self._session = httpx.AsyncClient(
            base_url=self._login.server,
            headers=httpx.Headers([*FIXED, *((key.encode(), value) for key, value in self._login.headers())]),
            verify=self._login.ssl_context() if self._login.is_encrypted else False,
            timeout=httpx.Timeout(None),  # each call has its own bound
            follow_redirects=True,
            proxy=self._login.proxy,
            trust_env=False,  # it would read proxies, and ~/.netrc, in its own way
        )
