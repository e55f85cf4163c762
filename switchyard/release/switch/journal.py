"""Writes a switch or a rollback to the record of the service."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime

import httpx

from switchyard.config.models.service import Colour
from switchyard.errors import ApiStatusError, RejectedError
from switchyard.gates.base import raise_refusal
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.clock import to_text
from switchyard.kube.rolled_back import RolledBack, find_rolled_back
from switchyard.release.hooks.refusals import refuse_gone
from switchyard.release.leased_journal import LeasedJournal
from switchyard.release.phases import Phase, Result
from switchyard.release.plan import Act, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.earlier_releases import has_not_switched, latest, latest_begun, left_open
from switchyard.release.record.lease_holder import Holder
from switchyard.release.record.release_record import ReleaseRecord, new_id
from switchyard.release.record.replacing import beginning, beneath, ending, without_abandoned
from switchyard.release.record.store import RecordedReleases
from switchyard.release.refusals import refuse_rolled_back_target
from switchyard.release.switch.record_refusals import refuse_unrecorded
from switchyard.release_errors import LeaseLostError


class LeasedSwitchJournal(LeasedJournal):
    """The record and the Lease of one service for a switch or a rollback, with the arguments of the base.

    Attributes:
        together: keys of all services that are switched together; empty for a single service.
    """

    together: tuple[str, ...] = ()
    _record: ReleaseRecord | None = None
    _read: RecordedReleases | None = None
    _is_release = True
    override: str | None = None
    """The operator's reason to roll back past an irreversible hook, or to a version that was rolled back; None without
    one, and the rollback is refused then."""
    frozen: str | None = None
    """The operator's reason to override a freeze, with the window; None without one."""

    @property
    def begun(self) -> bool:
        """Whether the record has the release of this command."""
        return self._record is not None

    @property
    def record(self) -> ReleaseRecord:
        """The record of the release that has started."""
        if self._record is None:
            raise RuntimeError("no release has begun")
        return self._record

    async def check(self, plan: Plan) -> None:
        """Refuses a version that was rolled back, or no longer works, before anything is written.

        Raises:
            GateRefusedError: a rollback would go to a version that was rolled back, or the version no longer works
                after an irreversible hook, and the operator does not override that.
        """
        # A rollback has just read the record, and is not delayed by reading it twice.
        _overridden(self._read or await self.read(), plan, self.override)

    async def write_hooks(self, record: ReleaseRecord) -> None:
        """Writes the record while a hook runs."""
        await self.confirm()
        await self.update_own(record.id, lambda releases: releases.writing(record))
        self._record = record

    async def last(self, serving: Colour) -> ReleaseRecord | None:
        """The record of the latest release that may have changed the serving colour; None without one.

        Args:
            serving: the colour that serves.
        """
        self._read = await self.read()
        return latest(self._read, serving)

    async def left_open(self, serving: Colour) -> ReleaseRecord | None:
        """The running release that a switch to the colour that serves continues or ends; None without one."""
        self._read = await self.read()
        return left_open(self._read, serving)

    @asynccontextmanager
    async def held(self, plan: Plan) -> AsyncGenerator[None, None]:
        """Holds the Lease of the service within the block.

        A rollback does not wait for a command that changes no pods, because the command that released the bad version
        may hold the Lease while it watches.

        Raises:
            LeaseHeldError: the other command is running and may not be interrupted.
            GateRefusedError: the API server does not take the Lease, for example because of a policy.
        """
        holder = Holder(plan.act.value, phase=Phase.SWITCH.value)
        async with AsyncExitStack() as stack:
            with refused_by_policy(replace(plan, warm_tag=None)):  # nothing is warmed before the Lease is held
                await stack.enter_async_context(self.holding(holder, urgent=plan.act is Act.ROLLBACK))
            yield

    async def begin(self, plan: Plan, reason: str | None) -> str:
        """Records the start of a release. A rollback also records the version that must not be released again.

        If the command is killed before it changes the selector, that version continues to serve and is not refused. A
        command that only updates configuration and state is no release: the one before it stays the latest.

        Raises:
            LeaseLostError: another command took the Lease while the gates were checked or a version was warmed.
            GateRefusedError: the API server does not take the record, for example because of a policy.
        """
        await self.confirm_if_old()
        now = self.now()
        self._is_release = plan.patch or is_release(await self.read(), plan)
        if self._is_release:
            with refused_by_policy(plan):
                releases = await self._update(lambda releases: self._begun(releases, plan, reason, now))
            self._record = releases.current
        return to_text(now)

    async def _update(self, change: Callable[[RecordedReleases], RecordedReleases]) -> RecordedReleases:
        """Changes the record; once more if a command from which this one has taken the Lease has just written it."""
        try:
            return await self._store.update(change)
        except ApiStatusError as error:
            if error.status_code != httpx.codes.CONFLICT or not self.interrupts:
                raise
        await self.confirm()
        return await self._store.update(change)

    def _begun(self, releases: RecordedReleases, plan: Plan, reason: str | None, now: datetime) -> RecordedReleases:
        override = _overridden(releases, plan, self.override) or self.frozen
        return _begun(releases, plan, reason, now, override, self.together)

    async def end(self, receipt: Receipt | None, *, succeeded: bool, detail: str | None = None) -> None:
        """Records the result of the release, and moves it into the history; does nothing for a command that is none.

        A command that has changed nothing ends its release also without the Lease.

        Raises:
            LeaseLostError: another command has taken the Lease. A rollback has its own release in the record then, and
                the version that was rolled back, and both stay.
        """
        if not self._is_release:
            return
        record = self.record
        with nullcontext() if succeeded else suppress(LeaseLostError):
            await self.confirm()
        now = self.now()
        result = Result.SUCCEEDED if succeeded else Result.FAILED
        ended = record.leaving("passed" if succeeded else "failed", now, detail).ending(result, now, detail)
        if receipt is not None:
            ended = replace(ended, receipt=receipt.to_json(), content=receipt.content)
        await self.update_own(record.id, lambda releases: _ended(releases, ended, now))


@contextmanager
def refused_by_policy(plan: Plan) -> Generator[None, None, None]:
    """Refuses a command if the API server does not take its Lease or its record, which the block writes.

    Args:
        plan: the switch, the rollback or the abort.
    """
    try:
        yield
    except (RejectedError, ApiStatusError) as error:
        raise_refusal(refuse_unrecorded(plan, error))
        raise


def _is_drilled(releases: RecordedReleases, colour: str) -> bool:
    """Whether a colour serves only for a drill, so that a rollback from it does not mark its version as bad."""
    last = releases.current
    return last is not None and last.running and last.kind == Act.DRILL and last.target == colour


def is_release(releases: RecordedReleases, plan: Plan) -> bool:
    """Whether a command that changes no selector has to be recorded.

    It has to if it continues or ends a release, or if a version that was rolled back serves and is permitted by it. Any
    other one only updates configuration and state.

    Args:
        releases: the record of the service.
        plan: the plan of the command.
    """
    if plan.act is Act.SWITCH:
        version = find_rolled_back(releases.rolled_back, plan.target, plan.to_tag)
        return version is not None or left_open(releases, plan.target) is not None
    last = latest(releases, plan.target)
    return last is None or (last.kind, last.result, last.target) != (Act.ROLLBACK, Result.SUCCEEDED, plan.target)


def _overridden(releases: RecordedReleases, plan: Plan, override: str | None) -> str | None:
    """The override without which the command would be refused; None if it is permitted without one."""
    refusal = refuse_gone(plan, (releases.current, *releases.history)) or _refuse_rolled_back(releases, plan)
    if override is None:
        raise_refusal(refusal)
    return None if refusal is None else override


def _refuse_rolled_back(releases: RecordedReleases, plan: Plan) -> Refusal | None:
    """Refuses a rollback to a version that was rolled back itself."""
    if plan.act is not Act.ROLLBACK or plan.source.colour == plan.target:
        return None
    last = beneath(releases, plan.source.colour) or releases.current  # an abort continues beneath a killed switch
    version = find_rolled_back(releases.rolled_back, plan.target, plan.to_tag)
    abortable = last is not None and last.running and last.kind == Act.DEPLOY and last.phase is not Phase.RETIRE
    return refuse_rolled_back_target(plan, version, abortable=abortable)


def _begun(
    releases: RecordedReleases,
    plan: Plan,
    reason: str | None,
    now: datetime,
    override: str | None,
    together: tuple[str, ...] = (),
) -> RecordedReleases:
    source, from_tag = plan.source.colour.value, plan.source.tag
    releases = without_abandoned(releases, source, now)
    if source == plan.target:
        source, from_tag = _other_side(releases, plan)
    holder = Holder(plan.act.value)
    continued = None if plan.patch else _unfinished(releases.current, plan)
    record = ReleaseRecord(
        id=new_id(now) if continued is None else continued.id,
        kind=plan.act.value,
        service=plan.observation.name.key,
        source=source,
        target=plan.target.value,
        from_tag=from_tag,
        tag=plan.to_tag,
        actor=holder.user,
        host=holder.host,
        started=to_text(now),
        reason=reason,
        together=together,
        hooks=() if continued is None else continued.hooks,
        override=override or (None if continued is None else continued.override),
        replaces=None if continued is None else continued.replaces,
    ).entering(Phase.SWITCH, now)
    is_marked = plan.completes and find_rolled_back(releases.rolled_back, source, from_tag) is not None
    if plan.act is Act.ROLLBACK and from_tag is not None and not is_marked and not _is_drilled(releases, source):
        version = RolledBack(source, from_tag, record.id, record.started, record.actor, reason)
        releases = releases.rolling_back(version)
    return beginning(releases, record, plan.source.colour, now)


def _other_side(releases: RecordedReleases, plan: Plan) -> tuple[str, str | None]:
    """The colour and the version that a release of what serves already leaves, as an earlier command has them."""
    serving, current, begun = plan.target.value, releases.current, latest_begun(releases)
    if plan.act is Act.ROLLBACK and current is not None and begun is not None:
        is_half_back = plan.completes and current.running and (current.kind, current.source) == (Act.DEPLOY, serving)
        if is_half_back:  # a deploy whose own rollback has not written the weights
            return current.target, current.tag
        if has_not_switched(begun, serving):  # together with others, which have switched
            return begun.target, begun.tag
    last = latest(releases, serving)
    if last is None or last.target != serving or last.source == serving:
        return plan.target.other.value, None
    return last.source, last.from_tag


def _unfinished(last: ReleaseRecord | None, plan: Plan) -> ReleaseRecord | None:
    """The release of a killed command that is run again, whose hooks are not run again; None otherwise."""
    if last is None or not last.running:
        return None
    return last if (last.kind, last.target) == (plan.act, plan.target) else None


def _ended(releases: RecordedReleases, record: ReleaseRecord, now: datetime) -> RecordedReleases:
    releases = ending(releases, record, now)
    if record.result is not Result.SUCCEEDED:
        return releases
    if record.kind == Act.SWITCH:
        return releases.permitting(record.tag)
    # The version that a rollback leaves may have the same tag, in the other colour.
    serving = (record.target, record.tag)
    others = tuple(version for version in releases.rolled_back if (version.colour, version.tag) != serving)
    return replace(releases, rolled_back=others)
