"""HTTP calls to one API server, over a connection that comes from a login alone."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import httpx

from switchyard.kube.login import Login

FIXED = [(b"User-Agent", b"switchyard"), (b"Content-Type", b"application/json")]

REFUSED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
"""Answers after which a call is tried with renewed credentials."""

RENEWALS = 3
"""How often a call is tried again with renewed credentials."""


class ClusterClient:
    """Calls to one cluster. None of them is bounded in time; its caller bounds it.

    Args:
        login: the context in use.
    """

    def __init__(self, login: Login) -> None:
        self._login = login
        self._session: httpx.AsyncClient | None = None

    async def version(self) -> dict[str, Any]:
        """The version of the API server, as `/version/` returns it."""
        response = await self._send("GET", "/version/", stream=False, raise_for_status=True)
        answer: dict[str, Any] = response.json()
        return answer

    @contextlib.asynccontextmanager
    async def call_api(
        self,
        method: str,
        *,
        url: str,
        version: str = "v1",
        namespace: str | None = None,
        raise_for_status: bool = True,
        stream: bool = False,
        **request: Any,
    ) -> AsyncGenerator[httpx.Response, None]:
        """One call, whose answer is open within the block.

        Args:
            method: of HTTP.
            url: plural name of the kind, and what follows it in the path.
            version: group and version of the API.
            namespace: None for what belongs to no namespace.
            raise_for_status: whether an error status is an ``httpx.HTTPStatusError``.
            stream: whether the body is read in the block.
            request: more for the HTTP request.
        """
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{base}/namespaces/{namespace}/{url}" if namespace else f"{base}/{url}"
        response = await self._send(method, path, stream=stream, raise_for_status=raise_for_status, **request)
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(
        self,
        method: str,
        path: str,
        *,
        stream: bool,
        raise_for_status: bool,
        follow_redirects: bool = True,
        **request: Any,
    ) -> httpx.Response:
        for left in reversed(range(RENEWALS + 1)):
            session = self._session or await self._create_session()
            call = session.build_request(method, path, extensions=self._extensions(), **request)
            response = await session.send(call, stream=stream, follow_redirects=follow_redirects)
            if response.is_success or not raise_for_status:
                break
            await response.aread()
            if response.status_code not in REFUSED or not left:
                response.raise_for_status()
            await asyncio.to_thread(self._login.renew, forced=True)
            await self._create_session()
        return response

    def _extensions(self) -> dict[str, Any]:
        name = self._login.resolved.cluster.tls_server_name
        return {"sni_hostname": name} if name else {}

    async def _create_session(self) -> httpx.AsyncClient:
        await asyncio.to_thread(self._login.renew)
        if self._session is not None:
            with contextlib.suppress(RuntimeError):
                await self._session.aclose()
        self._session = httpx.AsyncClient(
            base_url=self._login.server,
            headers=httpx.Headers([*FIXED, *((key.encode(), value) for key, value in self._login.headers())]),
            verify=self._login.ssl_context() if self._login.is_encrypted else False,
            timeout=httpx.Timeout(None),  # each call has its own bound
            proxy=self._login.proxy,
            trust_env=False,  # it would read proxies, and ~/.netrc, in its own way
        )
        return self._session
