"""What a switch or a rollback writes to the record of the service, and when."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from switchyard.config.models.service import Colour
from switchyard.kube.clock import to_text
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.held_record import HeldRecord
from switchyard.release.lease_holder import Holder
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt import Receipt
from switchyard.release.record import ReleaseRecord, new_id
from switchyard.release.store import Releases


class ReleaseJournal(HeldRecord):
    """The record and the Lease of one service, as a switch or a rollback uses them. The arguments are the base's."""

    _record: ReleaseRecord | None = None

    async def last(self) -> ReleaseRecord | None:
        """The record of the latest release that may have changed what serves; None where there is none.

        A release that ended before its switch changed the idle colour alone. Where there is no other, it is that one.
        """
        releases = await self.read()
        if releases.current is None:
            return None
        others = (release for release in (releases.current, *releases.history) if not _ended_before_switch(release))
        return next(others, releases.current)

    @asynccontextmanager
    async def held(self, act: Act) -> AsyncGenerator[None, None]:
        """Holds the Lease of the service within the block.

        A rollback waits for nobody who changes no pods: the command that released the bad version may hold the Lease
        while it watches.

        Raises:
            LeaseHeldError: the other command lives, and may not be interrupted.
        """
        holder = Holder(act.value, phase=Phase.SWITCH.value)
        async with self.holding(holder, urgent=act is Act.ROLLBACK):
            yield

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Writes that a release runs, and of a rollback at once the version that no automatic update may bring back.

        Killed before the selector is changed, that version serves on and nothing is refused because of it.
        """
        now = self.now()
        releases = await self._store.update(lambda releases: _begun(releases, plan, reason, now))
        self._record = releases.current
        return to_text(now)

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes how the release ended, and moves it into the history."""
        record = self._record
        if record is None:
            raise RuntimeError("a release ends that has not begun")
        now = self.now()
        result = Result.SUCCEEDED if succeeded else Result.FAILED
        ended = record.leaving("passed" if succeeded else "failed", now, detail).ending(result, now, detail)
        if receipt is not None:
            ended = replace(ended, receipt=receipt.to_json(), content=receipt.content)
        await self._store.update(lambda releases: _ended(releases, ended))


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
