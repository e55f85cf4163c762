"""The rollback by a release itself, which is repeated for a limited time while the API server does not answer."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from switchyard.errors import ClusterError, GateRefusedError
from switchyard.gates.base import Warn
from switchyard.release import retries
from switchyard.release.deploy.hooks import ReleaseHooks
from switchyard.release.deploy.protocol import DeployJournal, Ended, ReleaseSteps
from switchyard.release.deploy.refusals import report_unrecorded
from switchyard.release.phases import Result
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.standing import waiting
from switchyard.release_errors import RollbackUnrecordedError


class Rollback:
    """Rolls one release back to its old colour.

    Args:
        journal: the record and the Lease.
        steps: the actions of the phases.
        hooks: hooks of the release.
        warn: reports a wait for the API server.
    """

    def __init__(self, journal: DeployJournal, steps: ReleaseSteps, hooks: ReleaseHooks, warn: Warn) -> None:
        self._journal = journal
        self._steps = steps
        self._hooks = hooks
        self._warn = warn

    async def condemn(self, record: ReleaseRecord) -> None:
        """Records that a version failed its watch, while it serves until its rollback.

        The write is repeated while the API server does not answer. A failed write stops no rollback.
        """
        with suppress(ClusterError):
            waits = self._waits(record, f"the record that {record.target} is condemned")
            await retries.until_answered(lambda: self._journal.write(record), waits)

    async def run(self, record: ReleaseRecord, reason: str, *, marks: bool = True) -> ReleaseRecord:
        """Rolls back, and ends the record. If that fails, the release is held, and `abort` tries again.

        The call is repeated while the API server does not answer, because users get the bad version until then.

        Args:
            record: record of the release.
            reason: reason of the rollback.
            marks: whether to record the version as one that was rolled back, which no automatic update brings back.

        Raises:
            RollbackUnrecordedError: the record cannot be written, whether the rollback is done or not.
            switchyard.release_errors.LeaseLostError: another command has taken the Lease.
        """

        async def rolled_back() -> Ended:
            await self._journal.confirm()
            return await self._steps.roll_back(record, reason, marks=marks)

        try:
            waits = self._waits(record, f"the rollback to {record.source}")
            ended = await retries.until_answered(rolled_back, waits)
        except (ClusterError, GateRefusedError) as error:
            return await self.held(record, reason, str(error))
        record, by_hand = replace(record, receipt=ended.receipt or record.receipt), self._steps.by_hand(record)
        record, problem = await self._hooks.after_rollback(record)
        details = (f"{reason}.", ended.detail, problem)
        detail = " ".join(text for text in details if text)
        record = record.ending(Result.ROLLED_BACK, self._journal.now(), detail)
        try:
            waits = self._waits(record, f"the record of the rollback to {record.source}")
            await retries.until_answered(lambda: self._journal.write(record), waits)
        except ClusterError as error:
            raise RollbackUnrecordedError(report_unrecorded(record, record.source, str(error), by_hand)) from None
        return record

    def _waits(self, record: ReleaseRecord, step: str) -> Callable[[ClusterError], None]:
        """Reports that a step waits for the API server."""
        return lambda error: self._warn(retries.waiting(record.service, step, error))

    async def held(self, record: ReleaseRecord, reason: str, problem: str) -> ReleaseRecord:
        """Holds a release whose rollback is not done. Returns its record, with the colour that serves.

        Args:
            record: record of the release.
            reason: reason of the rollback.
            problem: why it is not done.

        Raises:
            RollbackUnrecordedError: the record cannot be written.
        """
        serving = None
        with suppress(ClusterError, GateRefusedError):
            serving = (await self._steps.live()).serving
        serves = "" if serving is None else f" ({serving} serves)"
        by_hand = self._steps.by_hand(record)
        held = waiting(record, held=True, detail=f"{reason}. The rollback is not done: {problem}{serves}")
        try:
            waits = self._waits(record, "the record that the rollback is not done")
            await retries.until_answered(lambda: self._journal.write(held), waits)
        except ClusterError:
            raise RollbackUnrecordedError(report_unrecorded(record, serving, problem, by_hand)) from None
        return held
