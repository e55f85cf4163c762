"""Writes the progress of a release to its record, and repeats that while the API server does not answer.

Once the new version serves, nobody but the command of the release watches it. A restart of the API server must not end
that command.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.release import retries
from switchyard.release.deploy.protocol import DeployJournal, ReleaseSteps
from switchyard.release.deploy.refusals import report_progress_unrecorded
from switchyard.release.phases import Phase, Side, State
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release_errors import ReleaseUnrecordedError

GOES_ON = frozenset({Phase.DRAIN, Phase.WATCH})
"""Phases that a release goes through even if they cannot be recorded, so that its watch still judges the version."""


class Progress:
    """The progress of one release in its record.

    Args:
        journal: the record and the Lease.
        steps: the actions of the phases. The rollback of a version that failed its watch waits for no write.
        warn: reports a wait for the API server.
    """

    def __init__(self, journal: DeployJournal, steps: ReleaseSteps, warn: Warn) -> None:
        self._journal = journal
        self._steps = steps
        self._warn = warn

    def entering(self, record: ReleaseRecord, phase: Phase) -> ReleaseRecord:
        """The record after the start of a phase, unless an earlier command has started it."""
        last = record.phases[-1] if record.phases else None
        if last is not None and last.phase is phase and last.ended is None:
            return replace(record, phase=phase)
        return record.entering(phase, self._journal.now())

    async def enter(self, record: ReleaseRecord, state: State) -> ClusterError | None:
        """Writes the start of a phase, and confirms that no rollback has taken the Lease meanwhile.

        Returns:
            The error if that is not done, in a phase that does not depend on it; None otherwise.

        Raises:
            ReleaseUnrecordedError: it is not done, in any other phase.
        """

        async def entered() -> None:
            await self._journal.enter(record)
            await self._journal.confirm()

        problem = await self._repeated(record, entered)
        if problem is not None and state.phase not in GOES_ON:
            raise _unrecorded(record, state, problem)
        return problem

    async def hold(self, record: ReleaseRecord, state: State) -> bool:
        """Writes that a release waits for an operator. Returns False for a version that failed its watch meanwhile.

        Raises:
            ReleaseUnrecordedError: it is not done.
        """
        problem = await self._repeated(record, lambda: self._journal.write(record))
        if problem is not None and (state.held or not self._steps.is_condemned()):
            raise _unrecorded(record, state, problem)
        return problem is None

    async def end(self, record: ReleaseRecord, state: State, detail: str | None) -> ReleaseRecord:
        """Writes the end of a release, and returns its record.

        Raises:
            ReleaseUnrecordedError: it is not done.
        """
        record = record.ending(state.result, self._journal.now(), detail)
        if (problem := await self._repeated(record, lambda: self._journal.write(record))) is not None:
            raise _unrecorded(record, state, problem)
        return record

    def waits(self, record: ReleaseRecord, step: str) -> Callable[[ClusterError], None]:
        """Reports that a step waits for the API server."""
        return lambda error: self._warn(retries.waiting(record.service, step, error))

    async def _repeated(self, record: ReleaseRecord, write: Callable[[], Awaitable[None]]) -> ClusterError | None:
        """Repeats a write for a limited time. Returns the error if it is not done then."""
        try:
            await retries.until_answered(
                write, self.waits(record, f"the record of phase {record.phase}"), self._steps.is_condemned
            )
        except ClusterError as error:
            return error
        return None


def _unrecorded(record: ReleaseRecord, state: State, problem: ClusterError) -> ReleaseUnrecordedError:
    serving = record.target if state.serving is Side.NEW else record.source
    return ReleaseUnrecordedError(report_progress_unrecorded(record, serving, str(problem)))
