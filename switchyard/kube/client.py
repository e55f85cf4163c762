"""HTTP calls to one API server, over connections that come from a login alone."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from switchyard.kube.login import Login

HEADERS = [(b"User-Agent", b"switchyard"), (b"Content-Type", b"application/json")]
"""Headers of every request."""

DENIED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
"""Statuses after which a call is tried with renewed credentials, if there are any."""

RENEWALS = 3
"""Number of times that a call is tried again with renewed credentials."""

ENDED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""Errors of a call on an idle connection that the server closes at the moment that it is used again."""

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=60)
"""Connections are kept for the next gate. Their number has no bound, because every watch has its own."""


@dataclass
class _Session:
    """A client with one set of credentials. Closing it waits for the calls that still use it."""

    http: httpx.AsyncClient
    fingerprint: str
    calls: int = 0
    is_replaced: bool = False

    async def release(self) -> None:
        self.calls -= 1
        await self.close_unused()

    async def close_unused(self) -> None:
        if self.is_replaced and not self.calls:
            await self.http.aclose()


class ClusterClient:
    """Calls to one cluster, from one event loop. They have no time limit; the caller sets one.

    Args:
        login: the context in use.
        transport: transport that replaces the network in tests.
    """

    def __init__(self, login: Login, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._login = login
        self._transport = transport
        self._session: _Session | None = None
        self._opening = asyncio.Lock()

    async def version(self) -> dict[str, Any]:
        """The version of the API server, as `/version/` returns it."""
        async with self._call("GET", "/version/", stream=False, raise_for_status=True) as response:
            answer: dict[str, Any] = response.json()
        return answer

    async def date(self) -> datetime:
        """The time by the clock of the API server, in whole seconds, as its answers carry it."""
        async with self._call("GET", "/version/", stream=False, raise_for_status=True) as response:
            return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)

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
        """Sends one request, whose response stays open within the block.

        Args:
            method: HTTP method.
            url: plural name of the kind, and the rest of the path.
            version: group and version of the API.
            namespace: namespace of the object; None for a cluster-wide object.
            raise_for_status: whether an error status is an ``httpx.HTTPStatusError``.
            stream: whether the body is read in the block.
            request: further arguments of the HTTP request.
        """
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path = f"{base}/namespaces/{namespace}/{url}" if namespace else f"{base}/{url}"
        async with self._call(method, path, stream=stream, raise_for_status=raise_for_status, **request) as response:
            yield response

    @contextlib.asynccontextmanager
    async def _call(
        self,
        method: str,
        path: str,
        *,
        stream: bool,
        raise_for_status: bool,
        follow_redirects: bool = True,
        **request: Any,
    ) -> AsyncGenerator[httpx.Response, None]:
        for renewals_left in reversed(range(RENEWALS + 1)):
            async with self._used_session() as session:
                response = await self._send(session.http, method, path, request, stream, follow_redirects)
                try:
                    if response.is_success or not raise_for_status:
                        yield response
                        return
                    await response.aread()
                finally:
                    await response.aclose()
            if not (response.status_code in DENIED and renewals_left and await self._is_renewed(session)):
                response.raise_for_status()

    async def _send(
        self,
        http: httpx.AsyncClient,
        method: str,
        path: str,
        request: dict[str, Any],
        stream: bool,
        follow_redirects: bool,
    ) -> httpx.Response:
        name = self._login.resolved.cluster.tls_server_name
        extensions = {"sni_hostname": name} if name else {}

        async def once() -> httpx.Response:
            call = http.build_request(method, path, extensions=extensions, **request)
            return await http.send(call, stream=stream, follow_redirects=follow_redirects)

        try:
            return await once()
        except ENDED:
            if method != "GET":
                raise  # what a write has done by then is not known
            return await once()

    @contextlib.asynccontextmanager
    async def _used_session(self) -> AsyncGenerator[_Session, None]:
        async with self._opening:
            if self._session is None or self._login.is_expired:
                await asyncio.to_thread(self._login.renew)
                await self._replace_session()
            session = self._session
            assert session is not None  # noqa: S101 - opened above
            session.calls += 1
        try:
            yield session
        finally:
            await session.release()

    async def _is_renewed(self, denied: _Session) -> bool:
        """Whether newer credentials exist than those of a session that was denied."""
        await asyncio.to_thread(self._login.renew, forced=True)
        async with self._opening:
            if self._session is denied and self._login.fingerprint() != denied.fingerprint:
                await self._replace_session()
            return self._session is not denied

    async def _replace_session(self) -> None:
        previous = self._session
        self._session = _Session(
            httpx.AsyncClient(
                base_url=self._login.server,
                headers=httpx.Headers([*HEADERS, *((key.encode(), value) for key, value in self._login.headers())]),
                verify=self._login.ssl_context() if self._login.is_encrypted else False,
                timeout=httpx.Timeout(None),  # each call has its own bound
                limits=LIMITS,
                proxy=self._login.proxy,
                trust_env=False,  # it would read proxies, and ~/.netrc, in its own way
                transport=self._transport,
            ),
            self._login.fingerprint(),
        )
        if previous is not None:
            previous.is_replaced = True
            await previous.close_unused()
