"""Sends the messages that wait in the record of a service, in parallel with a release and without delaying it.

1. Each notification's oldest message is marked in the record as being sent.
2. It is sent, in a bounded time.
3. It is removed from the record, or waits again.

A command that is killed between 2 and 3 leaves a message that was sent and is marked. It is sent once more, with the
same ID: a message may arrive twice then, and is never lost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from switchyard.codes import Code
from switchyard.config.commands import typed
from switchyard.config.models.releases import Notification
from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.gates.rules.refusal import notice
from switchyard.kube.api import BoundedApi
from switchyard.release.notices.subscriptions import Subscriptions
from switchyard.release.notices.text import json_document, slack_document
from switchyard.release.notices.webhook import send, url_of
from switchyard.release.record.outbox import KEPT_HOURS, KEPT_MESSAGES, Outbox, OutboxClaim
from switchyard.release.record.store import RecordedReleases
from switchyard.release_errors import ReleaseError, WebhookUrlError

ROUND_SECONDS = 20.0
"""Seconds that a command may spend on messages after everything else. The next command sends those that are left."""

PAUSE_SECONDS = 30.0
"""Seconds after which the same command tries a webhook again that has not accepted a message."""

ATTEMPTS = 10
"""Attempts to record that messages were sent, so that they are not sent twice."""

ATTEMPT_SECONDS = 1.0
"""Seconds between two attempts to record that messages were sent."""

FORMS: Mapping[str, Callable[..., dict[str, Any]]] = {"slack": slack_document, "json": json_document}


Post = Callable[[Notification, OutboxClaim], Awaitable[str | None]]
"""Sends a message to a webhook. Returns the reason why it may not have been received, or None."""


class Queue(Protocol):
    """The part of the record that has the messages."""

    @property
    def outbox(self) -> Outbox:
        """The messages that were waiting when the record was last read or written."""

    async def update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        """Reads the record, changes it and writes it."""


class NotificationSender:
    """Sends the messages of one service.

    Args:
        queue: the record of the service.
        subscriptions: the notifications of the service.
        post: function that sends a message, see `Post`.
        now: the time by the API server's clock.
        warn: reports messages that could not be sent.
    """

    def __init__(
        self, queue: Queue, subscriptions: Subscriptions, post: Post, now: Callable[[], Awaitable[datetime]], warn: Warn
    ) -> None:
        self._queue = queue
        self._about = subscriptions.service
        self._notifications = subscriptions.notifications
        self._post = post
        self._now = now
        self._warn = warn
        self._warned: set[str] = set()
        self._failed: dict[str, float] = {}
        self._round: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Starts to send the waiting messages in the background, including those that are added later."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._deliver())

    async def finish(self) -> None:
        """Waits for a bounded time until all messages that can be sent are sent."""
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                if self._round is not None:
                    await self._round
                if self._queue.outbox != Outbox():
                    await self._deliver()
                self._warn_of_others()
        except TimeoutError:
            self._warn_once(self._waiting(f"not all messages could be sent in {ROUND_SECONDS:.0f} s"))

    async def _deliver(self) -> None:
        """Sends until no message waits, except for webhooks that have just failed to accept one."""
        try:
            await self._clear()
            while claims := await self._claimed():
                reasons = await asyncio.gather(*(self._post(self._notifications[claim.to], claim) for claim in claims))
                ends = list(zip(claims, reasons, strict=True))
                sent = [claim for claim, reason in ends if reason is None]
                unsent = [claim for claim, reason in ends if reason is not None]
                self._failed |= {claim.to: time.monotonic() for claim in unsent}
                await self._settle(sent, unsent)
                for claim, reason in ends:
                    if reason is not None:
                        self._warn_once(self._unsent(claim, reason))
        except (ClusterError, ReleaseError) as error:
            self._warn_once(self._waiting(f"messages about the release are not sent: {error}"))

    async def _clear(self) -> None:
        """Drops messages that are too old, and warns how many were dropped."""
        now, dropped = await self._now(), 0

        def cleared(outbox: Outbox) -> Outbox:
            nonlocal dropped
            outbox = outbox.cleared(now)
            dropped = max(dropped, outbox.dropped)  # none is left at a second attempt, if only the answer was lost
            return replace(outbox, dropped=0)

        if cleared(self._queue.outbox) != self._queue.outbox:
            await self._change(cleared)
            self._warn_once(_dropped(self._about, dropped))

    async def _claimed(self) -> tuple[OutboxClaim, ...]:
        """Marks the next messages in the record and returns them. A webhook without an answer delays no other."""
        now, claims = await self._now(), tuple[OutboxClaim, ...]()
        failed = {name for name, at in self._failed.items() if time.monotonic() - at < PAUSE_SECONDS}

        def claimed(outbox: Outbox) -> Outbox:
            nonlocal claims
            # A notification that this configuration does not have may be in that of another checkout.
            unknown = {name for message in outbox.messages for name in message.to} - set(self._notifications)
            outbox, claims = outbox.claiming(now, unknown | failed)
            return outbox

        claimed(self._queue.outbox)
        if claims:
            await self._change(claimed)
        return claims

    async def _settle(self, sent: Sequence[OutboxClaim], unsent: Sequence[OutboxClaim]) -> None:
        await self._change(lambda outbox: outbox.settling(sent, unsent))

    async def _change(self, change: Callable[[Outbox], Outbox]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._queue.update(lambda releases: replace(releases, outbox=change(releases.outbox)))
            except ClusterError:  # the release has written in between, or the API server is started anew
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(ATTEMPT_SECONDS)  # an API server that comes back cannot be watched for
            else:
                return

    def _warn_of_others(self) -> None:
        """Warns of messages that are marked by another command, unless a warning says already that messages wait."""
        names = {name for message in self._queue.outbox.messages for name in message.to} & set(self._notifications)
        if names and not self._warned:
            which = f"notification{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}"
            self._warn_once(self._waiting(f"another command sends messages to {which}, or has died while it did"))

    def _warn_once(self, line: str) -> None:
        if line not in self._warned:
            self._warned.add(line)
            self._warn(line)

    def _unsent(self, claim: OutboxClaim, reason: str) -> str:
        code = Code.WEBHOOK_UNUSABLE if reason.startswith(_UNUSABLE) else Code.MESSAGE_WAITS
        about = f"notification {claim.to} has not received the message about the {claim.message.event} of a release"
        return self._waiting(f"{about}: {reason}", code)

    def _waiting(self, why: str, code: Code = Code.MESSAGE_WAITS) -> str:
        remedy = "The message is kept, and delays nothing. The next command that releases the service sends it."
        return notice(code, self._about, why, remedy)


_UNUSABLE = "its URL cannot be read"


def posting(api: BoundedApi, namespace: str) -> Post:
    """The function that sends a message to a webhook whose URL is in a Secret.

    Args:
        api: the API server.
        namespace: namespace of the Secret.
    """

    async def post(notification: Notification, claim: OutboxClaim) -> str | None:
        secret, key = notification.secret.name, notification.secret.key
        try:
            url = url_of(await api.find("secrets", secret, namespace), secret, key)
        except (ClusterError, WebhookUrlError) as error:
            return f"{_UNUSABLE}: {error}, in namespace {namespace}"
        try:
            body = FORMS[notification.format](claim.message)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # somebody has edited the record
            return f"the message cannot be formatted ({error!r})"
        return await send(url, claim.message.id, body)

    return post


def _dropped(about: str, number: int) -> str:
    return notice(
        Code.MESSAGES_DROPPED,
        about,
        f"{number} messages about releases were not sent, and were dropped",
        f"At most {KEPT_MESSAGES} messages are kept, for at most {KEPT_HOURS} hours. What they were about: "
        + typed(f"switchyard history {about}"),
    )
