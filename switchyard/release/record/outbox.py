"""Messages about releases that are still to be sent, as a value that is kept in the record."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from switchyard.kube.clock import from_text
from switchyard.kube.rolled_back import unknown_keys
from switchyard.release.record.release_record import ReleaseRecord

KEPT_MESSAGES = 20
"""Largest number of waiting messages. The oldest are dropped."""

KEPT_HOURS = 72
"""Hours for which a message is kept at most. Older messages are no longer useful."""

OUTBOX_BYTES = 100_000
"""Largest size of all messages in bytes, so that they and the history fit into one ConfigMap."""

CLAIMED_SECONDS = 15
"""Seconds after which a message that is marked as being sent is sent again, because its command must have died."""


@dataclass(frozen=True)
class Message:
    """One message about a release.

    Attributes:
        id: ID of the release and event, the same at every attempt.
        event: the event of the message, see `switchyard.config.models.releases.ReleaseEvent`.
        at: time of the event, RFC 3339.
        stack: name of the stack.
        release: JSON of the release at that time, as in the history.
        to: names of the notifications that wait for it, each with the time since when it is being sent, or None.
        others: keys that this version of the program does not know; they are written back as they are.
    """

    id: str
    event: str
    at: str
    stack: str
    release: Mapping[str, Any]
    to: Mapping[str, str | None]
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the message in the record."""
        known = {key: getattr(self, key) for key in ("id", "event", "at", "stack")}
        return {**self.others, **known, "release": dict(self.release), "to": dict(self.to)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Parses a message. Raises ``AttributeError``, ``KeyError``, ``TypeError`` or ``ValueError`` otherwise."""
        ReleaseRecord.from_json(document["release"])
        read = cls(
            id=str(document["id"]),
            event=str(document["event"]),
            at=str(document["at"]),
            stack=str(document["stack"]),
            release=dict(document["release"]),
            to=dict(document["to"]),
        )
        for moment in (read.at, *filter(None, read.to.values())):
            if from_text(moment).tzinfo is None:
                raise ValueError(f"{moment} has no time zone")
        return replace(read, others=unknown_keys(document, read.to_json()))


@dataclass(frozen=True)
class OutboxClaim:
    """One message on its way to one notification.

    Attributes:
        to: name of the notification.
        message: the message to send.
    """

    to: str
    message: Message


@dataclass(frozen=True)
class Outbox:
    """The messages that wait to be sent.

    Attributes:
        messages: waiting messages, oldest first.
        dropped: number of dropped messages of which no operator was warned yet.
    """

    messages: tuple[Message, ...] = ()
    dropped: int = 0

    def adding(self, message: Message) -> "Outbox":
        """Adds a message, unless it waits already. If there are too many, the oldest are dropped."""
        if any(message.id == other.id for other in self.messages):
            return self
        if _size([message]) > OUTBOX_BYTES // 4:
            message = replace(message, release={**message.release, "receipt": None})
        kept = [*self.messages, message]
        while len(kept) > KEPT_MESSAGES or (len(kept) > 1 and _size(kept) > OUTBOX_BYTES):
            kept.pop(0)
        dropped = len(self.messages) + 1 - len(kept)
        return replace(self, messages=tuple(kept), dropped=self.dropped + dropped)

    def withdrawing(self, release: str) -> "Outbox":
        """Removes the messages about a release that has changed nothing."""
        return replace(self, messages=tuple(message for message in self.messages if message.release["id"] != release))

    def cleared(self, now: datetime) -> "Outbox":
        """Removes messages that are too old.

        Args:
            now: the time by the API server's clock.
        """
        kept = tuple(message for message in self.messages if now - from_text(message.at) < timedelta(hours=KEPT_HOURS))
        return replace(self, messages=kept, dropped=self.dropped + len(self.messages) - len(kept))

    def claiming(self, now: datetime, skipped: Collection[str] = ()) -> tuple["Outbox", tuple[OutboxClaim, ...]]:
        """Marks the oldest message of each notification as being sent.

        A notification gets its messages in their order, so that one that is being sent by another command, or may be,
        is waited for. A mark of the same time to the microsecond is of this command: the answer to its write was lost.

        Args:
            now: the time by the API server's clock, the same at each attempt to write these marks.
            skipped: names of notifications that get nothing now.
        """
        busy, claims, messages = set(skipped), list[OutboxClaim](), list[Message]()
        mark = now.astimezone(UTC).isoformat(timespec="microseconds")
        for message in self.messages:
            mine = [name for name in message.to if name not in busy]
            busy.update(mine)
            free = [name for name in mine if message.to[name] == mark or _is_free(message.to[name], now)]
            claims.extend(OutboxClaim(name, message) for name in free)
            messages.append(replace(message, to={**message.to, **dict.fromkeys(free, mark)}))
        return replace(self, messages=tuple(messages)), tuple(claims)

    def settling(self, sent: Iterable[OutboxClaim], unsent: Iterable[OutboxClaim]) -> "Outbox":
        """Removes messages that were sent, and lets those that could not be sent wait again."""
        gone = {(claim.message.id, claim.to) for claim in sent}
        again = {(claim.message.id, claim.to) for claim in unsent}
        messages = (
            replace(
                message,
                to={
                    name: None if (message.id, name) in again else since
                    for name, since in message.to.items()
                    if (message.id, name) not in gone
                },
            )
            for message in self.messages
        )
        return replace(self, messages=tuple(message for message in messages if message.to))

    def to_json(self) -> dict[str, Any]:
        """The JSON of the messages in the record."""
        return {"messages": [message.to_json() for message in self.messages], "dropped": self.dropped}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Reads the messages. A broken message counts as dropped, so that no message stops a release."""
        if not isinstance(document, Mapping):
            return cls()
        entries, dropped = document.get("messages"), document.get("dropped")
        messages, broken = list[Message](), 0
        for entry in entries if isinstance(entries, list) else ():
            try:
                messages.append(Message.from_json(entry))
            except (AttributeError, KeyError, TypeError, ValueError):
                broken += 1
        return cls(tuple(messages), broken + (dropped if isinstance(dropped, int) else 0))


def _is_free(since: str | None, now: datetime) -> bool:
    return since is None or now - from_text(since) >= timedelta(seconds=CLAIMED_SECONDS)


def _size(messages: Iterable[Message]) -> int:
    return sum(len(json.dumps(message.to_json(), separators=(",", ":")).encode()) + 1 for message in messages)
