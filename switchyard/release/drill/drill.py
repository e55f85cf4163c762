"""A drill: a rehearsed and timed rollback, made of two passes through the fast lane.

1. It switches to the version to which `switchyard rollback` would return. The gates of a switch apply.
2. It waits for the pods of the first colour, which may be renewed to end kept connections.
3. It rolls back. The gates of a switch do not apply to the rollback, whose receipt has the time.

Configuration and state are not touched, because in the end the Service selects the colour that they have.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from switchyard.config.models.service import Colour
from switchyard.errors import ClusterError, GateRefusedError
from switchyard.gates.base import Warn, raise_refusal
from switchyard.kube.access import ClusterAccess
from switchyard.kube.cluster import Cluster
from switchyard.kube.polling import poll_until
from switchyard.kube.rolled_back import find_rolled_back
from switchyard.release import retries
from switchyard.release.drill.journal import DrillJournal
from switchyard.release.drill.refusals import not_back, refuse_not_warm, refuse_rolled_back, refuse_unsettled
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Act, ColourState, Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.replacing import beneath
from switchyard.release.record.store import RecordedReleases
from switchyard.release.refusals import refuse_changed
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.protocol import SwitchSteps
from switchyard.release_errors import DrillNotBackError

SETTLE_SECONDS = 60.0
"""Seconds to wait for the pods of the first colour. After that, the rollback starts in any case."""

POLL_SECONDS = 0.5
"""Seconds between two readings of these pods."""

Observe = Callable[[], Awaitable[Observation]]


@dataclass(frozen=True)
class DrillPlan:
    """The plan of a drill.

    Attributes:
        observation: observation of the service.
        source: the colour that serves before and after the drill.
        target: the colour that serves in between.
        unfinished: an earlier drill whose command has died, and that is only switched back; None for a new drill.
    """

    observation: Observation
    source: ColourState
    target: ColourState
    unfinished: ReleaseRecord | None = None

    @property
    def goes_back_only(self) -> bool:
        """Whether an earlier drill has switched, so that this command only switches back."""
        return self.unfinished is not None and self.observation.serving == self.target.colour


@dataclass(frozen=True)
class DrillOutcome:
    """The outcome of a drill.

    Attributes:
        out: receipt of the switch; None if an earlier command has switched.
        back: receipt of the rollback; None if nothing had to be done.
        problem: why the drill is not complete; None if it is.
    """

    out: Receipt | None
    back: Receipt | None
    problem: str | None = None


class Drill:
    """A drill of one service.

    Args:
        access: the cluster of the stack.
        cluster: the connected cluster of the stack.
        journal: journal of the service.
        observe: reads the service.
        warm: creates the pods of a version that was retired during the drill.
        warn: reports a warning.
    """

    def __init__(
        self,
        access: ClusterAccess,
        cluster: Cluster,
        journal: DrillJournal,
        observe: Observe,
        warm: Callable[[Plan], Awaitable[None]],
        warn: Warn,
    ) -> None:
        self._access = access
        self._cluster = cluster
        self._journal = journal
        self._observe = observe
        self._warm = warm
        self._warn = warn

    async def plan(self, observation: Observation, releases: RecordedReleases) -> DrillPlan:
        """The plan of a drill.

        Args:
            observation: observation of the service.
            releases: the record of the service.

        Raises:
            GateRefusedError: the other version is not warm or no longer works, or a release has not ended.
        """
        current = releases.current
        if current is not None and current.running and current.kind == Act.DRILL:
            colours = observation.colours
            return DrillPlan(observation, colours[Colour(current.source)], colours[Colour(current.target)], current)
        raise_refusal(refuse_unsettled(observation, current, beneath(releases, observation.serving)))
        other = observation.colours[observation.serving.other]
        raise_refusal(refuse_rolled_back(observation, find_rolled_back(releases.rolled_back, other.colour, other.tag)))
        rollback = await self._lane().plan_rollback(observation)
        raise_refusal(refuse_not_warm(rollback))
        await self._journal.check(rollback)
        return DrillPlan(observation, rollback.source, rollback.to)

    async def run(self, plan: DrillPlan, reason: str | None) -> DrillOutcome:
        """Switches to the other version and back.

        Args:
            plan: the plan that the operator has confirmed.
            reason: the operator's reason.

        Raises:
            GateRefusedError: the switch is refused; nothing was changed.
            DrillNotBackError: the other version serves, and the rollback is not done.
            switchyard.errors.ClusterError: the API server does not answer before anything was changed.
        """
        async with self._journal.lease():
            now = await self.plan(await self._observe(), await self._journal.read())
            if _is_other(now, plan):
                raise GateRefusedError(str(refuse_changed(plan.observation.name)))
            if now.unfinished is not None:
                self._journal.adopt(now.unfinished)
                return await self._back(now, reason, None, "an earlier drill was interrupted, and is ended by this one")
            return await self._out_and_back(now, reason)

    async def _out_and_back(self, plan: DrillPlan, reason: str | None) -> DrillOutcome:
        out, problem = None, None
        try:
            outcome = await self._lane().run(
                Plan(Act.SWITCH, plan.observation, plan.target.colour), reason, self._steps()
            )
            out = outcome.receipt
        except ClusterError as error:
            if not self._journal.begun or self._journal.ended:
                raise
            problem = f"the switch was interrupted: {error}"  # it may be done, and so it is rolled back
        else:
            await self._settled(plan)
        return await self._back(plan, reason, out, problem)

    async def _settled(self, plan: DrillPlan) -> None:
        """Waits until pods that were renewed to end their connections are ready again."""
        source = plan.source

        def is_ready(observation: Observation) -> bool:
            return observation.colours[source.colour].ready >= source.ready

        try:
            observation = await poll_until(self._observe, is_ready, seconds=SETTLE_SECONDS, every=POLL_SECONDS)
        except (ClusterError, GateRefusedError):
            return  # the rollback decides by itself
        if not is_ready(observation):
            state = observation.colours[source.colour]
            self._warn(f"After {SETTLE_SECONDS:.0f} s not all pods to which the drill returns are ready: {state}")

    async def _back(
        self, plan: DrillPlan, reason: str | None, out: Receipt | None, problem: str | None
    ) -> DrillOutcome:
        key, colour = plan.observation.name.key, plan.source.colour

        def waits(error: ClusterError) -> None:
            self._warn(retries.waiting(key, f"the rollback to {colour}", error))

        try:
            back = await retries.until_answered(lambda: self._once_back(plan, reason), waits)
        except (ClusterError, GateRefusedError) as error:
            raise self._not_back(plan, error) from None
        return DrillOutcome(out, back, problem)

    async def _once_back(self, plan: DrillPlan, reason: str | None) -> Receipt | None:
        """Makes one attempt of the rollback. Times of its receipt count from the start of the attempt."""
        lane = self._lane()
        observation = await self._observe()
        if observation.is_at(plan.source.colour):
            await self._journal.give_up(f"{plan.source.colour} served again without the rollback of the drill")
            return None
        rollback = Plan(Act.ROLLBACK, observation, plan.source.colour)
        if not rollback.completes:
            rollback = await lane.plan_rollback(observation)
        outcome = await lane.run(rollback, reason, self._steps())
        for line in rollback.warnings:
            self._warn(line)
        return outcome.receipt

    def _not_back(self, plan: DrillPlan, error: Exception) -> DrillNotBackError:
        target = plan.target
        source = f"{plan.source.colour} {plan.source.tag or ''}".rstrip()
        return DrillNotBackError(not_back(plan.observation.name, f"{target.colour} {target.tag}", source, str(error)))

    def _lane(self) -> FastLane:
        return FastLane(self._access, self._cluster, self._journal, self._warn, time.monotonic(), gentle=True)

    def _steps(self) -> SwitchSteps:
        async def converge(_: Receipt) -> Convergence:
            return Convergence(config=True, state=True)  # both have what serves before and after the drill

        return SwitchSteps(self._observe, self._warm, converge)


def _is_other(now: DrillPlan, plan: DrillPlan) -> bool:
    def sides(drill: DrillPlan) -> tuple[object, ...]:
        unfinished = None if drill.unfinished is None else drill.unfinished.id
        return drill.observation.serving, drill.source.tag, drill.target.colour, drill.target.tag, unfinished

    return sides(now) != sides(plan)
