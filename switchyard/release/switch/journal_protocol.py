"""Interface of the record and the Lease that the fast lane needs."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from switchyard.config.models.service import Colour
from switchyard.errors import ClusterError
from switchyard.gates.base import Warn
from switchyard.release import retries
from switchyard.release.plan import Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.previous import Recorded
from switchyard.release_errors import LeaseLostError


class SwitchJournal(Protocol):
    """The record of the releases of one service, and the Lease on them."""

    async def last(self, serving: Colour) -> Recorded | None:
        """The record of the latest release that may have changed what serves; None where there is none.

        Args:
            serving: the colour that serves.
        """

    async def left_open(self, serving: Colour) -> Recorded | None:
        """The record of a running release that a switch to the colour that serves continues or ends; None without one.

        Args:
            serving: the colour that serves.
        """

    def held(self, plan: Plan) -> AbstractAsyncContextManager[object]:
        """Holds the Lease of the service within the block, for one command at a time."""

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Records the start of a release before anything is changed. Returns its start by the API server's clock."""

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Records the result of the release, and moves it into the history."""

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease. Raises `switchyard.release_errors.LeaseLostError`."""


class HeldLease(Protocol):
    """The Lease of a command."""

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease. Raises `switchyard.release_errors.LeaseLostError`."""


async def lost_lease(lease: HeldLease) -> LeaseLostError | None:
    """The reason why a command stops after its switch: a rollback has taken its Lease. None otherwise.

    An API server that does not answer is no reason to stop, because the switch is done.

    Args:
        lease: the Lease of the service.
    """
    try:
        await lease.confirm()
    except LeaseLostError as error:
        return error
    except ClusterError:
        return None
    return None


async def end(journal: SwitchJournal, plan: Plan, receipt: Receipt, detail: str | None, warn: Warn) -> None:
    """Records the end of a switch that is done, which is repeated while the API server does not answer.

    Args:
        journal: journal of the service.
        plan: the switch.
        receipt: what was observed of it.
        detail: what was not as it should be; None without a problem.
        warn: reports a wait for the API server.
    """
    step = f"the record of the {plan.act} to {plan.target}"
    await retries.until_answered(
        lambda: journal.end(receipt, succeeded=True, detail=detail),
        lambda error: warn(retries.waiting(plan.observation.name.key, step, error)),
    )
