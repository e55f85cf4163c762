"""The record of a release by `switchyard deploy`, written under the Lease of its service."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from datetime import datetime

from switchyard.config.models.service import Colour
from switchyard.errors import ClusterError
from switchyard.kube.clock import ServerClock, to_text
from switchyard.kube.rolled_back import RolledBack, find_rolled_back
from switchyard.release import retries
from switchyard.release.leased_journal import LeasedJournal
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.earlier_releases import abandoned
from switchyard.release.record.lease_holder import HOOK, Holder
from switchyard.release.record.release_record import ReleaseRecord, new_id
from switchyard.release.record.replacing import without_abandoned
from switchyard.release.record.store import RecordedReleases
from switchyard.release.switch.journal import refused_by_policy


class LeasedDeployJournal(LeasedJournal):
    """The record and the Lease of one service for a release by `deploy`, with the arguments of the base."""

    async def ask_time(self) -> datetime:
        """Reads the time of the API server's clock without holding the Lease."""
        return (await ServerClock.ask(self._api)).now()

    @asynccontextmanager
    async def held(
        self, act: Act, *, detached: bool = False, back: Plan | None = None
    ) -> AsyncGenerator["LeasedDeployJournal", None]:
        """Holds the Lease of the service within the block. An abort does not wait for a command that changes no pods.

        Args:
            act: the command.
            detached: whether the command runs in the background.
            back: the rollback that an abort does; None for another command.

        Raises:
            LeaseHeldError: another running command holds the Lease.
            GateRefusedError: the API server does not take the Lease of an abort, for example because of a policy.
        """
        async with AsyncExitStack() as stack:
            with nullcontext() if back is None else refused_by_policy(back):
                holding = self.holding(Holder(act.value, detached=detached), urgent=act is Act.ABORT)
                await stack.enter_async_context(holding)
            yield self

    async def enter(self, record: ReleaseRecord) -> None:
        """Writes the start of a phase to the record and to the Lease."""
        if self._lease is not None:
            await self._lease.enter(record.phase.value)
        await self.update_own(record.id, lambda releases: entering(releases, record))
        self._send_beside(record)

    async def without_abandoned(self, serving: str) -> RecordedReleases:
        """The record as if a switch or a rollback whose command was killed before the selector had not been tried.

        While the Lease is held, it is also written like that.

        Args:
            serving: the colour that serves.
        """
        releases = await self.read()
        now = await self.ask_time() if abandoned(releases, serving) is not None else None
        if now is None or releases.current is None or (after := without_abandoned(releases, serving, now)) == releases:
            return releases
        if self._lease is not None:
            await self.confirm()
            await self.update_own(releases.current.id, lambda read: without_abandoned(read, serving, now))
        return after

    async def is_meant(self, record: ReleaseRecord) -> bool:
        """Whether a version that was rolled back may be released again, because only another one was bad."""
        version = find_rolled_back((await self.read()).rolled_back, record.target, record.tag)
        return version is not None and version.because is not None

    async def write(self, record: ReleaseRecord) -> None:
        """Writes the record. A release that has ended is moved into the history."""
        await self.confirm()
        await self.update_own(record.id, lambda releases: written(releases, record))
        self._send_beside(record)

    async def write_hooks(self, record: ReleaseRecord) -> None:
        """Writes the record while a hook runs. During a hook, a rollback may take the Lease."""
        runs = any(hook.outcome is None for hook in record.hooks)
        if self._lease is not None:
            await self._lease.enter(HOOK if runs else record.phase.value)
        await self.update_own(record.id, lambda releases: releases.writing(record))

    def _send_beside(self, record: ReleaseRecord) -> None:
        """Starts to send waiting messages, unless the selector will be changed next, which must not be delayed."""
        last = record.phases[-1] if record.phases else None
        switches = last is not None and last.phase is Phase.SWITCH and last.ended is None
        if not record.running or not (switches or record.has_failed_watch):
            self.begin_sending()

    async def mark_rolled_back(self, record: ReleaseRecord, reason: str, because: str | None = None) -> None:
        """Records that the new version of a release was rolled back, so that no automatic update brings it back.

        Args:
            record: record of the release.
            reason: reason of the rollback.
            because: key of the service whose version failed its watch instead; None if this one failed.
        """
        await self.confirm()
        if record.tag is None:
            return
        version = RolledBack(
            record.target, record.tag, record.id, to_text(self.now()), Holder("").user, reason, because
        )
        await self.update_own(record.id, lambda releases: releases.rolling_back(version))

    def new_record(
        self, service: str, source: Colour, from_tag: str | None, tag: str, reason: str | None
    ) -> ReleaseRecord:
        """The record of a new release."""
        now, holder = self.now(), Holder(Act.DEPLOY.value)
        self._unwritten = new_id(now)
        return ReleaseRecord(
            id=self._unwritten,
            kind=Act.DEPLOY.value,
            service=service,
            source=source.value,
            target=source.other.value,
            from_tag=from_tag,
            tag=tag,
            actor=holder.user,
            host=holder.host,
            started=to_text(now),
            reason=reason,
            phase=Phase.WARM,
        )


