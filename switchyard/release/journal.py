"""What a switch or a rollback writes to the record of the service, and when."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from switchyard.config.models.service import Colour
from switchyard.gates.base import raise_refusal
from switchyard.kube.clock import to_text
from switchyard.kube.rolled_back import RolledBack
from switchyard.release.earlier_releases import abandoned, has_not_switched, latest, superseded, without_marks_of
from switchyard.release.held_record import HeldRecord
from switchyard.release.hook_refusals import refuse_gone
from switchyard.release.lease_holder import Holder
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt import Receipt
from switchyard.release.record import ReleaseRecord, new_id
from switchyard.release.store import Releases


class ReleaseJournal(HeldRecord):
    """The record and the Lease of one service, as a switch or a rollback uses them. The arguments are the base's.

    Attributes:
        together: keys of the services that are switched with this one, itself among them; empty for one alone.
    """

    together: tuple[str, ...] = ()
    _record: ReleaseRecord | None = None
    _read: Releases | None = None
    override: str | None = None
    """Why the operator goes back to a version although a hook has left it behind; None where that is refused."""
    frozen: str | None = None
    """Why the operator switches although a window without releases is open, and which; None where none is."""

    @property
    def record(self) -> ReleaseRecord:
        """The record of the release that has begun."""
        if self._record is None:
            raise RuntimeError("no release has begun")
        return self._record

    async def check(self, plan: Plan) -> None:
        """Refuses to go back to a version that a hook has left behind, before anything is written.

        Raises:
            GateRefusedError: so it is, and the operator does not override it.
        """
        # A rollback has just read the record, and is not delayed by reading it twice.
        _overridden(self._read or await self.read(), plan, self.override)

    async def write_hooks(self, record: ReleaseRecord) -> None:
        """Writes the record while a hook runs."""
        await self.confirm()
        await self._store.update(lambda releases: releases.writing(record))
        self._record = record

    async def last(self, serving: Colour) -> ReleaseRecord | None:
        """The record of the latest release that may have changed what serves; None where there is none.

        Args:
            serving: the colour that serves.
        """
        self._read = await self.read()
        return latest(self._read, serving)

    async def abandoned(self, serving: Colour) -> ReleaseRecord | None:
        """The record of a switch or a rollback whose command was killed before it changed the selector."""
        return abandoned(self._read or await self.read(), serving)

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

        Raises:
            LeaseLostError: another command has taken the Lease while the gates were passed or a version was warmed.
        """
        await self.confirm_if_old()
        now = self.now()
        releases = await self._store.update(lambda releases: self._begun(releases, plan, reason, now))
        self._record = releases.current
        return to_text(now)

    def _begun(self, releases: Releases, plan: Plan, reason: str | None, now: datetime) -> Releases:
        override = _overridden(releases, plan, self.override) or self.frozen
        return _begun(releases, plan, reason, now, override, self.together)

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes how the release ended, and moves it into the history.

        Raises:
            LeaseLostError: another command has taken the Lease. A rollback has its own release in the record then, and
                the version that was rolled back, and both stay.
        """
        record = self._record
        if record is None:
            raise RuntimeError("a release ends that has not begun")
        await self.confirm()
        now = self.now()
        result = Result.SUCCEEDED if succeeded else Result.FAILED
        ended = record.leaving("passed" if succeeded else "failed", now, detail).ending(result, now, detail)
        if receipt is not None:
            ended = replace(ended, receipt=receipt.to_json(), content=receipt.content)
        await self._store.update(lambda releases: _ended(releases, ended))


def _is_drilled(releases: Releases, colour: str) -> bool:
    """Whether a colour serves for a drill alone, so that a rollback from it says nothing against its version."""
    last = releases.current
    return last is not None and last.running and last.kind == Act.DRILL and last.target == colour


def _overridden(releases: Releases, plan: Plan, override: str | None) -> str | None:
    refusal = refuse_gone(plan, (releases.current, *releases.history))
    if override is None:
        raise_refusal(refusal)
    return None if refusal is None else override


def _begun(
    releases: Releases,
    plan: Plan,
    reason: str | None,
    now: datetime,
    override: str | None,
    together: tuple[str, ...] = (),
) -> Releases:
    source, from_tag = plan.source.colour.value, plan.source.tag
    if source == plan.target:
        source, from_tag = _other_side(releases, plan)
    holder = Holder(plan.act.value)
    continued = None if plan.patch else _unfinished(releases.current, plan)
    record = ReleaseRecord(
        id=new_id(now) if continued is None else continued.id,
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
        together=together,
        hooks=() if continued is None else continued.hooks,
        override=override or (None if continued is None else continued.override),
    ).entering(Phase.SWITCH, now)
    if plan.act is Act.ROLLBACK and from_tag is not None and not _is_drilled(releases, source):
        version = RolledBack(source, from_tag, record.id, record.started, record.actor, reason)
        releases = releases.rolling_back(version)
    return superseded(releases, record, plan.source.colour, now).writing(record)


def _other_side(releases: Releases, plan: Plan) -> tuple[str, str | None]:
    """The colour and the version that a release of what serves already leaves, as an earlier command has them."""
    serving, current = plan.target.value, releases.current
    if plan.act is Act.ROLLBACK and current is not None and has_not_switched(current, serving):
        return current.target, current.tag  # together with others, which have switched and go back
    last = latest(releases, serving)
    if last is None or last.target != serving or last.source == serving:
        return plan.target.other.value, None
    return last.source, last.from_tag


def _unfinished(last: ReleaseRecord | None, plan: Plan) -> ReleaseRecord | None:
    """The release of a command that was killed and is run again, whose hooks are not run again; None for another."""
    if last is None or not last.running:
        return None
    return last if (last.kind, last.target) == (plan.act, plan.target) else None


def _ended(releases: Releases, record: ReleaseRecord) -> Releases:
    releases = releases.writing(record)
    if record.result is not Result.SUCCEEDED:
        # What this release has marked serves on; the selector was not changed.
        return replace(releases, rolled_back=without_marks_of(releases, record))
    return releases.permitting(record.target, record.tag) if record.kind == Act.SWITCH else releases
