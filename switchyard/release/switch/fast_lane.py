"""The fast lane: a switch or a rollback of a service, in an order that is safe if it is killed.

1. Observe the service, and check the gates.
2. Take the Lease, so that one command at a time works on a service.
3. Record the planned switch, and for a rollback the version that no automatic update may release again.
4. Patch the selector, and the weights where a load balancer switches. Whatever happens from here on, the target serves.
5. Watch the endpoints follow, and the load balancer.
6. End the connections that clients keep to the old colour. Meanwhile, check each node until it follows, and then
   update configuration and state.
7. End the record, with the receipt.

If the command is killed before step 4, the old colour continues to serve. After it, the same command continues.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import Colour, Track
from switchyard.errors import ClusterError, GateRefusedError
from switchyard.gates.autoscaling import read_sizings, warm
from switchyard.gates.base import Warn, raise_refusal
from switchyard.gates.rules.refusal import Refusal
from switchyard.kube.access import ClusterAccess
from switchyard.kube.clock import from_text, to_text
from switchyard.kube.cluster import Cluster
from switchyard.release.drain.drain import drain, undrain
from switchyard.release.drain.report import DrainReport, renews
from switchyard.release.engine.convergence import Convergence
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.receipt import Receipt
from switchyard.release.receipt.warnings import judged, not_renewed_yet
from switchyard.release.record.previous import previous
from switchyard.release.refusals import refuse_changed, refuse_no_pods, refuse_serving
from switchyard.release.rollback_warnings import rollback_warnings
from switchyard.release.switch.journal_protocol import SwitchJournal, end, lost_lease
from switchyard.release.switch.protocol import SwitchOutcome, SwitchSteps
from switchyard.release.switch.record_refusals import report_unread
from switchyard.release.switch.switching import switching_of
from switchyard.release.switch.warming import warmed
from switchyard.release_errors import ForeignRecordError, LeaseLostError, RecordUnreadableError, ReleaseError

if TYPE_CHECKING:
    from switchyard.release.receipt.counting import Counting, Followed


class FastLane:
    """A switch or a rollback of one service.

    Args:
        access: the cluster of the stack.
        cluster: the connected cluster of the stack.
        journal: journal of the service.
        warn: reports a warning of a gate.
        begun: monotonic start of the command, from which the times of the receipt count.
        gentle: whether a rollback ends kept connections as a switch does, because the version is not bad.
    """

    def __init__(
        self,
        access: ClusterAccess,
        cluster: Cluster,
        journal: SwitchJournal,
        warn: Warn,
        begun: float | None = None,
        *,
        gentle: bool = False,
    ) -> None:
        self._access = access
        self._cluster = cluster
        self._journal = journal
        self._warn = warn
        self._begun = time.monotonic() if begun is None else begun
        self._gentle = gentle

    async def plan_switch(self, observation: Observation, colour: Colour | None) -> Plan:
        """Plans a switch.

        Args:
            observation: observation of the service.
            colour: the colour that is to serve; None for the other colour.

        Raises:
            GateRefusedError: the colour already serves and is configured as active.
        """
        target = colour or observation.serving.other
        if not observation.is_at(target):
            return Plan(Act.SWITCH, observation, target)
        if observation.settings.active == target and await self._journal.left_open(target) is None:
            raise_refusal(refuse_serving(observation, target, Act.SWITCH))
        return Plan(Act.SWITCH, observation, target, patch=False)

    async def plan_rollback(self, observation: Observation) -> Plan:
        """Plans a rollback.

        Raises:
            GateRefusedError: there is no previous version, or none of its pods is ready.
            switchyard.errors.ReleaseError: the record cannot be read; the text has the commands that switch by hand.
        """
        converged = observation.settings.active == observation.serving
        try:
            last = await self._journal.last(observation.serving)
        except (ForeignRecordError, RecordUnreadableError) as error:
            raise type(error)(report_unread(observation, str(error))) from None
        before = previous(observation, last, converged=converged)
        if isinstance(before, Refusal):
            raise GateRefusedError(str(before))
        patch = before.patch or not observation.is_at(before.colour)
        plan = Plan(Act.ROLLBACK, observation, before.colour, patch=patch)
        if not patch:
            return plan
        if before.tag is not None and (not plan.to.wanted or plan.to.tag != before.tag):
            return replace(plan, warm_tag=before.tag)
        raise_refusal(refuse_no_pods(observation, before.colour, Act.ROLLBACK))
        return replace(plan, warnings=rollback_warnings(plan))

    async def run(self, plan: Plan, reason: str | None, steps: SwitchSteps) -> SwitchOutcome:
        """Carries out a plan.

        Args:
            plan: the plan that the operator has confirmed.
            reason: the operator's reason.
            steps: further steps by the engine.

        Raises:
            GateRefusedError: a gate refuses, or somebody has changed the Service since the plan was made.
            switchyard.errors.ClusterError: the API server does not answer, or does not permit it.
        """
        async with self._journal.held(plan):
            if plan.patch:
                plan = await self._planned_again(plan, steps)
            plan = await warmed(plan, steps.warm, self.restore_pods, steps.observe)
            if plan.warm_tag is not None:  # until now there were no pods to compare
                for warning in rollback_warnings(plan):
                    self._warn(warning)
            started = self.begun(await self._journal.begin(plan, reason))
            async with self._ended_on_error(plan):
                await self._journal.confirm()
                patched = await self.patch(plan) if plan.patch else None
            outcome = await self._followed(plan, Receipt(started, patched_after=patched), steps)
            outcome = replace(outcome, receipt=judged(plan, outcome.receipt))
            problems = (outcome.receipt.doubt, outcome.convergence.problem)
            await end(self._journal, plan, outcome.receipt, " ".join(filter(None, problems)) or None, self._warn)
        return outcome

    async def _followed(self, plan: Plan, receipt: Receipt, steps: SwitchSteps) -> SwitchOutcome:
        """Runs the steps after the patch. The drain does not wait for the nodes, nor the receipt for the drain."""
        counting, task = await self._observed(plan, receipt)

        async def converged() -> Convergence:
            followed = await task
            if (lost := await lost_lease(self._journal)) is not None:
                raise lost
            if followed.content_warning is not None:
                self._warn(followed.content_warning)
            return await steps.converge(followed)

        drained, convergence = await asyncio.gather(self.drain(plan, task), converged())
        return SwitchOutcome(await counting.end(replace(await task, drain=drained)), convergence)

    async def _observed(self, plan: Plan, receipt: Receipt) -> "tuple[Counting, asyncio.Task[Receipt]]":
        """Observes the endpoints, and starts to count requests and to ask the nodes. Returns the count and the task.

        The requests of the old colour are followed once every node has been asked.
        """
        from switchyard.release.switch.following import Following  # noqa: PLC0415 - nothing of it is needed before the patch

        following = Following(self._cluster, plan, self._elapsed)
        receipt = await following.endpoints(receipt)

        from switchyard.release.receipt.counting import Counting  # noqa: PLC0415 - a parser that the endpoints do not wait for

        counting = Counting(self._cluster.api, plan, self._elapsed)
        counting.begin()

        async def asked() -> Receipt:
            followed = await following.nodes_and_content(receipt)
            counting.follow_old()
            return followed

        return counting, asyncio.create_task(asked())

    async def _planned_again(self, plan: Plan, steps: SwitchSteps) -> Plan:
        """Plans again under the Lease, because another command may have retired or warmed a colour."""
        if plan.act is Act.SWITCH or plan.completes:
            if plan.completes or steps.waited():
                plan = self._unchanged(plan, await steps.observe())
            if plan.act is Act.SWITCH:
                await self.pass_gates(plan)
            return plan
        now = await self.plan_rollback(await steps.observe())
        if (now.target, now.patch, now.to_tag, now.warm_tag) != (plan.target, plan.patch, plan.to_tag, plan.warm_tag):
            raise GateRefusedError(str(refuse_changed(plan.observation.name)))
        return now

    def _unchanged(self, plan: Plan, observation: Observation) -> Plan:
        """The plan from the present state, if the serving colour and the target's version are as confirmed."""
        now = replace(plan, observation=observation)
        if (now.source.colour, now.to_tag) != (plan.source.colour, plan.to_tag):
            raise GateRefusedError(str(refuse_changed(plan.observation.name)))
        return now

    async def restore_pods(self, plan: Plan) -> None:
        """Creates the pods of the target that somebody has removed by hand, which the engine does not notice."""
        observation = plan.observation
        track, wanted = Track(plan.target), plan.source.wanted
        await warm(self._cluster, observation.name, observation.settings, track, wanted)

    async def pass_gates(self, plan: Plan, *, intended: bool = True) -> None:
        """Checks the gates of a switch by `pulumi up`, with the same waits and refusals.

        Args:
            plan: the switch.
            intended: whether a version that was rolled back is permitted.
        """
        observation = plan.observation
        settings = observation.settings.model_copy(update={"active": plan.target})
        gates = switching_of(self._cluster, observation).gates(settings, self._access, self._warn)
        if settings.autoscaling is not None:
            key = observation.name.key
            gates.sizing = (await read_sizings(self._cluster, {key: settings}))[key]
        gates.intended, gates.by_command = intended, True
        await gates.before_command()

    @asynccontextmanager
    async def _ended_on_error(self, plan: Plan) -> AsyncGenerator[None, None]:
        try:
            yield
        except (ClusterError, GateRefusedError, LeaseLostError) as error:
            # A patch without an answer may have been applied: then the same command goes on from the record.
            if not isinstance(error, ClusterError) or not await self._may_serve(plan):
                with suppress(ClusterError, ReleaseError):  # the error of the switch says more; the command can go on
                    await self._journal.end(None, succeeded=False, detail=str(error))
            raise

    async def _may_serve(self, plan: Plan) -> bool:
        """Whether the target serves, or may serve because the Service cannot be read."""
        observation = plan.observation
        try:
            serving = await self._cluster.serving_track(observation.settings.namespace, observation.name)
        except ClusterError:
            return True
        return serving == Track(plan.target)

    async def patch(self, plan: Plan) -> float:
        """Has the target serve. Returns the seconds since the command began. Refuses a service changed by others."""
        await switching_of(self._cluster, plan.observation).patch(plan, self._journal.confirm)
        return self._elapsed()

    async def drain(self, plan: Plan, following: "asyncio.Future[Receipt]") -> DrainReport:
        """Ends the connections that clients keep to the old colour. A renewal after a switch continues by itself.

        A renewal waits for the nodes, because a node that does not follow does not know the replacement pods.
        """
        observation = plan.observation
        name, settings, old = observation.name, observation.settings, plan.target.other
        permitted = await undrain(self._cluster, name, settings, plan.target)
        if permitted.problem is not None:
            self._warn(permitted.problem)
        method = settings.release.drain.method
        if renews(settings):
            if nodes := (await following).may_send_to_old:
                return DrainReport(old, method, problem=not_renewed_yet(plan, nodes))
            if (lost := await lost_lease(self._journal)) is not None:
                return DrainReport(old, method, problem=str(lost))
        rolled_back = plan.act is Act.ROLLBACK and not self._gentle
        seconds = None if rolled_back or method is DrainMethod.ENDPOINT else 0
        return await drain(self._cluster, name, settings, old, seconds, rolled_back=rolled_back)

    async def follow(self, plan: Plan, started: str, patched: float | None) -> "Followed":
        """Observes the switch for a limited time, and starts to count. The switch is done whatever is observed.

        Args:
            plan: the switch.
            started: when the command began, RFC 3339.
            patched: result of `patch`; None if the selector was already right.
        """
        counting, task = await self._observed(plan, Receipt(started, patched_after=patched))
        from switchyard.release.receipt.counting import Followed  # noqa: PLC0415 - as above

        return Followed(await task, counting)

    def begun(self, now: str) -> str:
        """When this command began, RFC 3339 by the API server's clock, from which the times of the receipt count.

        The start of its release is later, if it has waited for the Lease or warmed a version before.

        Args:
            now: the present time by that clock, RFC 3339.
        """
        # Whole seconds as in the text, which has lost its fraction: the start is never before its cause in the record.
        return to_text(from_text(now) - timedelta(seconds=int(self._elapsed())))

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun
