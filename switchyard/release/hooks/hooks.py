"""Runs the hooks of a release, each of them once, even if the command is killed.

The start of a hook is recorded before the hook starts, and its end before the release acts on it. If a command finds a
hook that was started, it looks for the Job of the hook and uses its result. The result of an HTTP call cannot be looked
up, so the call is not sent again, and the consequence is that of a failure.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from switchyard.codes import Code
from switchyard.config.models.hooks import Hook, HookPoint, Hooks, OnFailure
from switchyard.gates.base import Warn
from switchyard.gates.rules.refusal import notice
from switchyard.kube.clock import from_text, to_text
from switchyard.manifests.hooks import HookContext
from switchyard.release import retries
from switchyard.release.plan import Act
from switchyard.release.record.hook import HookOutcome, HookRecord
from switchyard.release.record.release_record import ReleaseRecord

NOT_WAITED_FOR = "the release was rolled back meanwhile, and a rollback does not wait for hooks"


@dataclass(frozen=True)
class HookResult:
    """How a hook ended.

    Attributes:
        outcome: passed, failed or unknown.
        detail: the reason, in words, for the record.
        quoted: the last output of the hook, which is shown only at the operator's terminal.
    """

    outcome: HookOutcome
    detail: str | None = None
    quoted: str | None = None


class HookCalls(Protocol):
    """Starts hooks, and waits for their end."""

    async def run(self, hook: Hook, context: HookContext, begun: datetime | None) -> HookResult:
        """Runs a hook to its end.

        Args:
            hook: the hook.
            context: the information that the hook receives.
            begun: time at which an earlier command recorded the start; None if this command did so.
        """


class HookJournal(Protocol):
    """The record of the release to which the hooks belong, under the Lease of its service."""

    def now(self) -> datetime:
        """The time by the API server's clock."""

    async def confirm(self) -> None:
        """Ends the command when another one has taken the Lease."""

    async def write_hooks(self, record: ReleaseRecord) -> None:
        """Writes the record while a hook runs, in which a rollback may take the Lease."""


@dataclass
class PointEnded:
    """How the hooks of a point ended.

    Attributes:
        record: record of the release, with the hooks.
        follows: the consequence of a hook that did not pass; None if the release continues.
        detail: a sentence about the hook that did not pass; None if all passed.
        ran: whether a hook was run by this call.
    """

    record: ReleaseRecord
    follows: OnFailure | None = None
    detail: str | None = None
    ran: bool = False


class HookRuns:
    """The hooks of a release.

    Args:
        hooks: the configured hooks.
        calls: starts the hooks.
        journal: journal of the release.
        warn: reports a hook that did not pass.
        on_end: is called with each hook that has ended.
    """

    def __init__(
        self,
        hooks: Hooks,
        calls: HookCalls,
        journal: HookJournal,
        warn: Warn,
        on_end: Callable[[HookRecord], None] = lambda _: None,
    ) -> None:
        self._hooks = hooks
        self._calls = calls
        self._journal = journal
        self._warn = warn
        self._on_end = on_end

    def waiting(self, point: HookPoint, record: ReleaseRecord) -> bool:
        """Whether a point has a hook that is not settled."""
        return any(not _is_settled(record.hook(hook.name), hook, point) for hook in self._hooks.at(point))

    async def run(self, point: HookPoint, name: str, ended: PointEnded) -> None:
        """Runs the hooks of a point that are not settled, in order, up to one that stops the release.

        Args:
            point: the present point of the release.
            name: name of the service's objects.
            ended: receives the results, so that they are known if the call is cancelled.
        """
        for hook in self._hooks.at(point):
            if _is_settled(ended.record.hook(hook.name), hook, point):
                continue
            ended.ran = True
            result = await self._run(hook, point, name, ended)
            if result.outcome is HookOutcome.PASSED:
                continue
            follows = hook.after_failure(point)
            ended.detail = did_not_pass(hook.name, point, result)
            if result.quoted is not None:
                self._warn(result.quoted)
            if follows is not OnFailure.CONTINUE:
                ended.follows = follows  # the release ends, or is held, with the detail as its reason
                return
            self._warn(f"{ended.record.service}: {ended.detail}. The release continues (onFailure: {follows}).")

    async def _run(self, hook: Hook, point: HookPoint, name: str, ended: PointEnded) -> HookResult:
        entry, begun = ended.record.hook(hook.name), None
        if entry is not None and entry.outcome is not None:  # the command died before it wrote what follows
            return HookResult(entry.outcome, entry.detail)
        if entry is None:
            entry = HookRecord(hook.name, point.value, to_text(self._journal.now()), irreversible=hook.irreversible)
            ended.record = ended.record.with_hook(entry)
            await self._write(ended.record, hook)
            await self._journal.confirm()  # a rollback may have taken the Lease while it was written
        else:
            begun = from_text(entry.started)
        result = await self._calls.run(hook, hook_context(ended.record, point, name), begun)
        entry = entry.ending(result.outcome, self._journal.now(), result.detail)
        ended.record = ended.record.with_hook(entry)
        await self._write(ended.record, hook)
        self._on_end(entry)
        return result

    async def _write(self, record: ReleaseRecord, hook: Hook) -> None:
        """Writes the record, which is repeated while the API server does not answer."""
        step = f"the record of hook {hook.name}"
        await retries.until_answered(
            lambda: self._journal.write_hooks(record),
            lambda error: self._warn(retries.waiting(record.service, step, error)),
        )


