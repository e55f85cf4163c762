"""Starts the hooks of a release: Jobs on the cluster, and HTTP calls from this machine."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from switchyard.config.models.environment import SecretValue
from switchyard.config.models.hooks import IDEMPOTENCY_KEY, Hook, HookHttp
from switchyard.config.models.service import BlueGreenSettings
from switchyard.errors import ClusterError
from switchyard.kube.api import BoundedApi
from switchyard.kube.outgoing import outgoing_client
from switchyard.manifests.hooks import HookContext
from switchyard.release.hooks.hooks import HookResult
from switchyard.release.hooks.job import JobRun
from switchyard.release.record.hook import HookOutcome

CONNECT_SECONDS = 10
"""Time limit in seconds for opening a connection, if the hook's own is not shorter."""

QUOTED_BYTES = 400
"""Number of bytes of an answer that a message quotes."""

QUOTED_SECONDS = 1.0
"""Seconds within which the quoted bytes must arrive. The status of the answer is known before."""

SENDING = ".send_request_headers.started"
"""End of the name of the HTTP library's trace event after which a server may have the request."""


@dataclass(frozen=True)
class ClusterHookCalls:
    """Starts the hooks of one service.

    Attributes:
        api: the API server.
        service: the settings of the service.
        now: the time by the API server's clock.
    """

    api: BoundedApi
    service: BlueGreenSettings
    now: Callable[[], datetime]

    async def run(self, hook: Hook, context: HookContext, begun: datetime | None) -> HookResult:
        """Runs a hook to its end. See `switchyard.release.hooks.hooks.HookCalls`."""
        if hook.job is not None:
            return await JobRun(self.api, hook, hook.job, context, self.service).run(begun, self.now())
        if hook.http is None:
            raise TypeError(f"hook {hook.name} has neither job nor http")  # which its model refuses
        if begun is not None:
            detail = f"its call to {_host(hook.http)} was begun, and the command ended before it had an answer"
            return HookResult(HookOutcome.UNKNOWN, detail)
        return await self._call(hook, hook.http, context)

    async def _call(self, hook: Hook, http: HookHttp, context: HookContext) -> HookResult:
        try:
            secret = {name: await self._secret(value) for name, value in http.secret_headers.items()}
            seconds = hook.timeout_seconds
            client = outgoing_client(httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)))
        except (ClusterError, ValueError) as error:
            return HookResult(HookOutcome.FAILED, f"nothing was sent to {_host(http)}: {error}")
        headers = {**http.headers, **secret, IDEMPOTENCY_KEY: f"{context.release}/{hook.name}"}
        may_have_run = False

        async def trace(event: str, details: Mapping[str, Any]) -> None:
            nonlocal may_have_run
            # A proxy first gets a CONNECT, which is not the call.
            may_have_run |= event.endswith(SENDING) and details["request"].method != b"CONNECT"

        try:
            async with asyncio.timeout(seconds), client:
                return await _sent(client, http, headers, _body(hook, context), trace)
        except TimeoutError:
            if not may_have_run:
                return HookResult(HookOutcome.FAILED, f"{_host(http)} cannot be reached: no connection in {seconds} s")
            return HookResult(HookOutcome.UNKNOWN, f"{_host(http)} has not answered in {seconds} s")
        except (httpx.InvalidURL, UnicodeError):  # whose text may have the path
            return HookResult(HookOutcome.FAILED, f"nothing was sent to {_host(http)}: its host or port is invalid")
        except httpx.LocalProtocolError:
            # Its text has the header that it is about, and with it the value of a Secret.
            return HookResult(HookOutcome.FAILED, f"nothing was sent to {_host(http)}: HTTP does not permit a header")
        except httpx.HTTPError as error:
            if not may_have_run:
                return HookResult(HookOutcome.FAILED, f"{_host(http)} cannot be reached: {_words(error)}")
            return HookResult(HookOutcome.UNKNOWN, f"{_host(http)} has not answered: {_words(error)}")

    async def _secret(self, value: SecretValue) -> str:
        """The value of a key of a Secret, which is used in a header only.

        Raises:
            ValueError: the value is missing, or not valid in a header. The text does not show the value.
        """
        named = f"key {value.key} of Secret {value.secret} in namespace {self.service.namespace}"
        live = await self.api.find("secrets", value.secret, self.service.namespace)
        encoded = ((live or {}).get("data") or {}).get(value.key)
        if encoded is None:
            raise ValueError(f"there is no {named}")
        text = ""
        with suppress(binascii.Error, UnicodeDecodeError):
            text = base64.b64decode(encoded).decode("ascii").strip(" \t\r\n")  # no part of the value of a header
        if not text or not text.isprintable():
            raise ValueError(f"{named} is empty, or nothing that a header can have")
        return text


async def _sent(
    client: httpx.AsyncClient,
    http: HookHttp,
    headers: dict[str, str],
    body: dict[str, object],
    trace: Callable[[str, Mapping[str, Any]], Awaitable[None]],
) -> HookResult:
    json_body, traced = None if http.method == "GET" else body, {"trace": trace}
    async with client.stream(http.method, http.url, headers=headers, json=json_body, extensions=traced) as response:
        if response.status_code in http.expect_status:
            return HookResult(HookOutcome.PASSED, f"{_host(http)} answered {response.status_code}")
        expected = ", ".join(map(str, http.expect_status))
        detail = f"{_host(http)} answered {response.status_code}, expected {expected}"
        return HookResult(HookOutcome.FAILED, detail, await _excerpt(response))


async def _excerpt(response: httpx.Response) -> str | None:
    text = b""
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(QUOTED_SECONDS):
            async for chunk in response.aiter_bytes():
                text += chunk
                if len(text) >= QUOTED_BYTES:
                    break
    shown = "".join(char if char.isprintable() else " " for char in text[:QUOTED_BYTES].decode("utf-8", "replace"))
    words = " ".join(shown.split())
    return f"It answered: {words}" if words else None


def _body(hook: Hook, context: HookContext) -> dict[str, object]:
    """The JSON that a call sends. Its form is documented in docs/hooks.md."""
    return {
        "version": 1,
        "service": context.service,
        "release": context.release,
        "hook": hook.name,
        "point": context.point.value,
        "fromTag": context.from_tag,
        "tag": context.tag,
        "colour": context.colour,
    }


def _host(http: HookHttp) -> str:
    """The host of a call, for messages. The path of a URL may be a secret."""
    return http.url.partition("://")[2].partition("/")[0]


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
