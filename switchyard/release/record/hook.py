"""One hook in the record of a release."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from switchyard.kube.clock import to_text
from switchyard.kube.rolled_back import unknown_keys


class HookOutcome(StrEnum):
    """How a hook ended.

    Attributes:
        PASSED: the hook succeeded.
        FAILED: the hook failed.
        UNKNOWN: the hook was started, and its result is not known. It is not started again.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class HookRecord:
    """One hook of a release.

    Attributes:
        name: name of the hook.
        point: the point at which the hook runs.
        started: when the hook was started, RFC 3339. It is written before the hook starts.
        ended: when the outcome became known; None before that.
        outcome: how the hook ended; None before that.
        detail: the result or the reason as text, without any output of the hook.
        irreversible: whether the previous version no longer works once the hook has started.
        accepted: whether an operator has continued the release although the hook did not pass.
        others: keys that this version of the program does not know; they are written back as they are.
    """

    name: str
    point: str
    started: str
    ended: str | None = None
    outcome: HookOutcome | None = None
    detail: str | None = None
    irreversible: bool = False
    accepted: bool = False
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def did_not_pass(self) -> bool:
        """Whether the hook has ended without success."""
        return self.outcome in {HookOutcome.FAILED, HookOutcome.UNKNOWN}

    def ending(self, outcome: HookOutcome, now: datetime, detail: str | None) -> "HookRecord":
        """The entry of the hook with its outcome."""
        return replace(self, ended=to_text(now), outcome=outcome, detail=detail)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the hook in the record."""
        marks = {"irreversible": self.irreversible, "accepted": self.accepted}
        return {
            **self.others,
            "name": self.name,
            "point": self.point,
            "started": self.started,
            "ended": self.ended,
            "outcome": None if self.outcome is None else self.outcome.value,
            "detail": self.detail,
            **{key: True for key, is_set in marks.items() if is_set},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Parses a hook. Raises ``KeyError`` or ``ValueError`` for other content."""
        outcome = document.get("outcome")
        read = cls(
            name=str(document["name"]),
            point=str(document["point"]),
            started=str(document["started"]),
            ended=document.get("ended"),
            outcome=None if outcome is None else HookOutcome(outcome),
            detail=document.get("detail"),
            irreversible=bool(document.get("irreversible", False)),
            accepted=bool(document.get("accepted", False)),
        )
        return replace(read, others=unknown_keys(document, {*read.to_json(), "irreversible", "accepted"}))