class RollbackJournal:
    """The journal of the fast lane for the rollback of a release. It records only the version that was rolled back.

    Args:
        journal: journal of the release, whose Lease is held.
        record: record of the release.
        because: key of the service whose version failed its watch instead; None if this one failed.
        marks: whether to record the version as one that was rolled back.
    """

    def __init__(
        self, journal: LeasedDeployJournal, record: ReleaseRecord, because: str | None = None, *, marks: bool = True
    ) -> None:
        self._journal = journal
        self._because = because
        self._marks = marks
        self._record = record
        self._reason = ""

    async def last(self, _serving: Colour) -> ReleaseRecord:
        """The record of the release."""
        return self._record

    async def left_open(self, _serving: Colour) -> None:
        """Returns None, because no command but that of the release is involved."""
        return

    @asynccontextmanager
    async def held(self, _plan: Plan) -> AsyncGenerator[None, None]:
        """Does nothing, because the Lease is already held."""
        await self._journal.confirm()
        yield

    async def begin(self, plan: Plan, reason: str | None) -> str:  # noqa: ARG002 - the plan is that of the release
        """Writes the version that was rolled back, unless it is not marked as such.

        Users of a bad version do not wait for a record that cannot be written. `end` tries again.
        """
        self._reason = reason or ""
        with suppress(ClusterError):
            await self._mark()
        return to_text(self._journal.now())

    async def _mark(self) -> None:
        if self._marks:
            await self._journal.mark_rolled_back(self._record, self._reason, self._because)
            self._marks = False

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease of the release."""
        await self._journal.confirm()

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:  # noqa: ARG002 - the release ends by its own record
        """Writes the version that was rolled back, if that was not possible before."""
        if succeeded:
            with suppress(ClusterError):
                await retries.until_answered(self._mark)


class NoRecord:
    """The journal of a fast lane that only passes gates and patches: the release has its own record.

    Args:
        journal: journal of the release, whose Lease is held.
    """

    def __init__(self, journal: LeasedDeployJournal) -> None:
        self._journal = journal

    async def last(self, _serving: Colour) -> None:
        """Returns None, because there is no earlier release."""
        return

    async def left_open(self, _serving: Colour) -> None:
        """Returns None, because no command but that of the release is involved."""
        return

    def held(self, _plan: Plan) -> AbstractAsyncContextManager[None]:
        """Does nothing, because the release holds the Lease."""
        return nullcontext()

    async def begin(self, _plan: Plan, _reason: str | None) -> str:
        """Is never called."""
        raise NotImplementedError

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease of the release."""
        await self._journal.confirm()

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Is never called."""
        raise NotImplementedError


def entering(releases: RecordedReleases, record: ReleaseRecord) -> RecordedReleases:
    """The record after the start of a phase. A version that serves again no longer counts as rolled back.

    The phase bake is for a release whose drain was not recorded, or whose abort has written a mark and then failed.
    """
    releases = releases.writing(record)
    return releases.permitting(record.tag) if record.phase in {Phase.DRAIN, Phase.BAKE} else releases


def written(releases: RecordedReleases, record: ReleaseRecord) -> RecordedReleases:
    """The record after a change of a release. A version whose release has succeeded no longer counts as rolled back."""
    releases = releases.writing(record)
    return releases.permitting(record.tag) if record.result is Result.SUCCEEDED else releases
