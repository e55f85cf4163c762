"""The record of one release as a value: who released what, why, in which phases, and how it ended."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from switchyard.kube.clock import from_text, to_text
from switchyard.kube.rolled_back import unknown_keys
from switchyard.release.hook_record import HookRecord
from switchyard.release.phases import Phase, Result


def new_id(started: datetime) -> str:
    """An ID that no other release has, and that sorts by the start of the release."""
    return f"{started:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class PhaseRecord:
    """One phase of a release.

    Attributes:
        phase: which.
        started: when it began, RFC 3339.
        ended: when it ended; None while it runs.
        outcome: the event that it ended in, for example ``passed``; None while it runs.
        detail: the numbers of a verdict, or a reason, in words.
        numbers: those of a verdict, see `switchyard.release.verdict_numbers`; None for a phase without one.
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
        """The phase as the record has it."""
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
        """Reads a phase. Raises ``KeyError`` or ``ValueError`` for something else."""
        read = cls(
            phase=Phase(document["phase"]),
            started=str(document["started"]),
            ended=document.get("ended"),
            outcome=document.get("outcome"),
            detail=document.get("detail"),
            numbers=document.get("numbers"),
        )
        return replace(read, others=unknown_keys(document, read.to_json()))

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return None if self.ended is None else (from_text(self.ended) - from_text(self.started)).total_seconds()


@dataclass(frozen=True)
class ReleaseRecord:
    """One release of a service.

    Attributes:
        id: of the release; it sorts by the start.
        kind: deploy, switch, rollback or drill.
        service: key of the service in the configuration.
        source: the colour that served before; ``from`` in JSON.
        target: the colour that was to serve; ``to`` in JSON.
        from_tag: the version that served before; None where it is not known.
        tag: the version that was to serve; None where it is not known.
        actor: user of the operating system who began it.
        host: that user's machine.
        started: when it began, RFC 3339 by the API server's clock.
        reason: why, in the operator's words.
        phase: the phase that it is in, or ended in.
        result: how it ended, or that it runs.
        held: whether it waits for an operator.
        ended: when it ended; None while it runs.
        detail: why it ended so, or why it is held.
        phases: what happened, oldest first.
        content: hashes of the Secrets and ConfigMaps that the pods refer to, by kind and name.
        receipt: what was seen of the switch, see `switchyard.release.receipt`.
        together: keys of the services that were switched with this one, itself among them; empty for one alone.
        hooks: that were begun, oldest first.
        override: why an operator has gone on although a refusal spoke against it; None where nobody has.
        hotfix: whether it is an unplanned repair of what served, which its operator has said.
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
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.result is Result.RUNNING

    @property
    def doubt(self) -> str | None:
        """Why nobody may rely on that every node follows its switch, in words; None without a doubt, or a switch."""
        if self.receipt is not None:
            text: str | None = self.receipt.get("doubt")
            return text
        switch = next((phase for phase in reversed(self.phases) if phase.phase is Phase.SWITCH), None)
        if self.kind != "deploy" or switch is None or switch.outcome != "passed":
            return None
        return f"what followed the switch was not seen: {switch.detail}"  # its answer was lost

    @property
    def irreversible(self) -> HookRecord | None:
        """The first hook that was begun and cannot be undone; None where there is none."""
        return next((hook for hook in self.hooks if hook.irreversible), None)

    def hook(self, name: str) -> HookRecord | None:
        """What the record says of a hook; None for one that was not begun."""
        return next((hook for hook in self.hooks if hook.name == name), None)

    def with_hook(self, hook: HookRecord) -> "ReleaseRecord":
        """The record with a hook that was begun or has ended."""
        others = [other for other in self.hooks if other.name != hook.name]
        return replace(self, hooks=(*others, hook))

    def entering(self, phase: Phase, now: datetime) -> "ReleaseRecord":
        """The record once a phase has begun."""
        return replace(self, phase=phase, phases=(*self.phases, PhaseRecord(phase, to_text(now))))

    def leaving(
        self, outcome: str, now: datetime, detail: str | None = None, numbers: Mapping[str, Any] | None = None
    ) -> "ReleaseRecord":
        """The record once the phase that runs has ended."""
        if not self.phases:
            return self
        last = replace(self.phases[-1], ended=to_text(now), outcome=outcome, detail=detail, numbers=numbers)
        return replace(self, phases=(*self.phases[:-1], last))

    def ending(self, result: Result, now: datetime, detail: str | None = None) -> "ReleaseRecord":
        """The record once the release has ended."""
        return replace(self, result=result, ended=to_text(now), held=False, detail=detail or self.detail)

    def to_json(self) -> dict[str, Any]:
        """The release as the record and `switchyard history --json` have it."""
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
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Reads a release. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        read = cls(
            id=str(document["id"]),
            kind=str(document["kind"]),
            service=str(document["service"]),
            source=str(document["from"]),
            target=str(document["to"]),
            from_tag=document.get("fromTag"),
            tag=document.get("tag"),
            actor=str(document["actor"]),
            host=str(document["host"]),
            started=str(document["started"]),
            reason=document.get("reason"),
            phase=Phase(document["phase"]),
            result=Result(document["result"]),
            held=bool(document.get("held", False)),
            ended=document.get("ended"),
            detail=document.get("detail"),
            phases=tuple(PhaseRecord.from_json(phase) for phase in document.get("phases", ())),
            content=dict(document.get("content") or {}),
            receipt=document.get("receipt"),
            together=tuple(document.get("together") or ()),
            hooks=tuple(HookRecord.from_json(hook) for hook in document.get("hooks") or ()),
            override=document.get("override"),
            hotfix=bool(document.get("hotfix", False)),
        )
        return replace(read, others=unknown_keys(document, read.to_json()))
