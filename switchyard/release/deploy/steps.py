"""The steps of a release on the cluster and with the engine. Each step can be repeated after a kill."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from switchyard.config.models.drain import DrainMethod
from switchyard.config.models.service import BlueGreenSettings, Colour, Track
from switchyard.config.models.switch_engine import SwitchEngine
from switchyard.errors import EngineError, GateRefusedError
from switchyard.kube.polling import poll_until
from switchyard.release.by_hand import switch_by_hand
from switchyard.release.deploy.acts import Acts, Patch, SingleServiceActs, Warming
from switchyard.release.deploy.early_watch import EarlyWatch
from switchyard.release.deploy.journal import LeasedDeployJournal, NoRecord, RollbackJournal
from switchyard.release.deploy.old_readings import OldReadings
from switchyard.release.deploy.protocol import Ended
from switchyard.release.deploy.refusals import abort_incomplete
from switchyard.release.deploy.retirement import check_unused, retired
from switchyard.release.deploy.switch_doubt import recheck_after_watch
from switchyard.release.deploy.switch_receipt import CONDEMNED, SwitchReceipt
from switchyard.release.deploy.warm_changes import ColourChange
from switchyard.release.deploy.watch_readiness import check_metrics
from switchyard.release.drain.drain import drain, undrain
from switchyard.release.drain.report import DrainReport, renews
from switchyard.release.engine.convergence import Convergence
from switchyard.release.engine.convergence_text import still_to_do, updated
from switchyard.release.phases import Event
from switchyard.release.plan import Act, Observation, Plan
from switchyard.release.receipt.warnings import not_renewed_yet
from switchyard.release.record.release_record import ReleaseRecord
from switchyard.release.record.standing import Live
from switchyard.release.record.verdict_numbers import WatchedVerdict
from switchyard.release.release_context import ReleaseContext
from switchyard.release.retries import until_answered
from switchyard.release.switch.fast_lane import FastLane
from switchyard.release.switch.following import still_behind
from switchyard.release.switch.protocol import SwitchSteps
from switchyard.release.switch.warming import warm
from switchyard.release.watch.verdict import Outcome, Verdict, in_words
from switchyard.release.watch.watch import Start, start_of, watch

EVENTS = {Outcome.PASS: Event.PASSED, Outcome.BREACH: Event.BREACHED}
"""The event for each outcome of a watch; other outcomes count as undecided."""

ENDPOINT_SECONDS = 15.0
"""Seconds within which another controller must write the endpoints of ready pods."""


class ClusterSteps:
    """The steps of a release on a cluster.

    Args:
        place: context of the release.
        journal: journal of the release.
        settings: settings of the service.
        acts: changes by the engine and of the selector; None for a service that is released alone.
    """

    def __init__(
        self, place: ReleaseContext, journal: LeasedDeployJournal, settings: BlueGreenSettings, acts: Acts | None = None
    ) -> None:
        self._place = place
        by_weights = settings.engine is SwitchEngine.ALB_WEIGHTS
        self._acts = acts or SingleServiceActs(place.engine, journal, place.warn, by_weights=by_weights)
        self._journal = journal
        self._settings = settings
        self._configured = settings.active
        self._early_watch = EarlyWatch(self._acts)
        self._receipt = SwitchReceipt(self._early_watch)
        self._old_readings = OldReadings(place)
        self._watched = WatchedVerdict(journal.now, place.on_tick)
        self._converging: asyncio.Task[Convergence] | None = None

    async def live(self) -> Live:
        """Reads which colour serves, and which colours have ready pods, or none in the configuration."""
        observation = await self._place.observe()
        ready = {colour.value for colour, state in observation.colours.items() if state.ready}
        settings, split = observation.settings, not observation.is_at(observation.serving)
        sized = settings.autoscaling is not None  # by an autoscaler, whatever the configuration says
        empty = {colour.value for colour in Colour if not sized and not settings.own(Track(colour)).replicas}
        return Live(observation.serving, ready, split, unconfigured=empty)

    async def warm(self, record: ReleaseRecord) -> Ended:
        """Creates the pods of the new version in the idle colour, and waits until they are ready."""
        observation, old = await self._observed(record), Colour(record.source)
        await self._old_readings.add(observation, old)
        pods = observation.colours[old].wanted
        target, tag = Colour(record.target), str(record.tag)
        change = ColourChange(record.service, target, {"tag": tag, "replicas": pods})
        await self._acts.warm(Warming(change, tag, observation.colours[target].configured))
        self._settings = self._with(record, pods)
        observation = await poll_until(
            lambda: self._observed(record),
            lambda now: (now.colours[target].tag, now.colours[target].ready >= pods) == (tag, True),
            seconds=ENDPOINT_SECONDS,
            every=1,
        )
        state = observation.colours[target]
        if state.tag != tag or state.ready < pods:
            return Ended(Event.FAILED, f"{state}, and {pods} pods of {tag} were wanted")
        return Ended(Event.PASSED, str(state))

    async def prove(self, record: ReleaseRecord) -> Ended:
        """Checks the gates for the new version before it serves."""
        plan = await self._plan(record)
        await self._old_readings.add(plan.observation, Colour(record.source))
        await self._lane().pass_gates(plan, intended=await self._journal.is_meant(record))
        unread = await check_metrics(self._place, plan, record)
        return Ended(Event.PASSED, ". ".join(filter(None, (f"{plan.to.ready} pods ready, gates passed", unread))))

    async def switch(self, record: ReleaseRecord) -> Ended:
        """Changes the selector to the new colour, and starts the watch of the new version."""
        plan, lane = await self._plan(record), self._lane()
        observation = plan.observation
        name, settings, undrained, start = observation.name, observation.settings, None, None
        if plan.patch:
            undrained = (await undrain(self._place.cluster, name, settings, plan.target)).problem
            if settings.release.watch.seconds:
                earlier = self._old_readings.earliest
                start = await start_of(self._place.access, name, settings, Track(plan.target), earlier)
        patched = await self._acts.patch(Patch(plan, lane, lambda: self._observed(record)))
        if start is not None:
            self._early_watch.begin(self._judged(record, observation, start))
        receipt = await self._receipt.follow(lane, plan, record, patched)
        notes = (f"{plan.target} serves {record.tag}", undrained, receipt.doubt)
        return Ended(Event.PASSED, ". ".join(filter(None, notes)), receipt.to_json())

    async def drain(self, record: ReleaseRecord) -> Ended:
        """Ends the connections to the old colour, and updates configuration and state to the colour that serves.

        The rollback of a bad version does not wait for it.
        """
        if self.is_condemned():
            return Ended(Event.FAILED, CONDEMNED)
        observation, old, target = await self._observed(record), Colour(record.source), Colour(record.target)
        drained = asyncio.create_task(self._drain(record, observation, old))
        converging = self._converging = asyncio.create_task(self._acts.converge(record.service, target))
        if not await self._early_watch.permits(drained, converging):
            drained.cancel()
            return Ended(Event.FAILED, CONDEMNED)
        report, convergence = await drained, await converging
        problem = self._forward(record, convergence)
        whole = await self._early_watch.result(self._receipt.end(record, report), None)
        if whole is None:
            return Ended(Event.FAILED, CONDEMNED)
        event = Event.FAILED if report.problem else Event.PASSED
        detail = " ".join(text for text in (report.summary, problem) if text)
        return Ended(event, detail, whole.document, lines=whole.lines)

    def is_configured(self, record: ReleaseRecord) -> bool:
        """Whether the configuration has the new colour as the one that serves."""
        return self._configured == record.target

    async def converge(self, record: ReleaseRecord) -> str:
        """Updates configuration and state to the new colour, which serves, and returns a text about it."""
        convergence = await self._acts.converge(record.service, Colour(record.target))
        return self._forward(record, convergence) or updated(record.service, record.target, self._place.stack)

    async def _drain(self, record: ReleaseRecord, observation: Observation, old: Colour) -> DrainReport:
        """Ends the connections to the old colour. A renewal of its pods waits for every node, as in the fast lane."""
        if renews(observation.settings):
            plan = await self._plan(record)
            if nodes := await still_behind(self._place.cluster, plan, record.receipt):
                return DrainReport(old, DrainMethod.RENEW, problem=not_renewed_yet(plan, nodes))
        return await drain(self._place.cluster, observation.name, observation.settings, old)

    async def watch(self, record: ReleaseRecord) -> Ended:
        """Judges the new version by its requests and its pods."""
        self._receipt.cancel()  # of a drain that has failed, which has not ended it

        async def judged() -> Verdict:
            observation = await until_answered(lambda: self._observed(record))
            return await self._judged(record, observation)

        verdict = await self._early_watch.verdict(judged)
        if isinstance(verdict, Ended):
            return verdict
        numbers = self._watched.numbers(verdict, self._settings.release.watch)
        ended = Ended(EVENTS.get(verdict.outcome, Event.NO_VERDICT), in_words(verdict), numbers=numbers)
        return await self._seen(record, ended) if record.doubt and ended.event is Event.PASSED else ended

    async def _seen(self, record: ReleaseRecord, ended: Ended) -> Ended:
        """The outcome of a watch, after a switch in doubt was checked again. A bad version does not wait for it."""
        recheck = recheck_after_watch(ended, self._place.cluster, record, lambda: self._observed(record))
        return await self._early_watch.result(recheck, ended)

    def _judged(
        self, record: ReleaseRecord, observation: Observation, start: Start | None = None
    ) -> Coroutine[Any, Any, Verdict]:
        access, name, settings = self._place.access, observation.name, observation.settings
        return watch(access, name, settings, self._watched, track=Track(record.target), start=start)

    async def check_unused(self, record: ReleaseRecord) -> str | None:
        """Raises `GateRefusedError` while the old colour may get requests. Returns why that could not be seen."""
        observation, configured = await self._observed(record), self.is_configured(record)
        return await check_unused(self._place.cluster, record, observation, configured=configured)

    async def retire(self, record: ReleaseRecord) -> Ended:
        """Deletes the pods of the old colour, which gets no more requests."""
        unseen = await self.check_unused(record)
        await self._remove(record, Colour(record.source))
        return retired(record, unseen)

    async def roll_back(self, record: ReleaseRecord, reason: str, *, marks: bool = True) -> Ended:
        """Changes the selector back to the old colour if necessary.

        Args:
            record: record of the release.
            reason: reason of the rollback.
            marks: whether to record the version as one that was rolled back.
        """
        self._early_watch.cancel()
        self._receipt.cancel()
        observation, old = await self._observed(record), Colour(record.source)
        journal = RollbackJournal(self._journal, record, self._acts.because(), marks=marks)
        lane = FastLane(self._place.access, self._place.cluster, journal, self._place.warn)
        if observation.serving == old:
            plan = Plan(Act.ROLLBACK, observation, old, patch=not observation.is_at(old))
        else:
            plan = await lane.plan_rollback(observation)
        await self._journal.confirm()
        steps = SwitchSteps(
            observe=lambda: self._observed(record),
            warm=lambda planned: warm(self._place.engine, planned, self._place.warn),
            converge=lambda _: self._converge_back(record, observation.pods_to_configure(old)),
        )
        outcome = await lane.run(plan, reason, steps)
        for line in plan.warnings:
            self._place.warn(line)
        undone = still_to_do(outcome.convergence, observation.name, old, self._place.stack)
        problems = (outcome.receipt.doubt, undone)
        return Ended(Event.PASSED, " ".join(filter(None, problems)) or None, outcome.receipt.to_json())

    def by_hand(self, record: ReleaseRecord) -> str:
        """The commands that have the old colour serve without this program."""
        return switch_by_hand(self._settings.named(record.service), self._settings, Colour(record.source))

    async def withdraw(self, record: ReleaseRecord) -> str:
        """Deletes the pods of a new version that has not served. Returns a text about remaining pods."""
        try:
            await self._remove(record, Colour(record.target))
        except (EngineError, GateRefusedError) as error:
            return abort_incomplete(record, str(error))
        return f"The pods of {record.target} are deleted"

    async def until_condemned(self) -> Ended:
        """Waits until another version of the group has failed its watch."""
        return await self._acts.until_condemned()

    async def _remove(self, record: ReleaseRecord, colour: Colour) -> None:
        """Scales a colour to 0 pods by an update, whose gates refuse it for a colour that serves."""
        await self._acts.remove(Warming(ColourChange(record.service, colour, {"replicas": 0}), str(record.tag)))

    async def _observed(self, record: ReleaseRecord) -> Observation:
        """Reads the service, with the settings that the release has given to its new colour."""
        observation = await self._place.observe()
        own = self._settings.own(Track(record.target))
        pods = own.replicas if own.tag == record.tag else 0
        wanted = observation.colours[Colour(record.source)].wanted
        return replace(observation, settings=self._with(record, pods or wanted))

    def _with(self, record: ReleaseRecord, pods: int) -> BlueGreenSettings:
        colour = self._settings.own(Track(record.target)).model_copy(update={"tag": record.tag, "replicas": pods})
        return self._settings.model_copy(update={record.target: colour})

    async def _plan(self, record: ReleaseRecord) -> Plan:
        observation, target = await self._observed(record), Colour(record.target)
        return Plan(Act.SWITCH, observation, target, patch=not observation.is_at(target))

    def _lane(self) -> FastLane:
        return FastLane(self._place.access, self._place.cluster, NoRecord(self._journal), self._place.warn)

    async def _converge_back(self, record: ReleaseRecord, replicas: int | None) -> Convergence:
        self._journal.begin_sending()
        if self._converging is not None:
            await self._converging  # which still holds the lock of the state
        return await self._acts.converge_back(record.service, Colour(record.source), replicas)

    def is_condemned(self) -> bool:
        """Whether the watch, which started with the switch, has already judged the new version bad."""
        return self._early_watch.is_condemned

    def _forward(self, record: ReleaseRecord, convergence: Convergence) -> str | None:
        """What is still to be done after the update to the new colour; None if that is nothing."""
        target = Colour(record.target)
        if convergence.config:
            self._configured = target
        return still_to_do(convergence, record.service, target, self._place.stack, deploying=True)
