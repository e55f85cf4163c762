"""Switches or rolls back several services together: all of their selectors are changed, or none.

1. The gates of every switch are checked. If one service is refused, all are refused.
2. The Leases are taken in the order of their names, so that two commands never wait for each other.
3. Each service is planned again from its present state, and a retired version is warmed.
4. Every record gets the planned switch, and the services that belong together.
5. The selectors are changed directly one after the other. If one of them fails, the earlier ones are changed back,
   and each is read again.
6. Endpoints and nodes are watched, kept connections are ended, and configuration and state follow, for all at once.

If the command is killed between two selectors, running it again changes the remaining ones, by the records.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from switchyard.errors import ClusterError, GateRefusedError
from switchyard.gates.base import Warn, raise_refusal
from switchyard.release import retries
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.receipt.warnings import judged
from switchyard.release.refusals import not_switched, refuse_changed, refuse_no_pods
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.journal_protocol import SwitchJournal, end, lost_lease
from switchyard.release.switch.protocol import SwitchOutcome
from switchyard.release.switch.together_refusals import report_split, report_undone
from switchyard.release.switch.warming import warmed
from switchyard.release_errors import LeaseLostError, ReleaseError, TogetherSplitError, TogetherUndoneError

if TYPE_CHECKING:
    from switchyard.release.receipt.counting import Followed

Value = TypeVar("Value")

EXPECTED = (ClusterError, GateRefusedError, ReleaseError)
"""Errors that stop a group, whose switches are then undone."""


async def permitted(_: Plan) -> None:
    """Permits every plan."""


@dataclass(frozen=True)
class Member:
    """One service of a group.

    Attributes:
        lane: fast lane of the service.
        journal: journal of the service, with the keys of all services.
        observe: reads the service again.
        warm: creates the pods of a retired version, and waits until they are ready.
        waited: whether another command was waited for since the service was read.
        permit: refuses a plan that is no longer permitted once the Leases are held: a freeze window may
            have opened in the meantime.
    """

    lane: FastLane
    journal: SwitchJournal
    observe: Callable[[], Awaitable[Observation]]
    warm: Callable[[Plan], Awaitable[None]]
    waited: Callable[[], bool] = lambda: False
    permit: Callable[[Plan], Awaitable[None]] = permitted


Plans = Mapping[str, Plan]
Receipts = Mapping[str, Receipt]


async def planned(plans: Mapping[str, Coroutine[Any, Any, Plan]]) -> dict[str, Plan]:
    """The plans of all services.

    Raises:
        GateRefusedError: a gate refuses one of the plans. The text has every reason.
    """
    return await all_or_reasons(plans)


class Together:
    """A group of services.

    Args:
        members: members by the key of the service.
        converge: updates configuration and state to the colours that serve, for all services at once.
        warn: reports that the API server is waited for while selectors are changed back.
    """

    def __init__(
        self,
        members: Mapping[str, Member],
        converge: Callable[[Plans, Receipts], Awaitable[Convergence]],
        warn: Warn = lambda _: None,
    ) -> None:
        self._members = dict(sorted(members.items()))
        self._converge = converge
        self._warn = warn

    async def run(self, plans: Plans, reason: str | None) -> dict[str, SwitchOutcome]:
        """Carries out the plans of all services, or of none.

        Args:
            plans: the confirmed plans, by the key of the service.
            reason: the operator's reason.

        Raises:
            GateRefusedError: a gate refuses, or somebody has changed a Service since it was planned.
            TogetherUndoneError: a selector could not be changed, and all serve as before.
            TogetherSplitError: a selector could not be changed, and not all others could be changed back.
        """
        await all_or_reasons({key: self._pass_gates(key, plans[key]) for key in self._members})
        async with AsyncExitStack() as leases:
            for key, member in sorted(self._members.items(), key=lambda item: _place(plans[item[0]])):
                await leases.enter_async_context(member.journal.held(plans[key]))
            plans = await all_or_reasons({key: self._planned_again(key, plans[key]) for key in self._members})
            plans = await self._warmed(plans)
            started, patched = await self.change(plans, reason)
            followed = await _each(
                {key: member.lane.follow(plans[key], started[key], patched[key]) for key, member in self._items()}
            )
            return await self._ended(plans, followed)

    def _items(self) -> Sequence[tuple[str, Member]]:
        return list(self._members.items())

    async def _pass_gates(self, key: str, plan: Plan) -> None:
        if plan.patch and plan.act is Act.SWITCH:
            await self._members[key].lane.pass_gates(plan)

    async def _planned_again(self, key: str, plan: Plan) -> Plan:
        """The plan from the present state under the Lease, because another command may have changed a colour."""
        member = self._members[key]
        if not plan.patch:
            return plan
        observation = await member.observe()
        if plan.act is Act.SWITCH:
            now = replace(plan, observation=observation)
            same = (now.source.colour, now.to_tag) == (plan.source.colour, plan.to_tag)
        else:
            now = await member.lane.plan_rollback(observation)
            same = (now.target, now.patch, now.to_tag, now.warm_tag) == (
                plan.target,
                plan.patch,
                plan.to_tag,
                plan.warm_tag,
            )
        if not same:
            raise GateRefusedError(str(refuse_changed(plan.observation.name)))
        if now.warm_tag is None:
            raise_refusal(refuse_no_pods(observation, now.target, now.act))
        await member.permit(now)
        if member.waited():
            await self._pass_gates(key, now)
        return now

    async def _warmed(self, plans: Plans) -> Plans:
        """The plans once every target has its pods. A refusal of one names the others that have got theirs."""
        done: dict[str, Plan] = {}
        for key, plan in plans.items():
            member = self._members[key]
            try:
                done[key] = await warmed(plan, member.warm, member.lane.restore_pods, member.observe)
            except GateRefusedError as error:
                others = [f"{key}: {not_switched(other)}" for key, other in done.items() if other.warm_tag is not None]
                raise GateRefusedError("\n".join([str(error), *others])) from None
        return done

    async def change(self, plans: Plans, reason: str | None) -> tuple[dict[str, str], dict[str, float | None]]:
        """Starts every record and changes every selector. If it is stopped, it undoes its changes."""
        started: dict[str, str] = {}
        patched: dict[str, float | None] = {}
        step = next(iter(plans))
        try:
            for step, member in self._items():
                started[step] = member.lane.begun(await member.journal.begin(plans[step], reason))
            for key, member in self._items():
                step = key
                await member.journal.confirm()
            for step, member in self._items():
                patched[step] = None  # a change without an answer may have been made
                if plans[step].patch:
                    patched[step] = await member.lane.patch(plans[step])
        except (*EXPECTED, asyncio.CancelledError) as error:
            await self._undo(plans, list(started), list(patched), step, error)
            raise
        return started, patched

    async def _undo(
        self, plans: Plans, begun: Sequence[str], touched: Sequence[str], failed: str, error: BaseException
    ) -> None:
        """Changes selectors back, and ends the records. The error names services that could not be changed back.

        Raises:
            TogetherUndoneError: all serve as before.
            TogetherSplitError: not all serve as before.
        """
        why = str(error) or "interrupted"
        split = {key: problem for key in reversed(touched) if (problem := await self._revert(key, plans[key]))}
        for key in begun:
            if key not in split:  # that of one that still serves the new colour stays open: the command can go on
                with suppress(*EXPECTED):
                    detail = f"together with {', '.join(plans)}, of which {failed} was not changed: {why}"
                    await self._members[key].journal.end(None, succeeded=False, detail=detail)
        if split:
            raise TogetherSplitError(report_split(plans, failed, why, split)) from error
        if not isinstance(error, asyncio.CancelledError):
            raise TogetherUndoneError(report_undone(plans, failed, why, touched)) from error

    async def _revert(self, key: str, plan: Plan) -> str | None:
        """Changes a selector back and reads it. Returns the reason if the old colour does not serve."""
        member, source = self._members[key], plan.source.colour
        if not plan.patch:
            return None

        async def changed_back() -> Observation:
            now = await member.observe()
            if not now.is_at(source):
                await member.journal.confirm()
                await member.lane.patch(Plan(plan.act, now, source))
                now = await member.observe()
            return now

        try:
            now = await retries.until_answered(
                changed_back, lambda error: self._warn(retries.waiting(key, f"the change back to {source}", error))
            )
        except EXPECTED as error:
            return str(error)
        return None if now.is_at(source) else f"{now.serving} serves, changed by somebody else"

    async def _ended(self, plans: Plans, followed: Mapping[str, "Followed"]) -> dict[str, SwitchOutcome]:
        """Ends kept connections and the records, while configuration and state follow.

        A service whose Lease a rollback has taken is left to the rollback, and the others continue without it.

        Raises:
            LeaseLostError: a Lease was taken. It is raised once the others have ended.
        """
        lost = {key: error for key, member in self._items() if (error := await lost_lease(member.journal)) is not None}
        plans = {key: plan for key, plan in plans.items() if key not in lost}
        outcomes = await self._converged(plans, {key: followed[key] for key in plans}, lost) if plans else {}
        if lost:
            raise LeaseLostError("\n".join(map(str, lost.values())))
        return outcomes

    async def _converged(
        self, plans: Plans, followed: Mapping[str, "Followed"], lost: dict[str, LeaseLostError]
    ) -> dict[str, SwitchOutcome]:
        """The outcome of the services whose Leases are held. A Lease lost at the end is added to the lost ones."""
        receipts = {key: switch.receipt for key, switch in followed.items()}
        drains = _each({key: self._members[key].lane.drain(plans[key], _known(receipts[key])) for key in plans})
        drained, convergence = await asyncio.gather(drains, self._converge(plans, receipts))
        whole = await _each({key: switch.ended(drained[key]) for key, switch in followed.items()})
        receipts = {key: judged(plans[key], receipt) for key, receipt in whole.items()}
        for key, receipt in receipts.items():
            problems = (receipt.doubt, convergence.problem)
            detail = " ".join(filter(None, problems)) or None
            try:
                await end(self._members[key].journal, plans[key], receipt, detail, self._warn)
            except LeaseLostError as error:
                lost[key] = error
        return {key: SwitchOutcome(receipt, convergence) for key, receipt in receipts.items()}


def _known(receipt: Receipt) -> "asyncio.Future[Receipt]":
    known: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    known.set_result(receipt)
    return known


def _place(plan: Plan) -> tuple[str, str]:
    """Namespace and name of the Lease of a service, the order in which all commands take Leases."""
    return plan.observation.settings.namespace, str(plan.observation.name)


async def _each(calls: Mapping[str, Coroutine[Any, Any, Value]]) -> dict[str, Value]:
    return dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))


async def all_or_reasons(calls: Mapping[str, Coroutine[Any, Any, Value]]) -> dict[str, Value]:
    """The results of all calls; if gates refuse some, one error with all reasons."""
    answers = await asyncio.gather(*calls.values(), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, GateRefusedError)]
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, GateRefusedError):
            raise answer
    if refusals:
        raise GateRefusedError("\n".join(map(str, refusals)))
    return dict(zip(calls, answers, strict=True))  # type: ignore[arg-type] # no exception is left
