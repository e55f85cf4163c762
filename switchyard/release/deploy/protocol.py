"""Interfaces that the runner of a release needs: the outcome of a phase, the record, and the steps of the phases."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from switchyard.release.phases import Event
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.standing import Live


@dataclass(frozen=True)
class Ended:
    """The end of a phase.

    Attributes:
        event: the outcome.
        detail: the numbers or the reason, as text.
        receipt: receipt of the switch; None for a phase without one.
        numbers: numbers of the verdict; None for a phase without one.
        lines: lines of the receipt for people, at the end of the drain; empty for another phase.
    """

    event: Event
    detail: str | None = None
    receipt: dict[str, Any] | None = None
    numbers: dict[str, Any] | None = None
    lines: tuple[str, ...] = ()


class DeployJournal(Protocol):
    """The record of a release under the Lease of its service. Each call ends the command if the Lease is lost."""

    def now(self) -> datetime:
        """The time by the API server's clock."""

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease."""

    async def enter(self, record: ReleaseRecord) -> None:
        """Writes the start of a phase to the record and to the Lease."""

    async def write(self, record: ReleaseRecord) -> None:
        """Writes the record. A release that has ended is moved into the history."""

    async def write_hooks(self, record: ReleaseRecord) -> None:
        """Writes the record while a hook runs. During a hook, a rollback may take the Lease."""


class ReleaseSteps(Protocol):
    """The steps of the phases. Each step is idempotent, so that it can be repeated after an interruption."""

    async def live(self) -> Live:
        """Reads which colour serves, and which colours have ready pods."""

    async def warm(self, record: ReleaseRecord) -> Ended:
        """Creates the pods of the new version in the idle colour, and waits until they are ready."""

    async def prove(self, record: ReleaseRecord) -> Ended:
        """Checks the gates for the new version before it serves."""

    async def switch(self, record: ReleaseRecord) -> Ended:
        """Changes the selector of the Service to the new colour."""

    async def drain(self, record: ReleaseRecord) -> Ended:
        """Ends the connections to the old colour, and updates configuration and state to the colour that serves."""

    def is_configured(self, record: ReleaseRecord) -> bool:
        """Whether the configuration has the new colour as the one that serves."""

    async def converge(self, record: ReleaseRecord) -> str:
        """Updates configuration and state to the new colour, which serves, and returns a text about it."""

    async def watch(self, record: ReleaseRecord) -> Ended:
        """Judges the new version by its requests and its pods."""

    def is_condemned(self) -> bool:
        """Whether the watch, which started with the switch, has already judged the new version bad."""

    async def until_condemned(self) -> Ended:
        """Waits until another version of the group has failed its watch; without a group it never returns."""

    async def check_unused(self, record: ReleaseRecord) -> str | None:
        """Raises `GateRefusedError` while the old colour serves again, or may get requests.

        Returns the reason why an application does not show whether it gets requests; None if it gets none.
        """

    async def retire(self, record: ReleaseRecord) -> Ended:
        """Deletes the pods of the old colour, which gets no more requests."""

    async def roll_back(self, record: ReleaseRecord, reason: str, *, marks: bool = True) -> Ended:
        """Changes the selector back to the old colour if necessary.

        Args:
            record: record of the release.
            reason: reason of the rollback.
            marks: whether to record the version as one that was rolled back.
        """

    def by_hand(self, record: ReleaseRecord) -> str:
        """The commands that have the old colour serve without this program."""

    async def withdraw(self, record: ReleaseRecord) -> str:
        """Deletes the pods of a new version that has not served. Returns a sentence about remaining pods."""
