"""What a switch or a rollback writes to the record of the service, and when."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from switchyard.config.models.service import Colour
from switchyard.gates.base import Warn
from switchyard.kube.api import BoundedApi
from switchyard.kube.clock import ServerClock, to_text
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.lease import ReleaseLease
from switchyard.release.lease_holder import DURATION_SECONDS, Holder
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt import Receipt
from switchyard.release.record import ReleaseRecord, new_id
from switchyard.release.store import Releases, ReleaseStore
from switchyard.release_errors import LeaseHeldError

WAIT_SECONDS = DURATION_SECONDS + 3
"""How long a command waits for the Lease of another one: longer than that of a killed command lives."""

POLL_SECONDS = 0.5
"""Between two attempts to take it. A Lease that nobody renews any more changes in no way that could be watched."""


class ReleaseJournal:
    """The record and the Lease of one service, as a switch or a rollback uses them.

    Calls raise `switchyard.errors.ReleaseError` and `switchyard.errors.ClusterError`.

    Args:
        api: the API server.
        namespace: of the service.
        name: of the service.
        warn: reports that the Lease is waited for.
    """

    def __init__(self, api: BoundedApi, namespace: str, name: str, warn: Warn) -> None:
        self._api = api
        self._warn = warn
        self._namespace = namespace
        self._name = name
        self._store = ReleaseStore(api, namespace, name)
        self._clock: ServerClock | None = None
        self._record: ReleaseRecord | None = None
        self._lease: ReleaseLease | None = None

    async def last(self) -> ReleaseRecord | None:
        """The record of the latest release that may have changed what serves; None where there is none.

        A release that ended before its switch changed the idle colour alone. Where there is no other, it is that one.
        """
        releases = await self._store.read()
        if releases.current is None:
            return None
        others = (release for release in (releases.current, *releases.history) if not _ended_before_switch(release))
        return next(others, releases.current)

    def check(self) -> None:
        """Ends the command when another one has taken the Lease.

        Raises:
            LeaseLostError: another command has taken it.
        """
        if self._lease is not None:
            self._lease.check()

    @asynccontextmanager
    async def held(self, act: Act) -> AsyncGenerator[ReleaseLease, None]:
        """Holds the Lease of the service within the block.

        A Lease of another command is waited for as long as one lives that is not renewed: that of a command that was
        killed is taken then, and most commands have ended by then. A rollback takes the Lease of any command at once,
        but for that of another rollback.

        Raises:
            LeaseHeldError: the other command lives.
        """
        self._clock = await ServerClock.ask(self._api)
        holder = Holder(act.value, phase=Phase.SWITCH.value)
        # A rollback waits for nobody: the command that released the bad version may hold the Lease while it watches.
        urgent = act is Act.ROLLBACK
        lease = ReleaseLease(self._api, self._namespace, self._name, holder, self._clock, urgent=urgent)
        async with AsyncExitStack() as stack:
            self._lease = await acquired(stack, lease, self._clock, self._warn)
            if lease.interrupted is not None:
                self._warn(
                    f"{self._name}: this rollback interrupts another command, which changes nothing more: "
                    f"{lease.interrupted}"
                )
            yield self._lease

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Writes that a release runs, and of a rollback at once the version that no automatic update may bring back.

        Killed before the selector is changed, that version serves on and nothing is refused because of it.
        """
        now = self._now()
        releases = await self._store.update(lambda releases: _begun(releases, plan, reason, now))
        self._record = releases.current
        return to_text(now)

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes how the release ended, and moves it into the history."""
        record = self._record
        if record is None:
            raise RuntimeError("a release ends that has not begun")
        now = self._now()
        result = Result.SUCCEEDED if succeeded else Result.FAILED
        ended = record.leaving("passed" if succeeded else "failed", now, detail).ending(result, now, detail)
        ended = replace(ended, receipt=None if receipt is None else receipt.to_json())
        await self._store.update(lambda releases: _ended(releases, ended))

    def _now(self) -> datetime:
        if self._clock is None:
            raise RuntimeError("the Lease is not held")
        return self._clock.now()


async def acquired(stack: AsyncExitStack, lease: ReleaseLease, clock: ServerClock, warn: Warn) -> ReleaseLease:
    """Takes a Lease until a stack ends, and waits for as long as that of a killed command lives.

    Args:
        stack: ends the Lease.
        lease: of the service.
        clock: of the API server.
        warn: reports that the Lease is waited for.

    Raises:
        LeaseHeldError: the other command lives.
    """
    end, waits = clock.now() + timedelta(seconds=WAIT_SECONDS), False
    while True:
        try:
            return await stack.enter_async_context(lease.held())
        except LeaseHeldError as error:
            if clock.now() >= end:
                raise
            if not waits:
                warn(f"Waiting for {WAIT_SECONDS} s at most. {error}")
            waits = True
            await asyncio.sleep(POLL_SECONDS)


def superseded(releases: Releases, record: ReleaseRecord, now: datetime) -> Releases:
    """The releases with one that runs in the history, because another one takes its place.

    Args:
        releases: before.
        record: of the release that takes the place.
        now: by the API server's clock.
    """
    last = releases.current
    if last is None or not last.running or last.kind != Act.DEPLOY:
        return releases
    goes_back = record.kind == Act.ROLLBACK and record.target == last.source
    result = Result.ROLLED_BACK if goes_back else Result.FAILED
    detail = f"{record.kind} {record.id} of {record.actor} took its place"
    return releases.writing(last.ending(result, now, detail))


def _ended_before_switch(release: ReleaseRecord) -> bool:
    return release.kind == Act.DEPLOY and release.result in {Result.REFUSED, Result.FAILED}


def _begun(releases: Releases, plan: Plan, reason: str | None, now: datetime) -> Releases:
    source, from_tag = plan.source.colour.value, plan.source.tag
    if source == plan.target:  # it serves already: an earlier command has switched, and knows what served before
        last = releases.current
        known = last is not None and last.target == source and last.source != source
        source, from_tag = (last.source, last.from_tag) if last and known else (Colour(source).other.value, None)
    holder = Holder(plan.act.value)
    record = ReleaseRecord(
        id=new_id(now),
        kind=plan.act.value,
        service=plan.observation.name.key,
        source=source,
        target=plan.target.value,
        from_tag=from_tag,
        tag=plan.to_tag,
        actor=holder.user,
        host=holder.host,
        started=to_text(now),
        reason=reason,
    ).entering(Phase.SWITCH, now)
    if plan.act is Act.ROLLBACK and from_tag is not None:
        version = RolledBack(source, from_tag, record.id, record.started, record.actor, reason)
        releases = releases.rolling_back(version)
    return superseded(releases, record, now).writing(record)


def _ended(releases: Releases, record: ReleaseRecord) -> Releases:
    releases = releases.writing(record)
    if record.result is not Result.SUCCEEDED:
        # What this release has marked serves on; the selector was not changed.
        kept = tuple(version for version in releases.rolled_back if version.release != record.id)
        return replace(releases, rolled_back=kept)
    return releases.permitting(record.target, record.tag) if record.kind == Act.SWITCH else releases
