"""Synchronises services that are released together, and applies the outcome of one to the others.

Each service has its own release, with its own record, hooks and phases. Until the watch has passed they go through the
phases in step: no service starts a phase before all have passed the previous one.

- A version that is refused or fails before the switch ends the releases of all, and nothing is switched.
- If a version fails its watch, all are rolled back at once.
- If the watch of a version is undecided, all are held, so that all can still be rolled back together.

From the bake on, the releases are independent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from switchyard.errors import GateRefusedError
from switchyard.release.deploy.group_refusals import report_other
from switchyard.release.deploy.protocol import Ended
from switchyard.release.phases import Event, Phase

ORDER = list(Phase)

ENDS = frozenset({Event.REFUSED, Event.FAILED})
"""Outcomes that end a release that has not switched."""


ForAll = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""An action for several releases: takes the value of each, and returns the result for each, or None."""


@dataclass
class PhaseBarrier:
    """Waits until every service of a group has reached a point, where one service then acts for all of them.

    Attributes:
        values: the value that each service contributes, by the key of the service.
        begun: whether the action has started.
        answer: result or error of the action; None before it has ended.
    """

    values: dict[str, Any] = field(default_factory=dict)
    begun: bool = False
    answer: "tuple[Any, BaseException | None] | None" = None


class ReleaseGroup:
    """Services that are released together.

    Args:
        phases: the phase of each release, by the key of the service.
    """

    def __init__(self, phases: Mapping[str, Phase]) -> None:
        self._phases = dict(phases)
        self._passed: dict[str, set[Phase]] = {key: set() for key in phases}
        self._setbacks: dict[str, tuple[Phase, Ended]] = {}
        self._gone: set[str] = set()
        self._barriers: dict[str, PhaseBarrier] = {}
        self._ending: set[str] = set()
        self._changed = asyncio.Event()

    def enter(self, key: str, phase: Phase) -> None:
        """Records that a release has started a phase."""
        self._phases[key] = phase
        self._notify()

    def leave(self, key: str, setback: Ended | None) -> None:
        """Records that this command does nothing more for a release.

        Args:
            key: key of the service.
            setback: why the command did not reach its goal; None if it did.
        """
        self._gone.add(key)
        if setback is not None:
            self._setbacks.setdefault(key, (self._phases[key], setback))
        self._notify()

    def rejoin(self, keys: Iterable[str]) -> None:
        """Lets releases continue that had to wait for others to end."""
        self._gone.difference_update(keys)

    async def agree(self, key: str, phase: Phase, ended: Ended, *, new: bool) -> Ended:
        """The outcome of a phase for one release, given the outcomes of all releases.

        Args:
            key: key of the service.
            phase: the phase that has ended.
            ended: outcome of this release.
            new: whether the new version served when the phase started.
        """
        if phase in {Phase.DRAIN, Phase.RETIRE}:
            return ended
        self._passed[key].add(phase)
        goes_along = ended.event is Event.BREACHED and self.condemned(key) is not None
        if ended.event is not Event.PASSED and not goes_along:
            self._setbacks[key] = (phase, ended)
        self._notify()
        if ended.event in {Event.PASSED, Event.NO_VERDICT}:
            await self._until(
                lambda: self._decided(key, phase) or all(self._is_through(other, phase) for other in self._phases)
            )
        return shared(ended, phase, self._other(key, phase), new=new)

    async def meet(
        self,
        key: str,
        phase: Phase,
        value: Any,
        act: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]],
    ) -> Any:
        """Runs an action once for all releases in a phase, when each of them is ready for it.

        Args:
            key: key of the service.
            phase: the phase of the action.
            value: the value of this service.
            act: the action, which the last release to arrive runs.

        Raises:
            GateRefusedError: another release has ended before it was ready.
        """
        barrier = self._barriers.setdefault(phase, PhaseBarrier())
        barrier.values[key] = value
        self._notify()
        await self._until(lambda: barrier.begun or self._decided(key, phase) or self._is_complete(barrier, phase))
        if not barrier.begun and (other := self._other(key, phase)) is not None:
            raise GateRefusedError(report_other(*other))
        return await self._answer(key, barrier, act)

    async def meet_those_that_come(self, key: str, name: str, value: Any, act: ForAll) -> Any:
        """Runs an action once for all releases that end with it, without waiting for those that end otherwise.

        Args:
            key: key of the service.
            name: name of the action.
            value: the value of this service.
            act: the action.
        """
        self._ending.add(key)  # and is not waited for elsewhere, as it would wait for the others there
        barrier = self._join(key, name, value)
        await self._until(lambda: barrier.begun or self._phases.keys() <= {*barrier.values, *self._gone, *self._ending})
        return await self._answer(key, barrier, act)

    async def meet_on_the_way(self, key: str, phase: Phase, value: Any, act: ForAll) -> Any:
        """Runs an action once for all releases that need it in a phase. Others may pass the phase without it.

        Args:
            key: key of the service.
            phase: the phase of the action.
            value: the value of this service.
            act: the action.

        Returns:
            The result for this service; None, without running the action, once a version has failed its watch.
        """
        barrier = self._join(key, phase, value)
        await self._until(lambda: barrier.begun or self._goes_back() or self._is_complete(barrier, phase))
        if not barrier.begun and self._goes_back():
            return None
        return await self._answer(key, barrier, act)

    def condemn(self, key: str, detail: str) -> None:
        """Records that a version failed its watch, or that its old colour serves again: all are rolled back."""
        if not self._is_condemned(key):
            self._setbacks[key] = (self._phases[key], Ended(Event.BREACHED, detail))
        self._notify()

    def condemned(self, key: str) -> Ended | None:
        """The outcome of the watch of a release if another version failed its watch; None otherwise."""
        other = self._other(key, Phase.WARM)
        if other is None or other[1].event is not Event.BREACHED:
            return None
        return Ended(Event.BREACHED, report_other(*other))

    def because(self, key: str) -> str | None:
        """Key of another service whose version failed its watch; None if this one failed too."""
        own, other = self._setbacks.get(key), self._other(key, Phase.WARM)
        if other is None or other[1].event is not Event.BREACHED or (own and own[1].event is Event.BREACHED):
            return None
        return other[0]

    async def until_condemned(self, key: str) -> Ended:
        """Waits until another version has failed its watch."""
        await self._until(lambda: self.condemned(key) is not None)
        ended = self.condemned(key)
        if ended is None:
            raise RuntimeError("a version that was condemned is no more")
        return ended

    async def until_all_bake(self, key: str) -> None:
        """Waits until the watch of every other release has passed, by its record."""
        await self._until(
            lambda: all(
                other in self._gone or phase is Phase.RETIRE for other, phase in self._phases.items() if other != key
            )
        )

    def _join(self, key: str, name: str, value: Any) -> PhaseBarrier:
        """Adds the value of a service to a barrier; creates a new barrier if the last one was passed without it."""
        barrier = self._barriers.setdefault(name, PhaseBarrier())
        if barrier.begun:
            barrier = self._barriers[name] = PhaseBarrier()
        barrier.values[key] = value
        self._notify()
        return barrier

    async def _answer(
        self,
        key: str,
        barrier: PhaseBarrier,
        act: Callable[[Mapping[str, Any]], Awaitable[Any]],
    ) -> Any:
        if not barrier.begun:
            barrier.begun = True
            try:
                barrier.answer = (await act(dict(sorted(barrier.values.items()))), None)
            except BaseException as error:
                barrier.answer = (None, error)
                raise
            finally:
                self._notify()
        await self._until(lambda: barrier.answer is not None)
        answers, problem = barrier.answer or (None, None)
        if problem is not None:
            raise problem
        return answers.get(key) if isinstance(answers, dict) else answers

    def _is_through(self, key: str, phase: Phase) -> bool:
        """Whether a release has ended a phase, or started after it."""
        return key in self._gone or _after(self._phases[key], phase) or phase in self._passed[key]

    def _is_complete(self, barrier: PhaseBarrier, phase: Phase) -> bool:
        return all(key in barrier.values or key in self._gone or _after(at, phase) for key, at in self._phases.items())

    def _other(self, key: str, phase: Phase) -> tuple[str, Ended] | None:
        """Another release with a setback in a phase or before; None without one.

        A release that is rolled back has a setback in every phase.
        """
        others = [
            (other, ended)
            for other, (at, ended) in self._setbacks.items()
            if other != key and (ended.event is Event.BREACHED or not _after(at, phase))
        ]
        return min(others, key=lambda other: _severity(other[1].event), default=None)

    def _decided(self, key: str, phase: Phase) -> bool:
        other = self._other(key, phase)
        return other is not None and other[1].event is not Event.NO_VERDICT

    def _goes_back(self) -> bool:
        """Whether a version failed its watch, so that all are rolled back."""
        return any(map(self._is_condemned, self._setbacks))

    def _is_condemned(self, key: str) -> bool:
        return key in self._setbacks and self._setbacks[key][1].event is Event.BREACHED

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._changed.wait()


