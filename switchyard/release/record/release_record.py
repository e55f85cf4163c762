"""The record of one release: who released what, why, in which phases, and with which result."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from switchyard.kube.clock import from_text, to_text
from switchyard.kube.rolled_back import unknown_keys
from switchyard.release.phases import Event, Phase, Result
from switchyard.release.record.hook import HookRecord

ABORTED = "aborted by"
"""Beginning of the detail of a release that an operator has aborted; who and why follows."""


def new_id(started: datetime) -> str:
    """An ID that no other release has, and that sorts by the start of the release."""
    return f"{started:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class PhaseRecord:
    """One phase of a release.

    Attributes:
        phase: the phase.
        started: start of the phase, RFC 3339.
        ended: when it ended; None while it runs.
        outcome: the event that ended the phase, for example ``passed``; None while it runs.
        detail: the numbers of a verdict, or a reason, as text.
        numbers: numbers of a verdict, see `switchyard.release.record.verdict_numbers`; None for a phase without one.
        others: keys that this version of the program does not know; they are written back as they are.
    """

    phase: Phase
    started: str
    ended: str | None = None
    outcome: str | None = None
    detail: str | None = None
    numbers: Mapping[str, Any] | None = None
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the phase in the record."""
        return {
            **self.others,
            "phase": self.phase.value,
            "started": self.started,
            "ended": self.ended,
            "outcome": self.outcome,
            "detail": self.detail,
            **({} if self.numbers is None else {"numbers": dict(self.numbers)}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Parses a phase. Raises ``KeyError`` or ``ValueError`` for other content."""
        read = cls(
            phase=Phase(document["phase"]),
            started=_moment(str(document["started"])),
            ended=_text(document, "ended"),
            outcome=_text(document, "outcome"),
            detail=_text(document, "detail"),
            numbers=document.get("numbers"),
        )
        return replace(read, others=unknown_keys(document, read.to_json()))

    @property
    def seconds(self) -> float | None:
        """Duration of the phase in seconds; None while it runs."""
        return None if self.ended is None else (from_text(self.ended) - from_text(self.started)).total_seconds()


@dataclass(frozen=True)
class ReleaseRecord:
    """One release of a service.

    Attributes:
        id: ID of the release. IDs sort by the start of the release.
        kind: kind of the release: deploy, switch, rollback or drill.
        service: key of the service in the configuration.
        source: the colour that served before; ``from`` in JSON.
        target: the colour that was to serve; ``to`` in JSON.
        from_tag: the version that served before; None if unknown.
        tag: the version that was to serve; None if unknown.
        actor: operating system user who started the release.
        host: machine of that user.
        started: start of the release, RFC 3339 by the API server's clock.
        reason: the operator's reason.
        phase: the present phase, or the last one of a release that has ended.
        result: the result of the release, or that it is running.
        held: whether the release waits for an operator.
        ended: when it ended; None while it runs.
        detail: reason for the result, or for the hold.
        phases: the phases, oldest first.
        content: hashes of the Secrets and ConfigMaps that the pods refer to, by kind and name.
        receipt: receipt of the switch, see `switchyard.release.receipt.receipt`.
        together: keys of all services of the group; empty for a single service.
        hooks: the hooks that were started, oldest first.
        override: the operator's reason to override a refusal; None without an override.
        hotfix: whether the operator has marked it as an unplanned repair.
        configured: whether the release has updated the configuration to the new colour.
        replaces: the result that the release whose place it takes gets once it has succeeded, see
            `switchyard.release.record.replacing`; None without such a release, and after its end.
        replaced_by: ID of the release that has taken its place and so has ended it; None without one.
        others: keys that this version of the program does not know; they are written back as they are.
    """

    id: str
    kind: str
    service: str
    source: str
    target: str
    from_tag: str | None
    tag: str | None
    actor: str
    host: str
    started: str
    reason: str | None = None
    phase: Phase = Phase.WARM
    result: Result = Result.RUNNING
    held: bool = False
    ended: str | None = None
    detail: str | None = None
    phases: tuple[PhaseRecord, ...] = ()
    content: Mapping[str, str] = field(default_factory=dict)
    receipt: Mapping[str, Any] | None = None
    together: tuple[str, ...] = ()
    hooks: tuple[HookRecord, ...] = ()
    override: str | None = None
    hotfix: bool = False
    configured: bool = False
    replaces: Result | None = None
    replaced_by: str | None = None
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def running(self) -> bool:
        """Whether the release has not ended."""
        return self.result is Result.RUNNING

    @property
    def has_switched(self) -> bool:
        """Whether its phase `switch` has passed, so that its new version has served."""
        return any(phase.phase is Phase.SWITCH and phase.outcome == Event.PASSED for phase in self.phases)

    @property
    def has_failed_watch(self) -> bool:
        """Whether its new version has failed its watch, or a hook beside it, so that it is rolled back."""
        return bool(self.phases) and self.phases[-1].outcome == Event.BREACHED

    @property
    def doubt(self) -> str | None:
        """The reason to doubt that every node follows the switch; None without a doubt, or without a switch."""
        text: str | None = (self.receipt or {}).get("doubt")
        return text

    @property
    def irreversible(self) -> HookRecord | None:
        """The first irreversible hook that was started; None without one."""
        return next((hook for hook in self.hooks if hook.irreversible), None)

    def hook(self, name: str) -> HookRecord | None:
        """The entry of a hook; None for a hook that was not started."""
        return next((hook for hook in self.hooks if hook.name == name), None)

    def with_hook(self, hook: HookRecord) -> "ReleaseRecord":
        """The record with a hook that was started or has ended."""
        others = [other for other in self.hooks if other.name != hook.name]
        return replace(self, hooks=(*others, hook))

    def entering(self, phase: Phase, now: datetime) -> "ReleaseRecord":
        """The record after the start of a phase."""
        return replace(self, phase=phase, phases=(*self.phases, PhaseRecord(phase, to_text(now))))

    def leaving(
        self, outcome: str, now: datetime, detail: str | None = None, numbers: Mapping[str, Any] | None = None
    ) -> "ReleaseRecord":
        """The record after the end of the present phase."""
        if not self.phases:
            return self
        last = replace(self.phases[-1], ended=to_text(now), outcome=outcome, detail=detail, numbers=numbers)
        return replace(self, phases=(*self.phases[:-1], last))

    def ending(self, result: Result, now: datetime, detail: str | None = None) -> "ReleaseRecord":
        """The record after the end of the release."""
        return replace(self, result=result, ended=to_text(now), held=False, detail=detail or self.detail)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the release in the record and in `switchyard history --json`."""
        return {
            **self.others,
            "id": self.id,
            "kind": self.kind,
            "service": self.service,
            "from": self.source,
            "to": self.target,
            "fromTag": self.from_tag,
            "tag": self.tag,
            "actor": self.actor,
            "host": self.host,
            "reason": self.reason,
            "phase": self.phase.value,
            "result": self.result.value,
            "held": self.held,
            "started": self.started,
            "ended": self.ended,
            "detail": self.detail,
            "phases": [phase.to_json() for phase in self.phases],
            "content": dict(self.content),
            "receipt": None if self.receipt is None else dict(self.receipt),
            **({"together": list(self.together)} if self.together else {}),
            "hooks": [hook.to_json() for hook in self.hooks],
            "override": self.override,
            "hotfix": self.hotfix,
            **({"configured": True} if self.configured else {}),
            **({} if self.replaces is None else {"replaces": self.replaces.value}),
            **({} if self.replaced_by is None else {"replacedBy": self.replaced_by}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Parses a release. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for other content."""
        read = cls(
            id=str(document["id"]),
            kind=str(document["kind"]),
            service=str(document["service"]),
            source=str(document["from"]),
            target=str(document["to"]),
            from_tag=_text(document, "fromTag"),
            tag=_text(document, "tag"),
            actor=str(document["actor"]),
            host=str(document["host"]),
            started=str(document["started"]),
            reason=_text(document, "reason"),
            phase=Phase(document["phase"]),
            result=Result(document["result"]),
            held=bool(document.get("held", False)),
            ended=_text(document, "ended"),
            detail=_text(document, "detail"),
            phases=tuple(PhaseRecord.from_json(phase) for phase in document.get("phases", ())),
            content=dict(document.get("content") or {}),
            receipt=_receipt(document.get("receipt")),
            together=tuple(document.get("together") or ()),
            hooks=tuple(HookRecord.from_json(hook) for hook in document.get("hooks") or ()),
            override=_text(document, "override"),
            hotfix=bool(document.get("hotfix", False)),
            configured=bool(document.get("configured", False)),
            replaces=None if document.get("replaces") is None else Result(document["replaces"]),
            replaced_by=_text(document, "replacedBy"),
        )
        return replace(read, others=unknown_keys(document, read.to_json()))


def _text(document: Mapping[str, Any], key: str) -> str | None:
    """A text of a document, or None without one. Raises ``TypeError`` for anything else."""
    text: object = document.get(key)
    if text is not None and not isinstance(text, str):
        raise TypeError(f"{key} is not a text")
    return text


def _receipt(document: Any) -> Mapping[str, Any] | None:
    """A receipt whose sentences are texts, or None without one. Raises ``TypeError`` for anything else."""
    if document is None:
        return None
    if not isinstance(document, Mapping):
        raise TypeError("receipt is not an object")
    for key in ("doubt", "notSeen"):
        _text(document, key)
    return document


def _moment(text: str) -> str:
    """A moment with its time zone, as it is written. Raises ``ValueError`` for anything else."""
    if from_text(text).tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return text
