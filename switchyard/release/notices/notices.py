"""The messages that a change of the record causes, as a pure function of the record before and after."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from switchyard.config.models.releases import ReleaseEvent
from switchyard.release.notices.subscriptions import Subscriptions
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act
from switchyard.release.record.outbox import Message
from switchyard.release.record.release_record import PhaseRecord, ReleaseRecord
from switchyard.release.record.replaced_release import is_taken_back
from switchyard.release.record.store import RecordedReleases

FAST = frozenset({Act.SWITCH.value, Act.ROLLBACK.value})
"""Kinds of releases that only change the selector."""


@dataclass(frozen=True)
class Occurrence:
    """An event about which a message is sent.

    Attributes:
        event: kind of the event.
        at: time of the event, RFC 3339.
        number: number of this kind of event in the release, from 1: a held release may be watched again.
    """

    event: ReleaseEvent
    at: str
    number: int = 1

    def id(self, release: str) -> str:
        """The ID of the message about the event."""
        return f"{release}/{self.event.value}" + ("" if self.number == 1 else f"-{self.number}")


def queueing(subscriptions: Subscriptions) -> Callable[[RecordedReleases, RecordedReleases], RecordedReleases]:
    """The function that adds the messages of a change to the record, in the write that makes the change.

    Args:
        subscriptions: the notifications of the service.
    """

    def queued(before: RecordedReleases, after: RecordedReleases) -> RecordedReleases:
        after = _withdrawn(before, after)
        outbox = after.outbox
        for release, occurrence in _caused(before, after):
            event = occurrence.event
            to = {name: None for name, entry in subscriptions.notifications.items() if event in entry.events}
            if to:
                message_id, stack = occurrence.id(release.id), subscriptions.stack
                outbox = outbox.adding(Message(message_id, event.value, occurrence.at, stack, release.to_json(), to))
        return replace(after, outbox=outbox)

    return queued


def _caused(before: RecordedReleases, after: RecordedReleases) -> Iterator[tuple[ReleaseRecord, Occurrence]]:
    """The events of a change, each with its release: the latest one, and a deploy that a switch has taken back."""
    release = after.current
    if release is None:
        return
    for occurrence in occurrences(before, release):
        yield release, occurrence
    last = _before(before, release.id)
    if last is not None and last.running and release.ended is not None and release.result is Result.SUCCEEDED:
        for deploy in after.history:
            if is_taken_back(deploy, release):
                yield deploy, Occurrence(ReleaseEvent.ROLLBACK, release.ended)


def occurrences(before: RecordedReleases, release: ReleaseRecord) -> Iterator[Occurrence]:
    """The events of the latest release. A drill has none, because the same version serves after it.

    Args:
        before: the record before the change.
        release: the latest release after the change.
    """
    if release.kind == Act.DRILL:
        return
    last = _before(before, release.id)
    if last is None:
        event = ReleaseEvent.ROLLBACK if release.kind == Act.ROLLBACK else ReleaseEvent.START
        yield Occurrence(event, release.started)
    if release.kind != Act.DEPLOY:
        return
    watched = _watches(release)
    for number, watch in enumerate(watched, start=1):
        if watch.ended is not None and number > len(_watches(last)):
            yield Occurrence(ReleaseEvent.VERDICT, watch.ended, number)
    if release.ended is None or (last is not None and not last.running):
        return
    match release.result:
        case Result.ROLLED_BACK:
            yield Occurrence(ReleaseEvent.ROLLBACK, release.ended)
        case Result.SUCCEEDED:
            yield Occurrence(ReleaseEvent.RETIREMENT, release.ended)
        case _:  # refused, failed or aborted before users had it: that is the last word on it
            yield Occurrence(ReleaseEvent.VERDICT, release.ended, len(watched) + 1)


def _withdrawn(before: RecordedReleases, after: RecordedReleases) -> RecordedReleases:
    """The record without messages about switches and rollbacks that have ended without a change of the selector."""
    outbox = after.outbox
    for release in after.history:
        if release.kind in FAST and release.result is Result.FAILED:
            last = _before(before, release.id)
            outbox = outbox if last is None or not last.running else outbox.withdrawing(release.id)
    return replace(after, outbox=outbox)


def _before(before: RecordedReleases, release: str) -> ReleaseRecord | None:
    releases = (before.current, *before.history)
    return next((other for other in releases if other is not None and other.id == release), None)


def _watches(release: ReleaseRecord | None) -> list[PhaseRecord]:
    """The ended watches of a release."""
    phases = () if release is None else release.phases
    return [phase for phase in phases if phase.phase is Phase.WATCH and phase.outcome is not None]
