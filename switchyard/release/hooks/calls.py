"""Starts the hooks of a release: Jobs on the cluster, and HTTP calls from this machine."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
        call = _Call(http)
        try:
            async with asyncio.timeout(seconds), client:
                await call.send(client, headers, _body(hook, context))
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return call.result or call.unanswered(error, seconds)
        if call.result is None:
            raise RuntimeError("a call has neither an answer nor an error")
        return call.result

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


@dataclass
class _Call:
    """One HTTP call.

    Attributes:
        http: the configured call.
        may_have_run: whether the server may have the request.
        result: the result by the status of the answer; None before it arrives.
    """

    http: HookHttp
    may_have_run: bool = False
    result: HookResult | None = None

    async def send(self, client: httpx.AsyncClient, headers: dict[str, str], body: dict[str, object]) -> None:
        """Sends the request, and keeps the result as soon as it is known: a body may take longer than the hook may."""
        http = self.http
        json_body, traced = None if http.method == "GET" else body, {"trace": self._trace}
        async with client.stream(http.method, http.url, headers=headers, json=json_body, extensions=traced) as response:
            status = response.status_code
            if status in http.expect_status:
                self.result = HookResult(HookOutcome.PASSED, f"{_host(http)} answered {status}")
                return
            expected = ", ".join(map(str, http.expect_status))
            self.result = HookResult(HookOutcome.FAILED, f"{_host(http)} answered {status}, expected {expected}")
            self.result = replace(self.result, quoted=await _excerpt(response))

    async def _trace(self, event: str, details: Mapping[str, Any]) -> None:
        # A proxy first gets a CONNECT, which is not the call.
        self.may_have_run |= event.endswith(SENDING) and details["request"].method != b"CONNECT"

    def unanswered(self, error: Exception, seconds: int) -> HookResult:
        """The result of a call that ended with an error before the answer.

        Args:
            error: the error.
            seconds: time limit of the call.
        """
        host = _host(self.http)
        if isinstance(error, httpx.InvalidURL | UnicodeError):  # whose text may have the path
            return HookResult(HookOutcome.FAILED, f"nothing was sent to {host}: its host or port is invalid")
        if isinstance(error, httpx.LocalProtocolError):
            # Its text has the header that it is about, and with it the value of a Secret.
            return HookResult(HookOutcome.FAILED, f"nothing was sent to {host}: HTTP does not permit a header")
        is_late = isinstance(error, TimeoutError)
        if not self.may_have_run:
            reason = f"no connection in {seconds} s" if is_late else _words(error)
            return HookResult(HookOutcome.FAILED, f"{host} cannot be reached: {reason}")
        reason = f" in {seconds} s" if is_late else f": {_words(error)}"
        return HookResult(HookOutcome.UNKNOWN, f"{host} has not answered{reason}")


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


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
