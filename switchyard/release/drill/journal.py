"""Writes a drill to the record of the service, as one release of the kind `drill` with two switches."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from switchyard.kube.clock import to_text
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.lease_holder import Holder
from switchyard.release.record.release_record import ReleaseRecord, new_id
from switchyard.release.record.standing import waiting
from switchyard.release.switch.journal import LeasedSwitchJournal

OUT = "out"
"""Key under which the receipt of a drill's rollback contains the receipt of its switch."""


class DrillJournal(LeasedSwitchJournal):
    """The record and the Lease of one service during both switches of a drill, with the arguments of the base.

    No version is marked as rolled back, and no mark is removed.
    """

    _out: Receipt | None = None

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[None, None]:
        """Holds the Lease of the service within the block, for both switches. A rollback may take it.

        Raises:
            LeaseHeldError: another running command holds the Lease.
        """
        async with self.holding(Holder(Act.DRILL.value, phase=Phase.SWITCH.value)):
            yield

    @asynccontextmanager
    async def held(self, plan: Plan) -> AsyncGenerator[None, None]:  # noqa: ARG002 - both passages are of one command
        """Does nothing, because the drill holds the Lease."""
        await self.confirm()
        yield

    @property
    def ended(self) -> bool:
        """Whether the record says that the drill has ended."""
        return self._record is not None and not self._record.running

    def adopt(self, record: ReleaseRecord) -> None:
        """Continues a drill whose command has ended."""
        self._record = record

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Writes that a switch starts. The first switch starts the drill."""
        now = self.now()
        record = self._record or self._new(plan, reason)
        # A switch whose end was not written is recorded as lost: the cluster shows whether it was done.
        await self._write(waiting(_left(record, "lost", now).entering(Phase.SWITCH, now), held=False))
        return to_text(now)

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes how a switch ended. Only the rollback, or a switch that was not done, ends the drill."""
        record = self._record
        if record is None:
            raise RuntimeError("a passage ends that has not begun")
        now, goes_back = self.now(), len(record.phases) > 1
        record = record.leaving("passed" if succeeded else "failed", now, detail)
        if succeeded and not goes_back:
            self._out = receipt
            await self._write(replace(record, receipt={OUT: None if receipt is None else receipt.to_json()}))
            return
        if goes_back and not succeeded:
            await self._write(waiting(record, held=True, detail=f"the rollback is not done: {detail}"))
            return
        result = Result.SUCCEEDED if succeeded and self._out is not None else Result.FAILED
        if succeeded and result is Result.FAILED:
            detail = "it was interrupted, and switched back afterwards"
        await self._write(replace(record.ending(result, now, detail), receipt=self._receipts(record, receipt)))

    async def give_up(self, detail: str) -> None:
        """Ends a drill that has not switched, or whose service somebody else has switched back."""
        if self._record is not None:
            now = self.now()
            await self._write(_left(self._record, "lost", now).ending(Result.FAILED, now, detail))

    def _receipts(self, record: ReleaseRecord, receipt: Receipt | None) -> dict[str, Any] | None:
        known = dict(record.receipt or {})
        return None if receipt is None else {**receipt.to_json(), OUT: known.get(OUT)}

    def _new(self, plan: Plan, reason: str | None) -> ReleaseRecord:
        now, holder = self.now(), Holder(Act.DRILL.value)
        self._unwritten = new_id(now)
        return ReleaseRecord(
            id=self._unwritten,
            kind=Act.DRILL.value,
            service=plan.observation.name.key,
            source=plan.source.colour.value,
            target=plan.target.value,
            from_tag=plan.source.tag,
            tag=plan.to_tag,
            actor=holder.user,
            host=holder.host,
            started=to_text(now),
            reason=reason,
            phase=Phase.SWITCH,
        )

    async def _write(self, record: ReleaseRecord) -> None:
        await self.confirm()  # a rollback may have taken the Lease, and the record is its own then
        await self.update_own(record.id, lambda releases: releases.writing(record))
        self._record = record


def _left(record: ReleaseRecord, outcome: str, now: datetime) -> ReleaseRecord:
    """The record with its running phase ended."""
    runs = record.phases and record.phases[-1].ended is None
    return record.leaving(outcome, now) if runs else record
