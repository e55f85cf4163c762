"""A count of requests after a switch, whose result is known before."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

from switchyard.release.receipt.counting import Counting, Followed
from switchyard.release.receipt.receipt import Receipt


@dataclass
class FakeCounting:
    """A count of requests.

    Attributes:
        counted: what the receipt has at the end of the count.
        events: how the count has ended: `ended` or `cancelled`.
    """

    counted: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    async def end(self, receipt: Receipt) -> Receipt:
        self.events.append("ended")
        return replace(receipt, **self.counted)

    def cancel(self) -> None:
        self.events.append("cancelled")


def followed(receipt: Receipt, counting: FakeCounting | None = None) -> Followed:
    """A switch that was observed as a receipt says."""
    return Followed(receipt, cast("Counting", counting or FakeCounting()))
