"""What the fast lane needs of a record and of a Lease."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from switchyard.release.plan import Act, Plan
from switchyard.release.previous import Recorded
from switchyard.release.receipt import Receipt


class Journal(Protocol):
    """The record of the releases of one service, and the Lease on them."""

    async def last(self) -> Recorded | None:
        """The record of the latest release; None where there is none."""

    def held(self, act: Act) -> AbstractAsyncContextManager[object]:
        """The Lease of the service, within the block; the only one at a time."""

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Writes that a release runs, before anything is changed. Returns its start by the API server's clock."""

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Writes how the release ended, and moves it into the history."""

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease. Raises `switchyard.release_errors.LeaseLostError`."""
