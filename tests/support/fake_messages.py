"""Simulated webhooks and a sender of messages, which can be killed before and after each write and each message."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from switchyard.config.models.releases import Notification
from switchyard.release.notices.notices import queueing
from switchyard.release.notices.notification_sender import NotificationSender
from switchyard.release.notices.subscriptions import Subscriptions
from switchyard.release.record.outbox import Outbox, OutboxClaim
from switchyard.release.record.store import RecordedReleases
from tests.support.fake_release import FakeCommand, World


def notification(name: str, form: str = "json", **settings: object) -> Notification:
    """The settings of a notification, whose URL is in Secret `webhooks` under its name."""
    return Notification.model_validate(
        {"name": name, "format": form, "secret": {"name": "webhooks", "key": name}, **settings}
    )


def subscriptions(*notifications: Notification) -> Subscriptions:
    """The notifications of the service."""
    return Subscriptions("production", "backend", {entry.name: entry for entry in notifications})


@dataclass
class Webhooks:
    """Simulated webhooks, which record the messages that they receive.

    Attributes:
        world: world that the commands work on.
        got: how often each message has arrived, by the name of the notification and its ID.
        order: the messages in the order of their arrival.
        down: whether a webhook does not accept messages at present.
        in_doubt: messages that have arrived, before the record says so.
        again: messages that may arrive once more, because a command was killed while they were in doubt.
    """

    world: World
    got: Counter[tuple[str, str]] = field(default_factory=Counter)
    order: list[tuple[str, str]] = field(default_factory=list)
    down: Callable[[str], bool] = lambda _: False
    in_doubt: set[tuple[str, str]] = field(default_factory=set)
    again: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def post(self, entry: Notification, claim: OutboxClaim) -> str | None:
        """Accepts or refuses a message."""
        marks = {message.id: message.to for message in self.world.releases.outbox.messages}
        assert marks[claim.message.id][claim.to] is not None, "it is not marked before it is sent"
        self.world.moment()
        if self.down(entry.name):
            return "it answered 503"
        key = (entry.name, claim.message.id)
        self.got[key] += 1
        self.order.append(key)
        self.in_doubt.add(key)
        self.world.moment()
        return None

    def killed(self) -> None:
        """A command was killed."""
        self.again.update(self.in_doubt)
        self.in_doubt.clear()


@dataclass
class FakeQueue:
    """The record of a world as messages need it."""

    webhooks: Webhooks

    @property
    def outbox(self) -> Outbox:
        return self.webhooks.world.releases.outbox

    async def update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        world = self.webhooks.world
        after = world.queued(world.releases, change(world.releases))
        world.write(lambda: self._set(after))
        return after

    def _set(self, releases: RecordedReleases) -> None:
        self.webhooks.world.releases = releases
        waiting = {(name, message.id) for message in releases.outbox.messages for name in message.to}
        self.webhooks.in_doubt &= waiting


def telling(
    command: FakeCommand, webhooks: Webhooks, subscribed: Subscriptions, warnings: list[str]
) -> NotificationSender:
    """Has a command on a world send its messages.

    Args:
        command: the command.
        webhooks: webhooks that receive the messages.
        subscribed: the notifications of the service.
        warnings: list that receives a line for each message that could not be sent.
    """
    world = command.world
    world.queued = queueing(subscribed)

    async def now() -> datetime:
        world.time += timedelta(seconds=1)
        return world.time

    sender = NotificationSender(FakeQueue(webhooks), subscribed, webhooks.post, now, warnings.append)
    command.fake_steps.after_write = sender.finish
    return sender
