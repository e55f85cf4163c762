"""Sends the messages that wait in the record of a service, beside a release and never in its way.

1. Each notification's oldest message is marked in the record as being sent.
2. It is sent, in a bounded time.
3. It is removed from the record, or waits again.

A command that is killed between 2 and 3 leaves a message that was sent and is marked. It is sent once more, with the
same ID: a message may arrive twice then, and is never lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from switchyard.codes import Code
from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.gates.rules.refusal import notice
from switchyard.kube.api import BoundedApi
from switchyard.release.notice_text import json_document, slack_document
from switchyard.release.outbox import KEPT_HOURS, KEPT_MESSAGES, Claim, Outbox
from switchyard.release.store import Releases
from switchyard.release.subscriptions import Webhook
from switchyard.release.webhook import WebhookUrlError, send, url_of
from switchyard.release_errors import ReleaseError

ROUND_SECONDS = 20.0
"""Seconds that a command may spend on messages after everything else is done. What is left waits for the next one."""

FORMS: Mapping[str, Callable[..., dict[str, Any]]] = {"slack": slack_document, "json": json_document}


class Queue(Protocol):
    """The record, as far as messages need it."""

    @property
    def outbox(self) -> Outbox:
        """The messages that waited when the record was read or written last."""

    async def update(self, change: Callable[[Releases], Releases]) -> Releases:
        """Reads the record, changes it and writes it."""


class Courier:
    """Sends the messages of one service.

    Args:
        queue: the record of the service.
        webhooks: of the service, by the name of their notification.
        post: sends a message to a webhook; returns why it may not have been received.
        now: the time by the API server's clock.
        warn: reports what could not be sent.
        about: the key of the service.
    """

    def __init__(
        self,
        queue: Queue,
        webhooks: Mapping[str, Webhook],
        post: Callable[[Webhook, Claim], Awaitable[str | None]],
        now: Callable[[], Awaitable[datetime]],
        warn: Warn,
        about: str,
    ) -> None:
        self._queue = queue
        self._webhooks = webhooks
        self._post = post
        self._now = now
        self._warn = warn
        self._about = about
        self._unreachable: dict[str, str] = {}
        self._round: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begins to send what waits, in the background. What comes in meanwhile is sent too."""
        if self._waits() and (self._round is None or self._round.done()):
            self._round = asyncio.create_task(self._deliver())

    async def finish(self) -> None:
        """Waits until what can be sent is sent, in a bounded time, and warns of what waits on."""
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                if self._round is not None:
                    await self._round
                if self._waits():
                    await self._deliver()
        except TimeoutError:
            self._warn(self._waiting("not all of them could be sent in time"))

    def _waits(self) -> bool:
        return self._queue.outbox != Outbox()

    async def _deliver(self) -> None:
        try:
            await self._clear()
            while claims := await self._claimed():
                reasons = await asyncio.gather(*(self._post(self._webhooks[claim.to], claim) for claim in claims))
                ends = list(zip(claims, reasons, strict=True))
                sent = [claim for claim, reason in ends if reason is None]
                unsent = [claim for claim, reason in ends if reason is not None]
                await self._change(lambda outbox, sent=sent, unsent=unsent: outbox.settling(sent, unsent))  # type: ignore[misc] # of each round
                self._report(ends)
        except (ClusterError, ReleaseError) as error:
            self._warn(self._waiting(f"the record cannot be written: {error}"))

    async def _clear(self) -> None:
        """Drops what is too old, or for a notification that there is no more, and says how many."""
        now, dropped = await self._now(), 0

        def cleared(outbox: Outbox) -> Outbox:
            nonlocal dropped
            outbox = outbox.cleared(now, self._webhooks)
            dropped = outbox.dropped
            return Outbox(outbox.messages)

        if cleared(self._queue.outbox) == self._queue.outbox:
            return
        await self._change(cleared)
        if dropped:
            self._warn(_dropped(self._about, dropped))

    async def _claimed(self) -> tuple[Claim, ...]:
        """The messages that are sent next, marked in the record. One webhook that does not answer holds up no other."""
        now, claims = await self._now(), tuple[Claim, ...]()
        if not self._queue.outbox.claiming(now, self._skipped())[1]:
            return ()

        def claimed(outbox: Outbox) -> Outbox:
            nonlocal claims
            outbox, claims = outbox.claiming(now, self._skipped())
            return outbox

        await self._change(claimed)
        return claims

    def _skipped(self) -> set[str]:
        unknown = {name for message in self._queue.outbox.messages for name in message.to} - set(self._webhooks)
        return unknown | set(self._unreachable)

    async def _change(self, change: Callable[[Outbox], Outbox]) -> None:
        from dataclasses import replace  # noqa: PLC0415

        await self._queue.update(lambda releases: replace(releases, outbox=change(releases.outbox)))

    def _report(self, ends: list[tuple[Claim, str | None]]) -> None:
        for claim, reason in ends:
            if reason is not None:
                self._unreachable[claim.to] = reason
                code = Code.WEBHOOK_UNUSABLE if reason.startswith(_UNUSABLE) else Code.MESSAGE_WAITS
                self._warn(self._waiting(f"notification {claim.to} has not got {claim.message.event}: {reason}", code))

    def _waiting(self, why: str, code: Code = Code.MESSAGE_WAITS) -> str:
        remedy = "The message waits, and the release goes on. The next command of the service sends it."
        return notice(code, self._about, why, remedy)


_UNUSABLE = "its URL cannot be read"


def posting(api: BoundedApi, namespace: str) -> Callable[[Webhook, Claim], Awaitable[str | None]]:
    """The function that sends a message to a webhook whose URL is in a Secret.

    Args:
        api: the API server.
        namespace: of the Secret.
    """

    async def post(webhook: Webhook, claim: Claim) -> str | None:
        try:
            url = url_of(await api.find("secrets", webhook.secret, namespace), webhook.secret, webhook.key)
        except (ClusterError, WebhookUrlError) as error:
            return f"{_UNUSABLE}: {error}, in namespace {namespace}"
        return await send(url, claim.message.id, FORMS[webhook.format](claim.message))

    return post


def _dropped(about: str, number: int) -> str:
    return notice(
        Code.MESSAGES_DROPPED,
        about,
        f"{number} messages about earlier releases were not sent, and are dropped",
        f"At most {KEPT_MESSAGES} messages wait, for {KEPT_HOURS} hours at most, and for notifications of the "
        "configuration. What they were about is in the history.",
    )
