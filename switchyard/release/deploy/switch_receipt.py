"""The receipt of the switch of a release: observed in phase `switch`, and counted until the end of phase `drain`."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from switchyard.release.deploy.early_watch import EarlyWatch
from switchyard.release.drain.report import DrainReport
from switchyard.release.plan import Plan
from switchyard.release.receipt.receipt import Receipt, later_lines, lines
from switchyard.release.receipt.warnings import judged
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.switch.fast_lane import FastLane

if TYPE_CHECKING:
    from switchyard.release.receipt.counting import Followed

CONDEMNED = "ended early: the new version is worse than accepted"
"""Detail of a step after the switch that ended early because of a bad version."""

NOT_COUNTED = (
    "requests, and the last answer over kept connections: only the command that switches counts them, "
    "until the end of its drain"
)
"""Entry of a receipt before the end of the drain. It stays if another command drains, or if the drain fails."""


@dataclass(frozen=True)
class WholeReceipt:
    """The receipt of a switch at the end of the drain.

    Attributes:
        document: its JSON in the record.
        lines: its lines for people.
    """

    document: dict[str, Any]
    lines: tuple[str, ...]


class SwitchReceipt:
    """The receipt of the switch of a release, in the command that switches.

    Args:
        early_watch: the watch of the new version. The rollback of a bad version waits for no receipt.
    """

    def __init__(self, early_watch: EarlyWatch) -> None:
        self._early_watch = early_watch
        self._followed: Followed | None = None

    async def follow(self, lane: FastLane, plan: Plan, record: ReleaseRecord, patched: float | None) -> Receipt:
        """Observes endpoints and nodes after the patch, and starts to count requests. Returns the receipt so far.

        Args:
            lane: fast lane of the service.
            plan: the switch.
            record: record of the release.
            patched: result of `FastLane.patch`; None if the selector was already right.
        """
        followed = await self._early_watch.result(lane.follow(plan, record.started, patched), None)
        if followed is None:
            unseen = f"endpoints, nodes and requests: {CONDEMNED}"
            return Receipt(record.started, patched_after=patched, unseen=(unseen,))
        if not self._early_watch.is_condemned:  # a condemned version is on its way out
            followed = replace(followed, receipt=judged(plan, followed.receipt))
        self._followed = followed
        return replace(followed.receipt, unseen=(*followed.receipt.unseen, NOT_COUNTED))

    async def end(self, record: ReleaseRecord, drained: DrainReport) -> WholeReceipt:
        """Ends the counting after the drain. Returns the whole receipt.

        A command that continues the release of another one has not counted: the receipt in the record stays as it is,
        with the result of the drain.

        Args:
            record: record of the release.
            drained: the result of the drain.
        """
        kept = dict(record.receipt or {})
        if self._followed is None:
            rest = Receipt(record.started, drain=drained, unseen=tuple(kept.get("unseen") or ()))
            return WholeReceipt({**kept, "drain": drained.as_json()}, tuple(later_lines(rest)))
        receipt = await self._followed.ended(drained)
        return WholeReceipt({**kept, **receipt.to_json()}, tuple(lines(receipt)))

    def cancel(self) -> None:
        """Ends the counting without a result."""
        if self._followed is not None:
            self._followed.counting.cancel()