async def after_rollback(runs: HookRuns, record: ReleaseRecord, name: str) -> ReleaseRecord:
    """Runs the hooks after a rollback by `switchyard rollback`. Returns the record with them.

    Args:
        runs: the hooks.
        record: record of the rollback.
        name: name of the service's objects.
    """
    ended = PointEnded(record)
    await runs.run(HookPoint.ON_ROLLBACK, name, ended)
    return ended.record


def abandoned(record: ReleaseRecord, now: datetime) -> ReleaseRecord:
    """The record in which the hooks that a rollback does not wait for are marked as abandoned."""
    for entry in record.hooks:
        if entry.outcome is None and entry.point != HookPoint.ON_ROLLBACK:
            record = record.with_hook(entry.ending(HookOutcome.UNKNOWN, now, NOT_WAITED_FOR))
    return record


def accepted(record: ReleaseRecord) -> ReleaseRecord:
    """The record of a release that an operator continues; a hook that held the release no longer does."""
    hooks = (replace(hook, accepted=True) if hook.did_not_pass else hook for hook in record.hooks)
    return replace(record, hooks=tuple(hooks))


def holding(record: ReleaseRecord) -> HookRecord | None:
    """The hook that did not pass and that no operator has accepted; None if there is none."""
    return next((hook for hook in record.hooks if hook.did_not_pass and not hook.accepted), None)


def hook_context(record: ReleaseRecord, point: HookPoint, name: str) -> HookContext:
    """The information that a hook receives about its release.

    Args:
        record: record of the release.
        point: the point at which the hook runs.
        name: name of the service's objects.
    """
    before, after, colour = record.from_tag, record.tag, record.target
    if point is HookPoint.ON_ROLLBACK and record.kind != Act.ROLLBACK:
        before, after, colour = after, before, record.source
    return HookContext(record.service, name, record.id, point, before, after, colour)


def did_not_pass(name: str, point: HookPoint, result: HookResult) -> str:
    """A sentence about a hook that did not pass, with its code."""
    reason = f": {result.detail.rstrip('.')}" if result.detail else ""
    if result.outcome is HookOutcome.UNKNOWN:
        code, condition = Code.HOOK_UNKNOWN, "may have run, and is not run again"
    else:
        code, condition = Code.HOOK_FAILED, "has failed"
    return notice(code, "", f"hook {name} at {point} {condition}{reason}").removesuffix(".")


def _is_settled(entry: HookRecord | None, hook: Hook, point: HookPoint) -> bool:
    """Whether nothing is left to do for a hook: it passed, or the consequence of its failure has happened."""
    if entry is None or entry.outcome is None:
        return False
    continues = hook.after_failure(point) is OnFailure.CONTINUE
    return entry.outcome is HookOutcome.PASSED or entry.accepted or continues
