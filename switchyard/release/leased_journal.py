"""The journal of a command: it holds the Lease of a service, and writes the record of the service's releases."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock
from switchyard.kube.polling import poll_until
from switchyard.kube.release_lease import DURATION_SECONDS
from switchyard.kube.rolled_back import UNTOUCHED
from switchyard.release import retries
from switchyard.release.notices.notices import queueing
from switchyard.release.notices.subscriptions import NO_SUBSCRIPTIONS, Subscriptions
from switchyard.release.phases import Result
from switchyard.release.record.lease import ReleaseLease, lost_text
from switchyard.release.record.lease_holder import Held, Holder
from switchyard.release.record.outbox import Outbox
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.store import RecordedReleases, ReleaseStore
from switchyard.release_errors import (
    ForeignRecordError,
    LeaseHeldError,
    LeaseLostError,
    RecordUnreadableError,
    RecordUnusableError,
)

if TYPE_CHECKING:
    from switchyard.release.notices.notification_sender import NotificationSender

WAIT_SECONDS = DURATION_SECONDS + 3
"""Seconds to wait for the Lease of another command: longer than the Lease of a killed command is valid."""

POLL_SECONDS = 0.5
"""Seconds between two attempts. The expiry of a Lease changes no object, so it cannot be watched."""


UNSEEN = "unseen"
"""Stage of a wait while the API server does not answer."""

_End = tuple[str, Result, str | None]
"""ID, result and time of the end of a release."""


class LeasedJournal:
    """Holds the Lease of one service and writes the record of its releases. Each command has a journal of its own.

    Calls raise `switchyard.errors.ReleaseError` and `switchyard.errors.ClusterError`.

    Args:
        api: the API server.
        namespace: namespace of the service.
        name: name of the service.
        warn: reports a wait for the Lease, and the interruption of another command.
        wait: whether to wait for a running command without a time limit.
        subscriptions: the notifications of the service.

    Attributes:
        waited: whether this command has waited for another one, so that earlier readings may be outdated.
        interrupts: whether this command has taken the Lease of a running command, which may be writing.
    """

    def __init__(
        self,
        api: BoundedApi,
        namespace: str,
        name: str,
        warn: Warn,
        *,
        wait: bool = False,
        subscriptions: Subscriptions = NO_SUBSCRIPTIONS,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._warn = warn
        self._wait = wait
        self.waited = False
        self.interrupts = False
        self._subscriptions = subscriptions
        self._notifications: NotificationSender | None = None
        self._store = ReleaseStore(api, namespace, name, queueing(subscriptions))
        self._clock: ServerClock | None = None
        self._lease: ReleaseLease | None = None
        self._unwritten: str | None = None  # ID of a new release that is not in the record yet
        self._sent_ends = set[_End]()  # the ends of releases, as this command has sent them

    async def read(self) -> RecordedReleases:
        """The record of the service."""
        return await self._store.read()

    def now(self) -> datetime:
        """The time by the API server's clock."""
        if self._clock is None:
            raise RuntimeError("the Lease is not held")
        return self._clock.now()

    async def confirm(self) -> None:
        """Renews the Lease at the API server, and ends this command if another one has taken it.

        Raises:
            LeaseLostError: another command has taken it.
        """
        if self._lease is None:
            raise RuntimeError("the Lease is not held")
        await self._lease.confirm()

    async def update_own(self, release: str, change: Callable[[RecordedReleases], RecordedReleases]) -> None:
        """Changes the record unless another release has begun in it, as while this command was suspended.

        The end of a release that was to run beside another one makes that one the latest release again. If the answer
        to this write was lost, a repetition changes nothing.

        Args:
            release: ID of the release of this command.
            change: returns the changed record for a given record.

        Raises:
            LeaseLostError: another command has begun a release, for which it has taken the Lease.
            RecordUnusableError: somebody has broken the record, or replaced it.
            switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
        """

        def changed(releases: RecordedReleases) -> RecordedReleases:
            current = releases.current
            if current is not None and current.id != release and not self._is_first_write(release, current):
                if self._is_end_written(release, releases):
                    return releases
                raise LeaseLostError(lost_text(self._name, self._namespace))
            after = change(releases)
            self._sent_ends.update(_end(ended) for ended in after.history if ended.id == release)
            return after

        try:
            await self._store.update(changed)
        except (ForeignRecordError, RecordUnreadableError) as error:
            raise RecordUnusableError(str(error).replace(UNTOUCHED, "")) from None
        self._unwritten = None

    def _is_first_write(self, release: str, current: ReleaseRecord) -> bool:
        return release == self._unwritten and not current.running

    def _is_end_written(self, release: str, releases: RecordedReleases) -> bool:
        """Whether the record has the end of a release as this command has sent it, in any of its attempts."""
        return any(ended.id == release and _end(ended) in self._sent_ends for ended in releases.history)

    async def confirm_if_old(self) -> None:
        """Renews the Lease unless it was taken or renewed within the last second, so that no patch waits."""
        if self._lease is None or not self._lease.is_fresh:
            await self.confirm()

    def begin_sending(self) -> None:
        """Starts to send the waiting messages in the background, if there are any."""
        if self._store.outbox != Outbox():
            self._sender().begin()

    @asynccontextmanager
    async def sending(self) -> AsyncGenerator[None, None]:
        """Sends the waiting messages when the block has ended, also by an error. Ctrl-C does not wait for it."""
        try:
            yield
        except Exception:
            await self._finish_sending()
            raise
        await self._finish_sending()

    async def _finish_sending(self) -> None:
        if self._notifications is not None or self._store.outbox != Outbox():
            await self._sender().finish()

    def _sender(self) -> "NotificationSender":
        if self._notifications is None:
            from switchyard.release.notices.notification_sender import NotificationSender, posting  # noqa: PLC0415 - few releases have messages

            post = posting(self._api, self._namespace)
            self._notifications = NotificationSender(self._store, self._subscriptions, post, self._ask_now, self._warn)
        return self._notifications

    async def _ask_now(self) -> datetime:
        if self._clock is None:
            self._clock = await ServerClock.ask(self._api)
        return self._clock.now()

    async def wait_until_free(self, *, urgent: bool = False) -> None:
        """With `wait`, waits until the Lease is free, so that the command is planned from the state after it.

        Args:
            urgent: whether to take the Lease of a running command that may be interrupted.
        """
        if self._wait:
            clock = await ServerClock.ask(self._api)
            lease = ReleaseLease(self._api, self._namespace, self._name, Holder(""), clock, urgent=urgent)
            await self._attempt(lease.check_free, clock)

    async def holder(self) -> Held | None:
        """The running command that holds the Lease; None without one."""
        self._clock = await ServerClock.ask(self._api)
        return await ReleaseLease(self._api, self._namespace, self._name, Holder(""), self._clock).holder()

    async def wait_for_end(self, held: Held, seconds: float) -> None:
        """Waits until a command has released the Lease, or the time is over.

        Args:
            held: the Lease of the command when it was read.
            seconds: time limit.
        """

        async def holds() -> bool:
            other = await self.holder()
            return other is not None and other.identity == held.identity

        await poll_until(holds, lambda holds: not holds, seconds=seconds, every=POLL_SECONDS)

    @asynccontextmanager
    async def holding(self, holder: Holder, *, urgent: bool = False) -> AsyncGenerator[None, None]:
        """Holds the Lease within the block.

        This waits as long as a Lease is valid without renewal: the Lease of a command that was killed has
        expired then, and most commands have ended. With `wait` there is no time limit.

        Args:
            holder: this command.
            urgent: whether to take the Lease of a running command that may be interrupted.

        Raises:
            LeaseHeldError: the other command is running.
        """
        self._clock = await ServerClock.ask(self._api)
        lease = ReleaseLease(self._api, self._namespace, self._name, holder, self._clock, urgent=urgent)
        async with AsyncExitStack() as stack:
            await self._attempt(lambda: stack.enter_async_context(lease.held()), self._clock)
            if lease.interrupted is not None:
                self.interrupts = True
                self._warn(
                    f"{self._name}: this {holder.act} interrupts another command, which changes nothing more: "
                    f"{lease.interrupted}"
                )
            self._lease = lease
            yield

    async def _attempt(self, attempt: Callable[[], Awaitable[object]], clock: ServerClock) -> None:
        """Repeats an action until the Lease permits it, and reports the command that it waits for."""
        end, stage = clock.now() + timedelta(seconds=WAIT_SECONDS), ""
        while True:
            try:
                await attempt()
            except LeaseHeldError as error:
                if not self._wait and clock.now() >= end:
                    raise
                self.waited = True
                if error.stage != stage:
                    self._warn(self._waiting(error))
                stage = error.stage
            except ClusterError as error:
                if not self._wait or not retries.is_passing(error):
                    raise
                if stage != UNSEEN:
                    self._warn(f"{self._name}: the Lease cannot be read now, and is read again: {error}")
                stage = UNSEEN
            else:
                return
            await asyncio.sleep(POLL_SECONDS)

    def _waiting(self, error: LeaseHeldError) -> str:
        if not self._wait:
            return f"Waiting for {WAIT_SECONDS} s at most. {error}"
        return f"{self._name}: waits until this command has ended: {error.holder}. Ctrl-C ends the wait."


def _end(release: ReleaseRecord) -> _End:
    return release.id, release.result, release.ended