def shared(own: Ended, phase: Phase, other: tuple[str, Ended] | None, *, new: bool) -> Ended:
    """Computes the outcome of a phase of one release of a group: a pure function.

    Args:
        own: outcome of this release.
        phase: the phase that has ended.
        other: the key of another release that has a setback, with its outcome; None without one.
        new: whether the new version served when the phase started.
    """
    if own.event in ENDS and new and phase is Phase.SWITCH:
        return replace(own, event=Event.BREACHED)  # others have not switched: this one goes back
    if other is None or own.event not in {Event.PASSED, Event.NO_VERDICT}:
        return own
    serves, why, event = new or phase is Phase.SWITCH, report_other(*other), other[1].event
    if event is Event.NO_VERDICT or (event is Event.LOST and serves):
        # The state of the other is not known: all that have switched can still go back, and wait for an operator.
        holds = phase is Phase.WATCH and own.event is Event.PASSED
        return replace(own, event=Event.NO_VERDICT, detail=f"{own.detail}. {why}") if holds else own
    if serves:
        return replace(own, event=Event.BREACHED, detail=why)
    return replace(own, event=event if event in ENDS else Event.FAILED, detail=why)


def _after(phase: Phase, other: Phase) -> bool:
    return ORDER.index(phase) > ORDER.index(other)


def _severity(event: Event) -> int:
    order = (Event.BREACHED, Event.REFUSED, Event.FAILED, Event.LOST, Event.NO_VERDICT)
    return order.index(event) if event in order else len(order)
